"""What a CalDAV server's answers mean, pure: statuses, and multi-status documents (RFC 4918, RFC 4791)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from msgspec import Struct

from sync.core.errors import AccessDenied, Nonsense, NotFound, Refused, TryLater
from sync.pace import retry_after_from

D, C = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}"
SIGN_IN = "check user and password; servers with a second factor want an app password (Nextcloud: Settings > Security > Devices & sessions)"
SHARE = "share the task list with the account, or write its address instead of its name"
HEAD = '<?xml version="1.0" encoding="utf-8"?>'
SPACES = 'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'


def decipher(status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Return when the answer is a success; else raise what it means."""
    if 200 <= status < 300:
        document(body)  # whatever we ask is answered in XML
        return
    if status in (423, 429) or status >= 500:
        reason = "rate_limited" if status == 429 else "server"
        raise TryLater(f"the CalDAV server answered {status}", retry_after_from(headers), reason, "host")
    if status == 401:
        raise AccessDenied(f"the CalDAV server refuses the sign-in; {SIGN_IN}", is_signed_out=True)
    if status == 403:
        raise AccessDenied(f"the CalDAV server forbids it; {SHARE}", is_signed_out=False)
    if status == 404:
        raise NotFound("the CalDAV server knows no such thing, or this account may not see it")
    if 300 <= status < 400:
        raise Nonsense(
            expected="an answer", found=f"{status}, a redirect: write the address that it leads to as base_url"
        )
    raise Refused(status=status)


def document(body: bytes) -> Element:
    """The XML of an answer. Raises Nonsense, which quotes nothing."""
    try:
        root: Element = fromstring(body)
    except (ParseError, DefusedXmlException, ValueError, RecursionError) as error:
        trouble = type(error).__name__
    else:
        return root
    raise Nonsense(expected=f"XML of a CalDAV server ({trouble})", sample=body)


class Found(Struct, frozen=True):
    """One response of a multi-status document: where, and the properties that came with 200. ``is_gone``: the thing itself answers 404."""

    path: str
    properties: Mapping[str, Element]
    is_gone: bool = False

    def text(self, name: str) -> str:
        node = self.properties.get(name)
        return "" if node is None else (node.text or "").strip()


def found_in(body: bytes) -> list[Found]:
    """The responses in order; paths are decoded, and without the server's name."""
    root = document(body)
    if root.tag != f"{D}multistatus":
        raise Nonsense(expected="a multi-status document", found=f"<{root.tag.rpartition('}')[2]}>")
    return [_found(node) for node in root.findall(f"{D}response")]


def _found(node: Element) -> Found:
    properties = {
        item.tag: item
        for stat in node.findall(f"{D}propstat")
        if _status(stat) in (200, 0)
        for prop in stat.findall(f"{D}prop")
        for item in prop
    }
    return Found(path_of(node.findtext(f"{D}href") or ""), properties, _status(node) in (404, 410))


def _status(node: Element) -> int:
    """``HTTP/1.1 404 Not Found`` as 404; 0 where nothing is said."""
    words = (node.findtext(f"{D}status") or "").split()
    return int(words[1]) if len(words) > 1 and words[1].isdecimal() else 0


def path_of(href: str) -> str:
    """The path that a link names, decoded: servers write it whole or not, encoded or not."""
    return unquote(urlsplit(href.strip()).path)


def modified_at(text: str) -> datetime | None:
    """``Wed, 25 Nov 2026 22:40:29 GMT`` as an aware UTC instant; None for what is none."""
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, TypeError):
        return None


# -- what is asked


def propfind(*names: str) -> bytes:
    """The body that asks for properties (``D:getetag``)."""
    wanted = "".join(f"<{name}/>" for name in names)
    return f"{HEAD}<D:propfind {SPACES}><D:prop>{wanted}</D:prop></D:propfind>".encode()


def query_todos() -> bytes:
    """The body that asks where the to-dos of a list are, whatever else lies in it."""
    inner = '<C:comp-filter name="VCALENDAR"><C:comp-filter name="VTODO"/></C:comp-filter>'
    return f"{HEAD}<C:calendar-query {SPACES}><D:prop><D:getetag/></D:prop><C:filter>{inner}</C:filter></C:calendar-query>".encode()


def multiget(hrefs: Sequence[str]) -> bytes:
    """The body that asks for these things whole."""
    wanted = "".join(f"<D:href>{escape(href)}</D:href>" for href in hrefs)
    return f"{HEAD}<C:calendar-multiget {SPACES}><D:prop><D:getetag/><C:calendar-data/></D:prop>{wanted}</C:calendar-multiget>".encode()
