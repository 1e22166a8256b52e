"""Where a value stands in a record: dotted paths and JMESPath, each compiled once.

A dotted path is keys and positions: ``status.name``, ``components[0].name``, ``labels[].name`` (of each), ``"a.b".名称`` (a key
with a dot). What is missing on the way is None, never an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from math import prod
from typing import Any

import jmespath
from jmespath import functions
from jmespath.exceptions import JMESPathError, LexerError, ParseError
from jmespath.visitor import TreeInterpreter

from sync.core.values import Account

_STEP = re.compile(r'(?:^|\.)(?:"(?P<quoted>[^"]+)"|(?P<key>[^.\[\]"]+))|\[(?P<index>-?\d{0,6})\]')
_ACCOUNT_WORDS = frozenset({"id", "name", "email", "login", "is_active"})
MAX_LENGTH = 500
MAX_COPIES = 100  # how often a JMESPath may repeat what it reads: "[@,@]|[@,@]|…" doubles it at each step
MAX_JOINED = 1_000_000
Accessor = Callable[[Mapping[str, Any]], Any]
Step = str | int | None  # None: each of a list


class BadPath(ValueError):
    """The text is no path. The message says where."""


@lru_cache(maxsize=4096)
def steps_from_path(path: str) -> tuple[Step, ...]:
    """A dotted path as keys, positions and None for "each". Raises BadPath."""
    steps: list[Step] = []
    position = 0
    while position < len(path):
        found = _STEP.match(path, position)
        if found is None or (position == 0 and found["index"] is not None):
            raise BadPath(f"not a path: cannot read {path[position:]!r}")
        if found["index"] is None:
            steps.append((found["quoted"] or found["key"]).strip())
        else:
            steps.append(int(found["index"]) if found["index"] not in ("", "-") else None)
        position = found.end()
    if not steps or "" in steps or len(path) > MAX_LENGTH:
        raise BadPath("not a path: empty or too long")
    return tuple(steps)


@lru_cache(maxsize=4096)
def accessor(path: str) -> Accessor:
    """A function from a record's values to what stands at the dotted path; a lone name is a field's. Raises BadPath."""
    steps = steps_from_path(path)
    if len(steps) == 1:
        return field_accessor(str(steps[0]))

    def read(values: Mapping[str, Any]) -> Any:
        return _walk(values, steps, 0)

    return read


@lru_cache(maxsize=4096)
def field_accessor(field: str) -> Accessor:
    """The same for a vendor field by its whole name or id, which may contain dots; tools that keep custom fields apart
    (Trello's ``customFields``) are looked at there as well."""

    def read(values: Mapping[str, Any]) -> Any:
        if field in values:
            return values[field]
        custom = values.get("customFields")
        return custom.get(field) if isinstance(custom, Mapping) else None

    return read


def _walk(value: Any, steps: Sequence[Step], start: int) -> Any:
    for number in range(start, len(steps)):
        step = steps[number]
        if step is None:
            found = [_walk(item, steps, number + 1) for item in value] if isinstance(value, list | tuple) else []
            return [item for item in found if item is not None]
        value = _step(value, step)
        if value is None:
            return None
    return value


def _step(value: Any, step: str | int) -> Any:
    if isinstance(step, int):
        is_there = isinstance(value, list | tuple) and -len(value) <= step < len(value)
        return value[step] if is_there else None
    if isinstance(value, Mapping):
        return value.get(step)
    return getattr(value, step) if isinstance(value, Account) and step in _ACCOUNT_WORDS else None


class _Functions(functions.Functions):
    """JMESPath's own functions, and two for text."""

    @functions.signature({"types": ["string", "null"]})
    def _func_lower(self, text: str | None) -> str | None:
        return text.lower() if text is not None else None

    @functions.signature({"types": ["string", "null"]}, {"types": ["string"]})
    def _func_split(self, text: str | None, separator: str) -> list[str]:
        return [part.strip() for part in text.split(separator)] if text and separator else []

    @functions.signature({"types": ["string"]}, {"types": ["array-string"]})
    def _func_join(self, separator: str, parts: list[str]) -> str:
        if len(separator) * len(parts) + sum(map(len, parts)) > MAX_JOINED:
            raise ValueError(f"join() would make a text of more than {MAX_JOINED:,} characters")
        return separator.join(parts)


class _Interpreter(TreeInterpreter):
    """Looks into accounts as if they were objects."""

    def visit_field(self, node: Mapping[str, Any], value: Any) -> Any:
        return _step(value, node["value"])


_FUNCTIONS = _Functions()
_OPTIONS = jmespath.Options(custom_functions=_FUNCTIONS)


@lru_cache(maxsize=1024)
def expression(text: str) -> Accessor:
    """A function from a record's values to the JMESPath's result; it raises ValueError when a function refuses its input.

    Raises BadPath with a caret under the place that is wrong.
    """
    tree = _tree(text)
    unknown = sorted(set(_function_names(tree)) - set(_FUNCTIONS.FUNCTION_TABLE))
    if unknown:
        raise BadPath(f"not JMESPath: there is no function {unknown[0]}()")
    if _copies(tree) > MAX_COPIES:
        raise BadPath(f"not usable JMESPath: it may repeat what it reads more than {MAX_COPIES} times")

    def read(values: Mapping[str, Any]) -> Any:
        try:
            return _Interpreter(_OPTIONS).visit(tree, values)
        except (JMESPathError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
            raise ValueError((str(error) or type(error).__name__).splitlines()[0]) from error
        except RecursionError as error:
            raise ValueError("nested too deep") from error

    return read


def _tree(text: str) -> Any:
    if len(text) > MAX_LENGTH:
        raise BadPath(f"not JMESPath: longer than {MAX_LENGTH} characters")
    try:
        return jmespath.compile(text).parsed
    except (LexerError, ParseError) as error:
        position = getattr(error, "lex_position", None)
        column = len(text) if position is None else position
        raise BadPath(f"not JMESPath:\n      {text}\n      {' ' * column}^") from error
    except (JMESPathError, RecursionError, ValueError) as error:
        raise BadPath(f"not JMESPath: {error}") from error


def _nodes(tree: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield tree
    for child in tree.get("children", ()):
        if isinstance(child, Mapping):
            yield from _nodes(child)


def _copies(node: Mapping[str, Any]) -> int:
    """How often what the expression reads may stand in its result, at most."""
    counts = [_copies(child) for child in node.get("children", ()) if isinstance(child, Mapping)]
    return sum(counts) or 1 if str(node.get("type")).startswith("multi_select") else prod(counts)


def _function_names(tree: Mapping[str, Any]) -> Iterator[str]:
    return (node["value"] for node in _nodes(tree) if node.get("type") == "function_expression")


def fields_of_path(path: str) -> tuple[str, ...]:
    """The vendor field a dotted path starts from."""
    first = steps_from_path(path)[0]
    return (first,) if isinstance(first, str) else ()


def fields_of_expression(text: str) -> tuple[str, ...]:
    """The vendor fields that a JMESPath may read: more than it does, never fewer."""
    return tuple(dict.fromkeys(_roots(_tree(text))))


def _roots(tree: Mapping[str, Any]) -> Iterator[str]:
    kind, children = tree.get("type"), [child for child in tree.get("children", ()) if isinstance(child, Mapping)]
    if kind == "field":
        yield str(tree["value"])
    elif (
        kind == "pipe"
        or kind in ("subexpression", "index_expression")
        or kind in ("projection", "value_projection", "filter_projection", "flatten")
    ):  # what follows a pipe reads the result of what stands before it
        yield from _roots(children[0])
    else:
        for child in children:
            yield from _roots(child)
