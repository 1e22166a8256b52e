"""One API call: the request, the site, who asks and where links should point."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.confluence.access import Caller
from sandbox.confluence.errors import Refusal, bad_request
from sandbox.confluence.site import Site
from sandbox.confluence.state import User
from sandbox.faults import Faults
from sandbox.http import BadRequest, Request, Response

OBJECTS = ("version", "metadata", "inlineCommentProperties")  # fields that are objects wherever they are sent

Route = tuple[str, str, Callable[..., Response]]


@dataclass(frozen=True)
class Settings:
    """What an admin of the simulated site may switch."""

    v1_content_is_open: bool = True  # classic token on the site URL still gets v1 content CRUD; newer sites say 410
    can_write_restrictions: bool = True  # False is the Free plan: 403
    search_ignores_start: bool = False  # Cloud may ignore ``start`` in CQL searches; the cursor always works


@dataclass(frozen=True)
class Call:
    request: Request
    site: Site
    caller: Caller
    faults: Faults
    settings: Settings
    public_url: str
    context: str  # "/wiki" on Cloud, the context path on Data Center
    is_gateway: bool = False

    @property
    def user(self) -> User:
        return self.caller.user

    @property
    def base(self) -> str:
        """``_links.base``: where a browser finds the site. Also through the gateway it names the site URL."""
        return self.public_url + self.context

    @property
    def is_cloud(self) -> bool:
        return self.site.variant == "cloud"

    def json(self) -> Any:
        """The JSON that was sent; 415 without a JSON content type, 400 when it cannot be read or kept as text."""
        if "json" not in self.request.headers.get("content-type", ""):
            raise Refusal(415, "Unsupported Media Type: application/json is expected")
        try:
            data = self.request.json()
            if b"\\ud" in self.request.body.lower():  # half a surrogate pair is no character
                json.dumps(data, ensure_ascii=False).encode()
        except (BadRequest, UnicodeEncodeError) as error:
            raise bad_request(f"Could not read JSON: {error}") from error
        return data

    def body(self, allowed: frozenset[str], *, required: tuple[str, ...] = ()) -> dict[str, Any]:
        """The JSON object that was sent; 415 without a JSON content type, 400 for other JSON or unknown fields."""
        data = self.json()
        if not isinstance(data, dict):
            raise bad_request("Request body must be a JSON object")
        for name in OBJECTS:
            if not isinstance(data.get(name) or {}, dict):
                raise bad_request(f"'{name}' must be an object")
        if unknown := sorted(set(data) - allowed):
            raise bad_request(f'Unrecognized field "{unknown[0]}" in the request body')
        for name in required:
            if data.get(name) in (None, ""):
                raise bad_request(f"'{name}' is required and must not be blank")
        return data

    def number(self, name: str, default: int, most: int, least: int = 1) -> int:
        """A whole-number query parameter, silently lowered to the most that the vendor gives."""
        text = self.request.get(name) or str(default)
        if not text.lstrip("-").isdecimal() or int(text) < least:
            raise bad_request(
                f"Provided value {{{text}}} for '{name}' is not valid. Expected a number of at least {least}"
            )
        return min(int(text), most)

    def flag(self, name: str, default: bool = False) -> bool:
        return self.request.get(name, str(default)).lower() == "true"

    def time(self, when: datetime) -> str:
        """An instant as this variant spells it: Cloud with Z, Data Center with an offset."""
        text = when.astimezone(UTC).isoformat(timespec="milliseconds")
        return text.replace("+00:00", "Z") if self.is_cloud else text


def values_of(query: Mapping[str, tuple[str, ...]], name: str) -> list[str]:
    """A list parameter, given repeatedly or with commas."""
    return [part for value in query.get(name, ()) for part in value.split(",") if part]
