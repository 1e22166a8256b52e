"""Ways of breaking the product that the campaign of secrets must notice."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from sync.core import secrets
from sync.core.errors import TryLater
from sync.remote import Remote


@contextmanager
def _log_headers() -> Iterator[None]:
    """Somebody debugging prints what is sent, past the log."""
    original = Remote._exchange

    def exchange(self: Remote, request: Any, is_safe: bool) -> Any:
        print(dict(request.headers), file=sys.stderr)
        return original(self, request, is_safe)

    with patch.object(Remote, "_exchange", exchange):
        yield


@contextmanager
def _redact_off() -> Iterator[None]:
    """No secret is known to the mask."""
    with patch.object(secrets, "_needles", _nothing):
        yield


def _nothing(_: frozenset[str]) -> tuple[tuple[str, ...], None]:
    return (), None


@contextmanager
def _secret_in_url_error() -> Iterator[None]:
    """Key and token travel in the address again, and an error quotes it in a form of its own."""
    original = Remote._exchange

    def exchange(self: Remote, request: Any, is_safe: bool) -> Any:
        url = f"{request.url}?key={request.headers.get('authorization', '')[-40:].encode().hex()}"
        address = request.url.copy_add_param("token", request.headers.get("authorization", ""))
        request.url = address
        reply = original(self, request, is_safe)
        if reply.status >= 400:
            raise TryLater(f"GET {url} failed")
        return reply

    with patch.object(Remote, "_exchange", exchange):
        yield


SABOTAGES: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "log_headers": _log_headers,
    "redact_off": _redact_off,
    "secret_in_url_error": _secret_in_url_error,
}
