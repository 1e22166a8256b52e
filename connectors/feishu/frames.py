"""The frames of Feishu's long connection (``pbbp2.Frame``), written out by hand. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from sync.core.errors import Nonsense

CONTROL, DATA = 0, 1
_NUMBERS = {1: "seq_id", 2: "log_id", 3: "service", 4: "method"}
_TEXTS = {6: "payload_encoding", 7: "payload_type", 9: "log_id_new"}


class Frame(Struct, frozen=True):
    """One frame; ``headers`` tell what its payload is (``type``) and whose piece (``message_id``, ``sum``, ``seq``)."""

    seq_id: int = 0
    log_id: int = 0
    service: int = 0
    method: int = CONTROL
    headers: Mapping[str, str] = field(default_factory=dict)
    payload_encoding: str = ""
    payload_type: str = ""
    payload: bytes = b""
    log_id_new: str = ""


def encoded(frame: Frame) -> bytes:
    """The frame as bytes; its four numbers are required even when they are 0."""
    parts = [_varint(number << 3) + _varint(getattr(frame, name)) for number, name in _NUMBERS.items()]
    for key, value in frame.headers.items():
        parts.append(_chunk(5, _chunk(1, key.encode()) + _chunk(2, value.encode())))
    parts += [_chunk(number, text.encode()) for number, name in _TEXTS.items() if (text := getattr(frame, name))]
    if frame.payload:
        parts.append(_chunk(8, frame.payload))
    return b"".join(parts)


def decoded(data: bytes) -> Frame:
    """The frame of these bytes; fields that we do not know are passed over. Raises Nonsense."""
    found: dict[str, object] = {}
    headers: dict[str, str] = {}
    try:
        for number, value in _fields(data):
            if isinstance(value, int):
                found |= {_NUMBERS[number]: value} if number in _NUMBERS else {}
            elif number == 5:
                pair = dict(_fields(value))
                headers[_text(pair.get(1, b""))] = _text(pair.get(2, b""))
            elif number == 8:
                found["payload"] = value
            elif number in _TEXTS:
                found[_TEXTS[number]] = _text(value)
        return replace(Frame(headers=headers), **found)
    except (IndexError, UnicodeDecodeError):
        trouble = f"{len(data)} bytes"
    raise Nonsense(expected="a frame of Feishu's long connection", found=trouble)


def _text(value: bytes | int) -> str:
    return value.decode() if isinstance(value, bytes) else ""


def _fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _read_varint(data, at)
            yield key >> 3, value
            continue
        length, at = (8 if kind == 1 else 4, at) if kind in (1, 5) else _read_varint(data, at)
        if kind not in (1, 2, 5) or at + length > len(data):
            raise IndexError
        yield key >> 3, data[at : at + length]
        at += length


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise IndexError


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append((value & 0x7F) | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _chunk(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data
