"""Odd answers read as far as they go: a null, a number or an object where the shape wants something else. Pure."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Raw, inspect

from sync.core.decode import UNREADABLE, unreadable

T = TypeVar("T")
_UNFIT = object()


def shaped(raw: Raw | bytes, shape: type[T]) -> T:
    """The bytes in this shape. Where they do not fit, a number stands as its text, and what cannot be read is left out of its list or
    object, as if Trello had not sent it. Raises msgspec.DecodeError when even what the shape cannot do without is missing.
    """
    try:
        return msgspec.json.decode(raw, type=shape, strict=False)
    except msgspec.ValidationError:
        fitted = _fitted(msgspec.json.decode(raw), inspect.type_info(shape))
        if fitted is _UNFIT:
            raise
        return msgspec.json.decode(msgspec.json.encode(fitted), type=shape, strict=False)


def shaped_as(what: str, raw: Raw | bytes, shape: type[T]) -> T:
    """The same; raises Nonsense, which expected ``what``, for what is not of this shape at all."""
    try:
        return shaped(raw, shape)
    except UNREADABLE as error:
        trouble = str(error)
    raise unreadable(what, raw, trouble)


def shaped_or_none(raw: Raw | bytes, shape: type[T]) -> T | None:
    """The same; None for what is not of this shape at all."""
    try:
        return shaped(raw, shape)
    except UNREADABLE:
        return None


def is_null(raw: Raw | bytes) -> bool:
    """True for a hole in a list."""
    return bytes(raw).strip() == b"null"


def _fitted(value: Any, wanted: inspect.Type) -> Any:
    match wanted:
        case inspect.UnionType():
            return None if value is None else _fitted(value, wanted.types[0])
        case inspect.StructType():
            return _fitted_struct(value, wanted)
        case inspect.ListType():
            items = value if isinstance(value, list) else ()
            fitted = [_fitted(item, wanted.item_type) for item in items]
            return [item for item in fitted if item is not _UNFIT] if isinstance(value, list) else _UNFIT
        case inspect.StrType():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return value if isinstance(value, str) else str(value) if is_number else _UNFIT
        case inspect.BoolType():
            return value if isinstance(value, bool) else _UNFIT
        case _:
            return value


def _fitted_struct(value: object, wanted: inspect.StructType) -> object:
    if not isinstance(value, dict):
        return _UNFIT
    read = {field.encode_name: _fitted(value.get(field.encode_name, _UNFIT), field.type) for field in wanted.fields}
    read = {name: item for name, item in read.items() if item is not _UNFIT}
    is_whole = all(field.encode_name in read for field in wanted.fields if field.required)
    return read if is_whole else _UNFIT
