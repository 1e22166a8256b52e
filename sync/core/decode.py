"""JSON from outside, read into a shape; and the error for what cannot be read, which holds nothing of it."""

from __future__ import annotations

from typing import Any, TypeVar, overload

import msgspec

from sync.core.errors import Nonsense

T = TypeVar("T")
# What msgspec raises for bytes that are no JSON, are of another shape, or nest without end.
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


@overload
def decoded(data: bytes | msgspec.Raw, *, what: str = "JSON") -> Any: ...
@overload
def decoded(data: bytes | msgspec.Raw, shape: type[T], what: str = "JSON") -> T: ...
def decoded(data: bytes | msgspec.Raw, shape: Any = Any, what: str = "JSON") -> Any:
    """The JSON in ``data`` as ``shape``. Raises Nonsense, which expected ``what``, for anything else.

    The Nonsense has no cause and no context: a UnicodeDecodeError keeps the whole answer, and so would everything that keeps
    the exception (a crash report, a debugger), with whatever secret a vendor echoed into it.
    """
    try:
        return msgspec.json.decode(data, type=shape, strict=False)
    except UNREADABLE as error:
        trouble = str(error)
    raise unreadable(what, data, trouble)


def unreadable(what: str, data: bytes | msgspec.Raw, trouble: object) -> Nonsense:
    """The error for bytes that are not ``what``. To be raised after the handler has been left, never ``from`` its error."""
    return Nonsense(expected=f"{what} ({trouble})", sample=bytes(data)[:200])
