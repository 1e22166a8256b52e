"""What goes out beside documents: queries, paths, file names, comment properties and link titles, read by the simulators' parsers."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import msgspec

from campaigns.fuzz_meaning import Injected
from connectors.confluence.site import cql_text
from connectors.jira.bodies import jql, remote_link
from connectors.jira.site import part
from sandbox.confluence.cql import _Tokens
from sandbox.http import Request
from sandbox.jira.jql import Clause, query_from_text
from sandbox.multipart import parts_of
from sync.core.ports import LinkEnd
from sync.core.values import Ref

HALF = re.compile("[\ud800-\udfff]")  # cannot be said in any request; nothing that is read can hold one
NO_TIME = timedelta()
REF = Ref.of("jira", "task", "1")


def check_requests(strings: Sequence[str]) -> None:
    for text in (HALF.sub("", string) for string in strings):
        if not text:
            continue
        _check_jql(text)
        _check_cql(text)
        _check_path(text)
        _check_remote_link(text)
    _check_files([HALF.sub("", string) for string in strings])


def _check_jql(text: str) -> None:
    where = query_from_text(jql(text, None, NO_TIME)).where
    is_whole = isinstance(where, Clause) and where.field == "project" and where.operator == "="
    if not is_whole or [operand.text for operand in where.values] != [text]:  # type: ignore[union-attr]
        raise Injected(f"JQL {where} for {text!r}")


def _check_cql(text: str) -> None:
    tokens = _Tokens(f"space = {cql_text(text)} and type = page").items
    quoted = [value for kind, value in tokens if kind == "string"]
    rest = [value for kind, value in tokens if kind != "string"]
    if rest != ["space", "=", "and", "type", "=", "page"] or len(quoted) != 1:
        raise Injected(f"CQL {tokens} for {text!r}")
    if re.sub(r"\\(.)", r"\1", quoted[0][1:-1], flags=re.DOTALL) != text:
        raise Injected(f"CQL asks for {quoted[0]!r}, not {text!r}")


def _check_path(text: str) -> None:
    path = f"/issue/{part(text)}/comment"
    url = urlsplit(f"https://jira.example{path}")
    segments = url.path.split("/")
    if url.query or url.fragment or len(segments) != 4 or unquote(segments[2]) != text:
        raise Injected(f"the path {path!r} for {text!r}")


def _check_remote_link(text: str) -> None:
    link = remote_link(
        "tieline:x:0123456789abcdef", LinkEnd(REF, "PAY-1", text, "https://x.example/1"), "waits_for", "en"
    )
    read: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(link))
    if read["object"]["title"] != text or read["object"]["url"] != "https://x.example/1" or len(read) != 4:
        raise Injected(f"the remote link {read}")


def _check_files(strings: Sequence[str]) -> None:
    """Every string as a file's name and as the comment to it."""
    for name, comment in itertools.pairwise(strings):
        sent = httpx.Request("PUT", "http://x.example/", files={"file": (name, b"bytes")}, data={"comment": comment})
        read = Request("PUT", "/", {}, dict(sent.headers), sent.read(), "http://x.example")
        found = {field.name: field for field in parts_of(read)}
        if set(found) != {"comment", "file"} or found["file"].data != b"bytes":
            raise Injected(f"fields {found} for {name!r}")
        if found["comment"].data.decode() != comment or not _is_name(found["file"].filename, name):
            raise Injected(f"{found} for {name!r}, {comment!r}")


def _is_name(sent: str, meant: str) -> bool:
    """A browser's rule (HTML 4.10.22.7): line ends and quotes percent-encoded; the server drops folders."""
    wanted = meant.replace("\\", "/").rpartition("/")[2]
    plain = re.sub(r"\s", "", unquote(wanted))
    return re.sub(r"\s", "", unquote(sent)) == plain or not plain
