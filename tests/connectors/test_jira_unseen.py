"""Jira sites that lack what the usual ones have, and payloads with odd parts: read as far as they can be, and nothing lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.jira.records import light_issue, raw_from_history, raw_from_issue, record_from_raw
from sandbox.http import Request, Response, json_response
from sandbox.jira import JiraSimulator
from sync.core.errors import Nonsense, NotFound, RecordError
from sync.core.ports import ConnectionSettings, Cursor
from sync.core.values import RawRecord, Ref
from tests.connectors.test_jira_live import MARK, Bench, bench_of

AT = datetime(2026, 11, 24, tzinfo=UTC)
SETTINGS = ConnectionSettings("jira-main", "jira", "https://jira.example", variant="cloud")
GONE = json_response({"errorMessages": ["The requested API has been removed."], "errors": {}}, 410)
MISSING = Response(404, b"<html>no</html>", {"content-type": "text/html"})


@pytest.fixture(params=["cloud", "dc"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    yield from bench_of(request.param)


@pytest.fixture
def cloud() -> Iterator[Bench]:
    yield from bench_of("cloud")


@pytest.fixture
def dc() -> Iterator[Bench]:
    yield from bench_of("dc")


def without(bench: Bench, pattern: str, answer: Response = MISSING) -> None:
    """The site answers so to every request whose method and path the pattern matches."""

    def refuse(request: Request) -> Response | None:
        return answer if re.search(pattern, f"{request.method} {request.path}") else None

    change(bench, refuse, lambda body: body)


def change(
    bench: Bench, refuse: Callable[[Request], Response | None], edit: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    class Odd(JiraSimulator):
        def handle(self, request: Request) -> Response:
            if answer := refuse(request):
                return answer
            reply = super().handle(request)
            data = msgspec.json.decode(reply.body) if reply.body[:1] == b"{" else None
            return json_response(edit(data), reply.status) if data and reply.status < 300 else reply

    bench.simulator.__class__ = Odd


def later() -> Cursor:
    return Cursor("issues", "", datetime(2030, 1, 1, tzinfo=UTC))


# --- requests that a site does not have ---


def test_a_poll_without_news_needs_no_project_request(bench: Bench) -> None:
    without(bench, r"GET .*/project/")
    assert list(bench.jira.shards("issues", later(), bench.project)) == []
    assert all(probe.is_ok for probe in bench.jira.probes() if probe.operation.startswith("see project"))


def test_an_empty_project_is_seen_by_clouds_search_of_projects(cloud: Bench) -> None:
    cloud.simulator.add_project("EMPTY", "Empty")
    without(cloud, r"GET .*/project/EMPTY$")
    assert list(cloud.jira.shards("issues", None, "EMPTY")) == []
    assert list(cloud.jira.census("issues", "EMPTY")) in ([], [[]])


@pytest.mark.parametrize("cursor", [None, later()])
def test_a_project_that_nobody_sees_is_not_found(bench: Bench, cursor: Cursor | None) -> None:
    with pytest.raises(NotFound, match="NOWHERE"):
        list(bench.jira.shards("issues", cursor, "NOWHERE"))


@pytest.mark.parametrize(
    "answer",
    [Response(302, b"", {"location": "/login"}), Response(401), Response(403), MISSING, GONE, Response(200, b"<html>")],
)
def test_a_fingerprint_needs_no_tenant_info(cloud: Bench, answer: Response) -> None:
    without(cloud, "tenant_info", answer)
    cloud.jira.remote._sleep = lambda _: None
    assert cloud.jira.identify().fingerprint == f"jira:{cloud.simulator.public_url}"


def test_a_fingerprint_without_server_info_is_the_base_url(bench: Bench) -> None:
    without(bench, "tenant_info|serverInfo")
    assert bench.jira.identify().fingerprint == f"jira:{bench.sandbox.url(bench.simulator.name)}"


@pytest.mark.parametrize("answer", [MISSING, GONE])
def test_issues_are_read_singly_where_there_is_no_bulk(cloud: Bench, answer: Response) -> None:
    expected = cloud.records()
    without(cloud, "issue/bulkfetch", answer)
    cloud.sandbox.forget_requests()
    assert cloud.records().keys() == expected.keys()
    assert len(cloud.sent("issue/bulkfetch")) == 1


@pytest.mark.parametrize("answer", [MISSING, GONE])
def test_histories_are_read_singly_where_there_is_no_bulk(cloud: Bench, answer: Response) -> None:
    for number in range(130):
        cloud.simulator.edit_issue(cloud.first, summary=f"title {number}")
    expected = {key: found.values for key, found in cloud.records(stream="history").items()}
    without(cloud, "changelog/bulkfetch", answer)
    single = {key: found.values for key, found in cloud.records(stream="history").items()}
    ids = {key: sorted(item["id"] for item in values["changeHistories"]) for key, values in single.items()}
    assert ids == {key: sorted(item["id"] for item in values["changeHistories"]) for key, values in expected.items()}
    without(cloud, "changelog", answer)
    assert cloud.records(stream="history") == {}


def test_a_vocabulary_leaves_out_what_is_not_listed(bench: Bench) -> None:
    without(bench, r"GET .*/(status|project|issueLinkType)$")
    words = bench.jira.vocabulary()
    assert words.fields
    assert (words.statuses, words.link_types, words.scopes) == ((), (), {})


# --- pages with odd parts ---


def test_pages_without_a_total_are_read_to_the_end(dc: Bench) -> None:
    dc.many(9)
    expected = dc.census()
    written = dc.jira.add_comment(dc.task(dc.first), MARK, ())
    for number in range(120):
        dc.simulator.comment(dc.first, f"comment {number}")
    change(dc, lambda _: None, lambda body: {name: value for name, value in body.items() if name != "total"})
    small = dc.connect(options={"page_size": 4})
    assert dc.records(jira=small).keys() == expected
    assert {key for page in small.census("issues", dc.project) for key in page} == expected
    assert small.find_comment(dc.task(dc.first), MARK) == written
    assert small.find_comment(dc.task(dc.first), "tieline:demo:none") is None


def test_links_are_looked_for_where_the_site_says_null(bench: Bench) -> None:
    def empty(body: dict[str, Any]) -> dict[str, Any]:
        if "issuelinks" in (body.get("fields") or {}):
            body["fields"]["issuelinks"] = None
            body["properties"] = None
        return body

    change(bench, lambda _: None, empty)
    assert bench.jira.find_link(bench.task(bench.first), bench.end(bench.second), "blocks", MARK) is None


def test_an_empty_place_in_a_page_stops_nothing(bench: Bench) -> None:
    expected = bench.records().keys()

    def hole(body: dict[str, Any]) -> dict[str, Any]:
        return body | ({"issues": [None, *body["issues"]]} if isinstance(body.get("issues"), list) else {})

    change(bench, lambda _: None, hole)
    assert bench.records().keys() == expected


# --- odd records ---


def raw(payload: object) -> RawRecord:
    sent = msgspec.Raw(msgspec.json.encode(payload))
    return raw_from_issue(light_issue(sent), sent, "jira-main", "PAY", "summary", AT)


LINK = {"id": "7", "type": "Blocks", "outwardIssue": {"id": "9", "key": "A-9", "fields": "none"}}


@pytest.mark.parametrize(
    "fields",
    [
        {"updated": None},
        {"updated": {}},
        {"project": None},
        {"project": "PAY"},
        {"project": {"key": None, "id": None}},
        {"issuelinks": [None, {"id": None}, "x"]},
        {"issuelinks": "none"},
        "none",
        None,
        [],
    ],
)
def test_an_odd_issue_is_kept_and_read(fields: object) -> None:
    kept = raw({"id": "10063", "key": "PAY-1", "fields": fields})
    assert (kept.ref, kept.scope, kept.updated_at) == ("jira-main:task:10063", "PAY", AT)
    assert record_from_raw(kept, SETTINGS).key == "PAY-1"


def test_what_can_be_read_of_an_odd_issue_is_read() -> None:
    fields = {"updated": 1763888400000, "issuelinks": [None, LINK], "security": {"id": "1"}, "project": {"key": "X"}}
    kept = raw({"id": "10063", "key": None, "fields": fields, "changelog": {"histories": 5}})
    assert kept.updated_at == datetime(2025, 11, 23, 9, 0, tzinfo=UTC)
    assert (kept.scope, kept.visibility) == ("PAY", "restricted")
    links = record_from_raw(kept, SETTINGS).links
    assert [(link.id, link.type_name, link.other_id, link.other_title) for link in links] == [("7", "Blocks", "9", "")]
    unlinked = raw({"id": "10063", "fields": fields | {"issuelinks": [None]}})
    assert unlinked.version != kept.version
    nameless: list[object] = [{"key": "PAY-1", "fields": None}, {"id": None}, {"id": True}, [], "x"]
    for payload in nameless:
        with pytest.raises(Nonsense):
            raw(payload)


def test_odd_changes_are_left_out_and_no_other() -> None:
    entries: list[object] = [None, 5, {"created": 1}, {"created": 2}, {"id": "3", "items": [None, {"field": "x"}]}]
    kept = raw_from_history("1", [msgspec.Raw(msgspec.json.encode(item)) for item in entries], "jira-main", "PAY", AT)
    changes = record_from_raw(kept, SETTINGS).values["changeHistories"]
    assert [change["id"] for change in changes] == ["", "", "3"]
    assert changes[2]["items"] == [{"field": "x"}]


plain = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=6)
names = st.sampled_from(["id", "key", "fields", "type", "content", "attrs", "histories", "items", "name", "summary"])
anything = st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3))
issue_fields = st.dictionaries(
    st.sampled_from(["updated", "project", "issuelinks", "summary", "attachment", "assignee", "security"]), anything
)


@settings(max_examples=200, deadline=None)
@given(issue_fields | anything, anything, st.sampled_from(["task", "history"]))
def test_only_our_errors_come_out_of_any_payload(fields: object, more: object, kind: str) -> None:
    payload = {"id": "1", "key": more, "fields": fields, "changelog": {"histories": more}, "changeHistories": more}
    kept = raw(payload)
    with suppress(Nonsense, RecordError):
        record_from_raw(msgspec.structs.replace(kept, ref=Ref.of("jira-main", kind, "1")), SETTINGS)


def test_a_value_without_a_bottom_is_nonsense() -> None:
    deep = b'{"id":"1","fields":{"x":' + b"[" * 900 + b"]" * 900 + b"}}"
    with pytest.raises(Nonsense):
        record_from_raw(msgspec.structs.replace(raw({"id": "1"}), payload=deep), SETTINGS)
