"""CalDAV without a wire: statuses, multi-status documents as servers really write them, and to-dos as records."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.caldav import CONNECTOR
from connectors.caldav.answers import decipher, document, found_in, modified_at, multiget, path_of
from connectors.caldav.records import raw_from_todo
from sync.core.errors import AccessDenied, Nonsense, NotFound, Refused, TryLater
from sync.core.ports import ConnectionSettings
from sync.core.values import Account, Record

SETTINGS = ConnectionSettings("todo", "caldav", "", "server")
AT = datetime(2026, 11, 25, tzinfo=UTC)

# -- answers


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (401, AccessDenied, "app password"),
        (403, AccessDenied, "share the task list"),
        (404, NotFound, "no such thing"),
        (423, TryLater, "423"),
        (429, TryLater, "429"),
        (503, TryLater, "503"),
        (301, Nonsense, "redirect"),
        (415, Refused, "415"),
    ],
)
def test_what_a_status_means(status: int, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        decipher(status, {}, b"<html>9f8e</html>")


@pytest.mark.parametrize("body", [b"", b"<html><p>9f8e</html>", b"\xff9f8e", b'{"9f8e": 1}'])
def test_what_is_no_xml_is_told_and_never_quoted(body: bytes) -> None:
    with pytest.raises(Nonsense) as caught:
        decipher(200, {}, body)
    assert "9f8e" not in str(caught.value)


def test_entities_are_not_unfolded() -> None:
    with pytest.raises(Nonsense):
        document(b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>')
    with pytest.raises(Nonsense, match="multi-status"):
        found_in(b"<x/>")


NEXTCLOUD = """<?xml version="1.0"?>
<d:multistatus xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns" xmlns:cal="urn:ietf:params:xml:ns:caldav">
 <d:response><d:href>https://cloud.example/remote.php/dav/calendars/wu/a%20b/1.ics</d:href>
  <d:propstat><d:prop><d:getetag>&quot;e1&quot;</d:getetag></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>
  <d:propstat><d:prop><d:displayname/></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>
 <d:response><d:href>/remote.php/dav/calendars/wu/a%20b/2.ics</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response>
 <d:response><d:href>/x</d:href><d:propstat><d:prop><d:getetag>e3</d:getetag></d:prop></d:propstat></d:response>
