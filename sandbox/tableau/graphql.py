"""The GraphQL that the Metadata API speaks: one query with variables, fields with arguments, inline fragments. A field or a type that the
schema does not have is refused, as the vendor refuses it; named fragments, directives and mutations are not there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(r'\.\.\.|"(?:[^"\\]|\\.)*"|[A-Za-z_]\w*|-?\d+|[{}()\[\]:$!=]')
_BETWEEN = re.compile(r"[\s,\ufeff]*(?:#[^\n]*[\s,]*)*")
SCALAR = ""


class Invalid(Exception):
    """The query cannot be run; the words are for ``errors``."""


@dataclass(frozen=True)
class Selection:
    """One field, or what is asked ``on`` a type (then ``name`` is empty)."""

    name: str
    alias: str = ""
    on: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    inner: tuple[Selection, ...] = ()


@dataclass(frozen=True)
class Variable:
    name: str


@dataclass(frozen=True)
class Schema:
    """``types``: type to its fields to the type of each (empty: a scalar). ``kinds``: interface to the object types that keep it."""

    types: Mapping[str, Mapping[str, str]]
    kinds: Mapping[str, tuple[str, ...]]


@dataclass
class Tokens:
    left: list[str]

    def take(self, wanted: str = "") -> str:
        if not self.left or (wanted and self.left[0] != wanted):
            raise Invalid(f"Invalid Syntax : offending token '{self.left[0] if self.left else '<EOF>'}'")
        return self.left.pop(0)

    def next_is(self, wanted: str) -> bool:
        return bool(self.left) and self.left[0] == wanted


def parsed(text: str) -> tuple[frozenset[str], tuple[Selection, ...]]:
    """(names of the variables that are declared, what is asked)."""
    tokens, declared = Tokens(list(_tokens(text))), []
    if not tokens.next_is("{"):
        tokens.take("query")
        if not tokens.next_is("(") and not tokens.next_is("{"):
            tokens.take()
        if tokens.next_is("("):
            while not tokens.next_is(")"):
                if tokens.take() == "$":
                    declared.append(tokens.take())
            tokens.take(")")
    found = _selections(tokens)
    if tokens.left:
        raise Invalid(f"Invalid Syntax : offending token '{tokens.left[0]}'")
    return frozenset(declared), found


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while (at := (_BETWEEN.match(text, at) or _BETWEEN.match("")).end()) < len(text):  # type: ignore[union-attr]
        match = _TOKEN.match(text, at)
        if match is None:
            raise Invalid(f"Invalid Syntax : offending token '{text[at]}'")
        yield match[0]
        at = match.end()


def _selections(tokens: Tokens) -> tuple[Selection, ...]:
    tokens.take("{")
    found = []
    while not tokens.next_is("}"):
        found.append(_selection(tokens))
    tokens.take("}")
    return tuple(found)


def _selection(tokens: Tokens) -> Selection:
    if tokens.next_is("..."):
        tokens.take()
        tokens.take("on")
        return Selection("", on=tokens.take(), inner=_selections(tokens))
    name = alias = tokens.take()
    if tokens.next_is(":"):
        tokens.take()
        name = tokens.take()
    arguments = {}
    if tokens.next_is("("):
        tokens.take()
        arguments = _named_values(tokens, ")")
    inner = _selections(tokens) if tokens.next_is("{") else ()
    return Selection(name, alias, arguments=arguments, inner=inner)


def _named_values(tokens: Tokens, end: str) -> dict[str, Any]:
    found = {}
    while not tokens.next_is(end):
        name = tokens.take()
        tokens.take(":")
        found[name] = _value(tokens)
    tokens.take(end)
    return found


def _value(tokens: Tokens) -> Any:
    token = tokens.take()
    if token == "$":
        return Variable(tokens.take())
    if token == "{":
        return _named_values(tokens, "}")
    if token == "[":
        found = []
        while not tokens.next_is("]"):
            found.append(_value(tokens))
        tokens.take("]")
        return found
    if token[0] == '"':
        return token[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    words: dict[str, Any] = {"true": True, "false": False, "null": None}
    return int(token) if token.lstrip("-").isdigit() else words.get(token, token)


def run(schema: Schema, text: str, variables: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    """The data that is asked for. ``root`` holds things as mappings with their ``__typename``; a field may be a function of its arguments.
    Raises Invalid before anything is looked at."""
    declared, asked = parsed(text)
    _check(schema, "Query", asked, declared)
    return _shown(schema, root, asked, variables)


def _check(schema: Schema, kind: str, asked: tuple[Selection, ...], declared: frozenset[str]) -> None:
    for one in asked:
        inner = _checked_type(schema, kind, one) if one.on else _checked_field(schema, kind, one, declared)
        if one.inner:
            _check(schema, inner, one.inner, declared)


def _checked_type(schema: Schema, kind: str, one: Selection) -> str:
    if one.on not in schema.types:
        raise Invalid(f"Validation error (UnknownType) : Unknown type '{one.on}'")
    if not {*_objects(schema, one.on)} & {*_objects(schema, kind)}:
        raise Invalid(f"Validation error (InvalidFragmentType) : '{one.on}' can never be a '{kind}'")
    return one.on


def _checked_field(schema: Schema, kind: str, one: Selection, declared: frozenset[str]) -> str:
    if one.name == "__typename":
        return SCALAR
    if one.name not in schema.types[kind]:
        raise Invalid(f"Validation error (FieldUndefined) : Field '{one.name}' in type '{kind}' is undefined")
    if unknown := next((name for name in _variables(one.arguments) if name not in declared), ""):
        raise Invalid(f"Validation error (UndefinedVariable) : Undefined variable '{unknown}'")
    inner = schema.types[kind][one.name]
    if (inner == SCALAR) != (not one.inner):
        raise Invalid(f"Validation error (SubselectionRequired) : Subselection of '{one.name}' in type '{kind}'")
    return inner


def _objects(schema: Schema, kind: str) -> tuple[str, ...]:
    return schema.kinds.get(kind, (kind,))


def _variables(value: Any) -> Iterator[str]:
    if isinstance(value, Variable):
        yield value.name
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _variables(inner)


def _shown(
    schema: Schema, thing: Mapping[str, Any], asked: tuple[Selection, ...], variables: Mapping[str, Any]
) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for one in asked:
        if one.on:
            if thing["__typename"] in _objects(schema, one.on):
                shown |= _shown(schema, thing, one.inner, variables)
            continue
        found = thing.get(one.name)
        if callable(found):
            found = _called(found, _filled(one.arguments, variables))
        shown[one.alias] = _shape(schema, found, one.inner, variables)
    return shown


def _called(what: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    try:
        return what(**arguments)
    except TypeError as error:
        raise Invalid(f"Validation error (UnknownArgument) : {error}") from error


def _filled(value: Any, variables: Mapping[str, Any]) -> Any:
    if isinstance(value, Variable):
        return variables.get(value.name)
    if isinstance(value, dict):
        return {name: _filled(inner, variables) for name, inner in value.items()}
    return [_filled(inner, variables) for inner in value] if isinstance(value, list) else value


def _shape(schema: Schema, found: Any, inner: tuple[Selection, ...], variables: Mapping[str, Any]) -> Any:
    if isinstance(found, list):
        return [_shape(schema, item, inner, variables) for item in found]
    return _shown(schema, found, inner, variables) if isinstance(found, dict) else found
