"""Values to text and back: JSON for values, fixed-width UTC text for instants, clean text for key columns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from sync.core.values import Ref

T = TypeVar("T")


def clean(text: str) -> str:
    """Text that both databases take: no NUL (PostgreSQL refuses it), no lone surrogate (neither is UTF-8)."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def text_from_instant(instant: datetime) -> str:
    """UTC text of fixed width, which sorts as time. Raises ValueError for a naive datetime."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant!r} has no zone; instants are aware")
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def instant_from_text(text: str) -> datetime:
    """The aware UTC instant of ``text_from_instant``."""
    return datetime.fromisoformat(text)


def optional_instant(text: str | None) -> datetime | None:
    """The instant, or None for a column that is NULL."""
    return None if text is None else instant_from_text(text)


def json_from_value(value: object) -> str:
    """The value as JSON text, always the same for equal values. NULs stay, as ``\\u0000``; lone surrogates become ``?``."""
    try:
        return _ENCODER.encode(value).decode()
    except UnicodeEncodeError:
        return _ENCODER.encode(_without_surrogates(msgspec.to_builtins(value, enc_hook=_plain))).decode()


def decoder(wanted: type[T]) -> Callable[[str], T]:
    """A function from JSON text to a value of the wanted type."""
    return msgspec.json.Decoder(wanted, dec_hook=_ref).decode


def _plain(value: object) -> object:
    if isinstance(value, str):
        return str.__str__(value)
    raise TypeError(f"{type(value).__name__} cannot be stored")


def _ref(wanted: type, value: Any) -> Any:
    if wanted is Ref:
        return Ref(value)
    raise TypeError(f"{wanted.__name__} cannot be read back")


def _without_surrogates(tree: Any) -> Any:
    if isinstance(tree, str):
        return clean(tree)
    if isinstance(tree, dict):
        return {_without_surrogates(key): _without_surrogates(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_without_surrogates(item) for item in tree]
    return tree


# Sorted keys: equal values must give equal text, because a row is rewritten when its text differs.
_ENCODER = msgspec.json.Encoder(enc_hook=_plain, order="deterministic")