</d:multistatus>"""


def test_a_document_is_read_whatever_its_prefixes_and_links() -> None:
    first, gone, bare = found_in(NEXTCLOUD.encode())
    assert (first.path, first.text("{DAV:}getetag"), first.text("{DAV:}displayname"), first.is_gone) == (
        "/remote.php/dav/calendars/wu/a b/1.ics", '"e1"', "", False,
    )  # fmt: skip
    assert (gone.path.endswith("2.ics"), gone.is_gone) == (True, True)
    assert bare.text("{DAV:}getetag") == "e3"


def test_odd_dates_are_no_dates() -> None:
    assert modified_at("Wed, 25 Nov 2026 22:40:29 GMT") == datetime(2026, 11, 25, 22, 40, 29, tzinfo=UTC)
    assert modified_at("gestern") is modified_at("") is None


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0?#")))
def test_whatever_a_path_holds_it_is_asked_for_as_text(path: str) -> None:
    root = document(multiget([f"/{''.join(sign for sign in path if sign.isprintable())}"]))
    assert [node.tag for node in root] == ["{DAV:}prop", "{DAV:}href"]


def test_a_links_path_is_decoded_once() -> None:
    assert path_of(" https://cloud.example/a%20b/%2525.ics ") == "/a b/%25.ics"


# -- records


def todo(*lines: str) -> bytes:
    body = "\r\n".join(
        (
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "BEGIN:VTODO",
            "UID:u1",
            "DTSTAMP:20261124T020000Z",
            *lines,
            "END:VTODO",
            "END:VCALENDAR",
        )
    )
    return f"{body}\r\n".encode()


def record(*lines: str) -> Record:
    raw = raw_from_todo("/wu/launch/1.ics", "e1", todo(*lines).decode(), AT, "todo", "上线清单", AT)
    return CONNECTOR.record_from_raw(raw, SETTINGS)


def test_a_todo_is_a_task() -> None:
    found = record(
        "SUMMARY:客服话术\\, 二稿", "DESCRIPTION:依赖：PAY-1\\n看板", "STATUS:IN-PROCESS", "DUE;VALUE=DATE:20261201", "DTSTART:20261124T090000",
        "PRIORITY:1", "PERCENT-COMPLETE:40", "CATEGORIES:上线,客服", "CATEGORIES:支付", "URL:https://x.example/1",
        "ORGANIZER;CN=吴倩:mailto:Wu@x.example", "ATTENDEE:mailto:wang@x.example", "ATTENDEE:urn:uuid:1",
        "RELATED-TO:u0", "RELATED-TO;RELTYPE=DEPENDS-ON:u2", "RELATED-TO;RELTYPE=CHILD:u3", "RELATED-TO;RELTYPE=FINISHTOSTART:u4",
    )  # fmt: skip
    assert (found.ref, found.key, found.title, found.url) == (
        "todo:task:/wu/launch/1.ics",
        "u1",
        "客服话术, 二稿",
        "https://x.example/1",
    )
    values = found.values
    assert (values["due"], values["start"]) == (date(2026, 12, 1), datetime(2026, 11, 24, 1, tzinfo=UTC))
    assert (values["status"], values["priority"], values["percent_complete"]) == ("IN-PROCESS", 1, 40)
    assert (values["categories"], values["parent"]) == (["上线", "客服", "支付"], "u0")
    assert (values["organizer"], values["attendees"]) == (
        Account("wu@x.example", "吴倩", "Wu@x.example"), [Account("wang@x.example", "", "wang@x.example")],
    )  # fmt: skip
    assert values["description"] == "依赖：PAY-1\n看板"
    assert [(link.type_name, link.other_key) for link in found.links] == [("DEPENDS-ON", "u2"), ("FINISHTOSTART", "u4")]
    assert {"u1", "/wu/launch/1.ics"} <= {*found.aliases}


def test_a_todo_without_a_status_is_done_when_it_says_when() -> None:
    assert record("SUMMARY:x").values["status"] == "NEEDS-ACTION"
    assert record("COMPLETED:20261124T020000Z").values["status"] == "COMPLETED"
    assert record("STATUS:X-OWN").values["status"] == "NEEDS-ACTION"


@pytest.mark.parametrize(
    ("said", "expected"),
    [("PUBLIC", "open"), ("PRIVATE", "restricted"), ("CONFIDENTIAL", "restricted"), ("X", "restricted")],
)
def test_what_is_not_public_is_restricted(said: str, expected: str) -> None:
    assert record(f"CLASS:{said}").visibility == expected
    assert record().visibility == "open"


def test_of_a_repeated_todo_what_all_have_in_common_counts() -> None:
    one = todo("SUMMARY:例会纪要", "RRULE:FREQ=WEEKLY").decode()
    other = "BEGIN:VTODO\r\nUID:u1\r\nRECURRENCE-ID:20261201T020000Z\r\nSUMMARY:改期\r\nEND:VTODO\r\n"
    text = one.replace("BEGIN:VTODO", f"{other}BEGIN:VTODO", 1)
    raw = raw_from_todo("/x.ics", "", text, AT, "todo", "x", AT)
    assert CONNECTOR.record_from_raw(raw, SETTINGS).title == "例会纪要"
    assert raw.version


@pytest.mark.parametrize(
    "data", ["", "hello", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "BEGIN:VTODO\r\nUID:1\r\nBEGIN:X\r\n", "\0"]
)
def test_what_is_no_todo_is_kept_and_told_by_what_reads_it(data: str) -> None:
    raw = raw_from_todo("/x.ics", "e", data, AT, "todo", "x", AT)
    assert raw.visibility == "restricted"
    with pytest.raises(Nonsense):
        CONNECTOR.record_from_raw(raw, SETTINGS)


LINES = st.sampled_from(
    (
        "SUMMARY",
        "DUE",
        "DUE;VALUE=DATE",
        "STATUS",
        "PRIORITY",
        "CATEGORIES",
        "RELATED-TO",
        "ORGANIZER",
        "ATTENDEE;CN=x",
        "COMPLETED",
        "URL",
        "CLASS",
    )
)
WORDS = st.text(max_size=12).map(lambda text: "".join(sign for sign in text if sign.isprintable()))


@given(st.lists(st.tuples(LINES, WORDS), max_size=8))
def test_an_odd_todo_is_read_as_far_as_it_goes_or_told(lines: list[tuple[str, str]]) -> None:
    try:
        found = record(*(f"{name}:{words}" for name, words in lines))
    except Nonsense:
        return
    msgspec.json.encode(found.values)


def test_texts_of_any_kind_stay_texts() -> None:
    values: dict[str, Any] = dict(record("SUMMARY:一", "SUMMARY:二").values)
    assert values["summary"] == "一"
