"""Addresses in the configuration: whether one is plain, and which secrets one holds."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlsplit

_URL_PASSWORD = re.compile(r"[\w+.-]+://[^:/@]*:(?P<password>[^@]+)@")


def is_address(text: str) -> bool:
    """True for http(s)://host with a port and path or without. A password with / or # in it would hide what follows from a parser."""
    try:
        url = urlsplit(text)
        is_usable = url.scheme in ("http", "https") and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        return False
    return is_usable and not url.query and not url.fragment and "@" not in text


def passwords_in_url(url: str) -> list[str]:
    """The passwords that a database URL holds, before the host or among its parameters, as written and as meant."""
    found = _URL_PASSWORD.match(url)
    named = parse_qsl(url.partition("?")[2])
    texts = [found["password"] if found else "", *(value for key, value in named if "pass" in key.lower())]
    return list(dict.fromkeys(text for item in texts if item for text in (item, unquote(item))))
