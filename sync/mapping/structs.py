"""A YAML tree against a msgspec struct: every mistake at once, where it stands, with what is allowed there. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec

from sync.mapping.validation import TEXTS, nearest
from sync.mapping.yaml import Step

_PLACE = re.compile(r" - at `\$[^`]*`$")
_LEAST = re.compile(r"Expected `\w+` (>=|<=) (\S+)")
_SHORT = re.compile(r"Expected `(?:array|str)` of length >= 1")
_WORDS = {
    int: (TEXTS["int_type"], "write a whole number"),
    float: (TEXTS["float_type"], "write a number"),
    bool: (TEXTS["bool_type"], "write true or false"),
    str: (TEXTS["string_type"], "write one text"),
}


class Mistake(NamedTuple):
    """One mistake: the steps that lead to it from the struct, what is wrong, and what to write instead."""

    steps: tuple[Step, ...]
    text: str
    hint: str = ""


def mistakes(kind: Any, value: object, steps: tuple[Step, ...] = ()) -> Iterator[Mistake]:
    """What keeps plain values of YAML from being a ``kind``; nothing exactly when ``msgspec.convert`` takes them."""
    inner = list(_inside(kind, value, steps))
    yield from inner
    if not inner:  # bounds, and what a struct says of itself, can be told once all that it holds is right
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            yield Mistake(steps, *_words(kind, value, _PLACE.sub("", str(error))))


def _inside(kind: Any, value: object, steps: tuple[Step, ...]) -> Iterator[Mistake]:
    """The mistakes of what the value holds, where it is a section or a list and should be one."""
    kind = _bare(kind, value)
    origin, arguments = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield from _in_struct(kind, value, steps) if isinstance(value, Mapping) else ()
    elif origin is tuple and isinstance(value, Sequence) and not isinstance(value, str):
        for number, item in enumerate(value):
            yield from mistakes(arguments[0], item, (*steps, number))
    elif isinstance(origin, type) and issubclass(origin, Mapping) and isinstance(value, Mapping):
        for name, item in value.items():
            yield from mistakes(arguments[1], item, (*steps, str(name)))


def _in_struct(kind: type[msgspec.Struct], value: Mapping[str, object], steps: tuple[Step, ...]) -> Iterator[Mistake]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name, item in value.items():
        if name in fields:
            yield from mistakes(fields[name].type, item, (*steps, name))
        else:
            hint = nearest(name, fields) or f"it takes {', '.join(fields)}"
            yield Mistake((*steps, name), TEXTS["extra_forbidden"], hint)
    for name, field in fields.items():
        if field.required and name not in value:
            yield Mistake((*steps, name), TEXTS["missing"])


def _bare(kind: Any, value: object) -> Any:
    """The kind without its bounds, and of ``X | None`` the one that the value can be."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, UnionType):
        others = [item for item in get_args(kind) if item is not NoneType]
        return _bare(others[0], value) if len(others) == 1 and value is not None else kind
    return kind


def _words(kind: Any, value: object, said: str) -> tuple[str, str]:
    bare = _bare(kind, value)
    if found := _LEAST.fullmatch(said):
        return f"{value} is {'below' if found[1] == '>=' else 'above'} {found[2]}", ""
    if _SHORT.fullmatch(said):
        return TEXTS["too_short"], "at least one is needed"
    if get_origin(bare) is Literal:
        choices = [str(choice) for choice in get_args(bare)]
        return f"{value!r} is none of: {', '.join(choices)}", nearest(str(value), choices)
    if bare in _WORDS:
        return f"{value!r}: {_WORDS[bare][0]}", _WORDS[bare][1]
    if get_origin(bare) is tuple and said.startswith("Expected `array`"):
        return TEXTS["list_type"], "such as [a, b]"
    if said.startswith("Expected `object`"):
        return TEXTS["dict_type"], ""
    return said, ""
