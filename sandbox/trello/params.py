"""What a request says: query string, form, JSON and multipart bodies as one set of values, read by type."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from sandbox.http import BadRequest, Request, query_from_string
from sandbox.trello.ids import OBJECT_ID, instant_from_text, iso
from sandbox.trello.state import Refusal

MAX_TEXT = 16_384


@dataclass(frozen=True)
class Upload:
    """A file sent as multipart ``file``."""

    name: str
    mime_type: str
    content: bytes


@dataclass(frozen=True)
class Params:
    """All values of one request; the body wins over the query. ``value[text]`` and ``prefs/voting`` become nested."""

    values: Mapping[str, Any]
    upload: Upload | None = None
    query: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name)
        return default if value is None else str(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.values.get(name)
        if value is None or value == "":
            return default
        if str(value).lower() not in ("true", "false", "1", "0"):
            raise Refusal(400, f"invalid value for {name}")
        return str(value).lower() in ("true", "1")

    def number(self, name: str, default: int, lowest: int, highest: int) -> int:
        value = self.values.get(name)
        if value is None or value == "":
            return default
        if not re.fullmatch(r"-?\d+", str(value)) or not lowest <= int(value) <= highest:
            raise Refusal(400, f"invalid value for {name}")
        return int(value)

    def choice(self, name: str, default: str, choices: Iterable[str]) -> str:
        value = self.text(name, default) or default
        if value not in choices:
            raise Refusal(400, f"invalid value for {name}")
        return value

    def ids(self, name: str) -> list[str]:
        """Ids sent as a JSON array or as one comma-separated text."""
        value = self.values.get(name)
        parts = value if isinstance(value, list) else str(value or "").split(",")
        ids = [str(part) for part in parts if part]
        if not all(OBJECT_ID.fullmatch(part) for part in ids):
            raise Refusal(400, f"invalid value for {name}")
        return ids

    def instant(self, name: str) -> str | None:
        """An instant in Trello's own writing; null, empty and the word "null" unset it."""
        value = self.values.get(name)
        if value is None or value in ("", "null"):
            return None
        try:
            return iso(instant_from_text(str(value)))
        except (ValueError, OverflowError):
            raise Refusal(400, "invalid date") from None


def params_from_request(request: Request) -> Params:
    """Read a request's values; raises Refusal(400) when the body is not what its content type says."""
    values: dict[str, Any] = {}
    for name, texts in request.query.items():
        _put(values, name, ",".join(texts))
    body, upload = _body(request)
    for name, value in body.items():
        _put(values, name, value)
    return Params(values, upload, request.query)


def _body(request: Request) -> tuple[Mapping[str, Any], Upload | None]:
    content_type = request.headers.get("content-type", "")
    if not request.body:
        return {}, None
    if content_type.startswith("application/json"):
        return _json_body(request), None
    if content_type.startswith("multipart/form-data"):
        return _multipart(content_type, request.body)
    if content_type.startswith("application/x-www-form-urlencoded"):
        query = query_from_string(request.body.decode("utf-8", "replace"))
        return {name: ",".join(texts) for name, texts in query.items()}, None
    return {}, None  # a body without a readable content type is not looked at


def _json_body(request: Request) -> Mapping[str, Any]:
    try:
        body = request.json()
    except BadRequest:
        raise Refusal(400, "Invalid JSON in request body") from None
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise Refusal(400, "Invalid JSON in request body")
    return body


def _multipart(content_type: str, body: bytes) -> tuple[Mapping[str, Any], Upload | None]:
    message = BytesParser(policy=HTTP).parsebytes(b"content-type: " + content_type.encode() + b"\r\n\r\n" + body)
    values: dict[str, Any] = {}
    upload = None
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes):
            continue
        if part.get_filename() is not None and name == "file":
            upload = Upload(str(part.get_filename()), part.get_content_type(), content)
        elif name:
            values[str(name)] = content.decode("utf-8", "replace")
    return values, upload


def _put(values: dict[str, Any], name: str, value: object) -> None:
    """``value[text]=x`` and ``prefs/voting=x`` are one object said flat."""
    match = re.fullmatch(r"(\w+)\[(\w+)\]|(\w+)/(\w+)", name)
    if not match:
        values[name] = value
        return
    outer, inner = match.group(1) or match.group(3), match.group(2) or match.group(4)
    nested = values.get(outer)
    values[outer] = {**(nested if isinstance(nested, dict) else {}), inner: value}


def json_value(text: object) -> object:
    """A value that may have come as JSON text in a query string (``value={"text":"A"}``)."""
    if isinstance(text, str) and text[:1] in "{[":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
