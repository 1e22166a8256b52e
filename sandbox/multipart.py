"""multipart/form-data, as clients send files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from sandbox.http import BadRequest, Request

_PARAMETER = re.compile(r';\s*(?P<name>[\w-]+)(?P<extended>\*)?=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^;]*))')


@dataclass(frozen=True)
class Part:
    """One field: ``filename`` is empty for plain fields."""

    name: str
    filename: str
    content_type: str
    data: bytes


def is_multipart(request: Request) -> bool:
    """Whether the request says that it is."""
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


def parts_of(request: Request) -> list[Part]:
    """The fields in order. Raises BadRequest without a boundary."""
    boundary = _parameters(request.headers.get("content-type", "")).get("boundary", "")
    if not boundary:
        raise BadRequest("The multipart request has no boundary")
    chunks = (b"\r\n" + request.body).split(b"\r\n--" + boundary.encode("latin-1"))
    return [_part(chunk.removeprefix(b"\r\n")) for chunk in chunks[1:] if not chunk.startswith(b"--")]


def _part(chunk: bytes) -> Part:
    head, _, data = chunk.partition(b"\r\n\r\n")
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in head.decode("utf-8", "replace").split("\r\n"))
    }
    names = _parameters(headers.get("content-disposition", ""))
    filename = names.get("filename", "").replace("\\", "/").rpartition("/")[2]
    return Part(names.get("name", ""), filename, headers.get("content-type", ""), data)


def _parameters(header: str) -> dict[str, str]:
    """Header parameters; ``name*=utf-8''…`` wins over the plain one, percent-encoded quotes are decoded."""
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(header):
        name = match["name"].lower()
        if match["extended"]:
            found[name] = unquote((match["bare"] or match["quoted"] or "").rpartition("'")[2])
        elif name not in found:
            quoted = match["quoted"]
            found[name] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else match["bare"].strip()
    return found
