"""Confluence without a site: what answers mean, paging, records and addresses."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from connectors.confluence import CONNECTOR
from connectors.confluence.answers import AlreadyThere, RolledBack, SignedOut, TitleTaken, decipher
from connectors.confluence.client import api_base
from connectors.confluence.paging import Listing, cursor_page, offset_page, position_params, walk
from connectors.confluence.records import raw_from_item, record_from_raw
from connectors.confluence.site import cql_text
from connectors.confluence.tree import Element
from sync.core.errors import AccessDenied, Conflict, Nonsense, NotFound, RecordError, Refused, TryLater
from sync.core.ports import ConnectionSettings
from sync.core.values import Account
from sync.remote import Reply

CLOUD = ConnectionSettings("wiki", "confluence", "https://acme.atlassian.net", variant="cloud")
DC = ConnectionSettings("wiki", "confluence", "https://wiki.acme.cn/confluence", variant="dc")


# -- answers


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (429, {"retry-after": "7"}, b'{"errors":[{"status":429,"code":"RATE_LIMITED","title":"Rate limit exceeded"}]}', TryLater),
        (503, {}, b"<html><h1>Service Unavailable</h1></html>", TryLater),
        (401, {}, b'{"code":401,"message":"Unauthorized; scope does not match"}', AccessDenied),
        (401, {}, b'{"code":401,"message":"Unauthorized"}', SignedOut),
        (403, {"x-authentication-denied-reason": "CAPTCHA_CHALLENGE; login-url=x"}, b"", AccessDenied),
        (302, {"location": "https://sso.acme.cn/login?x=1"}, b"", SignedOut),
        (200, {"x-ausername": "anonymous"}, b"{}", SignedOut),
        (200, {"x-seraph-loginreason": "AUTHENTICATED_FAILED"}, b"{}", SignedOut),
        (404, {}, b'{"errors":[{"status":404,"code":"NOT_FOUND","title":"Not Found","detail":null}]}', NotFound),
        (410, {}, b'{"statusCode":410,"message":"This deprecated endpoint has been removed","reason":"GoneException"}', Refused),
        (413, {}, b'{"statusCode":413,"message":"Request body is too large"}', Refused),
        (400, {}, b'{"errors":[{"status":400,"code":"INVALID","title":"A page with this title already exists: A page already exists with the same TITLE in this space"}]}', TitleTaken),
        (409, {}, b'{"statusCode":409,"message":"A page with this title already exists"}', TitleTaken),
        (500, {}, b'{"statusCode":500,"message":"A page already exists with the title X in the space with key Y"}', TitleTaken),
        (409, {}, b'{"errors":[{"status":409,"code":"CONFLICT","title":"Version must be incremented on update. Current version is: 7"}]}', Conflict),
        (409, {}, b'{"statusCode":409,"message":"org.hibernate.StaleObjectStateException: Row was updated"}', RolledBack),
        (500, {}, b'{"message":"Transaction rolled back because it has been marked as rollback-only"}', RolledBack),
        (400, {}, b'{"errors":[{"status":400,"title":"A property with key \'tieline.sync\' already exists"}]}', AlreadyThere),
        (400, {}, b'{"statusCode":400,"message":"Error parsing xhtml: Unexpected close tag at [row,col]: [1,4]"}', Refused),
        (200, {"content-type": "text/html"}, b"<!doctype html><title>Sign in</title>", Nonsense),
        (200, {"content-type": "application/json"}, b"\n <html>", Nonsense),
    ],
)  # fmt: skip
def test_an_answer_says_what_to_do_next(
    status: int, headers: dict[str, str], body: bytes, expected: type[Exception]
) -> None:
    with pytest.raises(expected) as caught:
        decipher(status, headers, body)
    assert type(caught.value) is expected


def test_answers_carry_their_facts() -> None:
    with pytest.raises(Conflict) as conflict:
        decipher(409, {}, b'{"message":"Version must be incremented on update. Current version is: 7"}')
    assert (conflict.value.expected, conflict.value.found) == ("8", "7")
    with pytest.raises(TryLater) as later:
        decipher(429, {"retry-after": "7"}, b"")
    assert (later.value.retry_after, later.value.reason) == (timedelta(seconds=7), "rate_limited")
    assert later.value.scope == "host"


@pytest.mark.parametrize(
    ("headers", "scope", "pause_s"),
    [
        ({"ratelimit-reason": "confluence-quota-global-based", "retry-after": "9"}, "quota", 9),
        ({"ratelimit-reason": "confluence-quota-tenant-based"}, "quota", 600),
        ({"ratelimit-reason": "confluence-burst-based", "x-ratelimit-reset": "2026-11-23T09:51Z"}, "endpoint", 60),
        ({}, "host", None),
    ],
)
def test_a_limit_tells_how_far_it_reaches(headers: dict[str, str], scope: str, pause_s: float | None) -> None:
    with pytest.raises(TryLater) as later:
        decipher(429, {"date": "Mon, 23 Nov 2026 09:50:00 GMT", **headers}, b"{}")
    pause = timedelta(seconds=pause_s) if pause_s is not None else None
    assert (later.value.scope, later.value.retry_after) == (scope, pause)
    with pytest.raises(Refused) as refused:
        decipher(
            400, {}, b'{"errors":[{"code":"INVALID_REQUEST_PARAMETER","title":"Title cannot be blank","detail":"x"}]}'
        )
    assert (refused.value.vendor_code, refused.value.vendor_message) == (
        "INVALID_REQUEST_PARAMETER",
        "Title cannot be blank: x",
    )


@pytest.mark.parametrize(("status", "body"), [(200, b'{"results":[]}'), (204, b""), (200, b"[]")])
def test_successes_pass(status: int, body: bytes) -> None:
    decipher(status, {"content-type": "application/json"}, body)


# -- paging


def reply(body: dict[str, Any], **headers: str) -> Reply:
    return Reply(200, headers, json.dumps(body).encode())


def test_cursors_are_extracted_and_links_never_followed() -> None:
    link = "/wiki/api/v2/pages?limit=250&cursor=a%2Fb%3D%3D"
    assert cursor_page(reply({"results": [{"id": "1"}], "_links": {"next": link}})) == ([b'{"id": "1"}'], "a/b==")
    assert cursor_page(reply({"results": []}, link=f'<{link}>; rel="next", <x>; rel="base"')) == ([], "a/b==")
    assert cursor_page(reply({"results": [], "_links": {"base": "x"}})) == ([], None)
    with pytest.raises(Nonsense):
        cursor_page(reply({"results": [], "_links": {"next": "/wiki/api/v2/pages"}}))


def test_offsets_go_on_by_what_came() -> None:
    items = [{"id": str(number)} for number in range(3)]
    assert offset_page(reply({"results": items, "start": 6, "limit": 3, "size": 3}), 6, 100)[1] == "9"
    assert (
        offset_page(
            reply({"results": items, "limit": 25, "_links": {"next": "/rest/api/content?start=50&limit=25"}}), 6, 100
        )[1]
        == "50"
    )
    assert offset_page(reply({"results": items, "limit": 25}), 6, 100)[1] is None
    assert offset_page(reply({"results": [], "limit": 3}), 9, 100)[1] is None


def test_walking_in_a_circle_raises() -> None:
    pages = {"": ([b"1"], "a"), "a": ([b"2"], "a")}
    seen: list[list[bytes]] = []
    with pytest.raises(Nonsense):
        seen.extend(walk(lambda position: pages[position]))
    with pytest.raises(Nonsense):
        list(walk(lambda position: ([b"1"], position + "x")))
    with pytest.raises(Nonsense):
        list(walk(lambda position: ([], position + "x")))
    assert seen == [[b"1"], [b"2"]]
    wheel = {"": ([b"1"], "a"), "a": ([b"2"], "b"), "b": ([b"3"], "a")}
    with pytest.raises(Nonsense):
        list(islice(walk(lambda position: wheel[position]), 50))


def test_one_empty_page_on_the_way_is_no_end() -> None:
    answers = iter([([b"1"], "a"), ([], "a"), ([b"2"], None)])
    assert list(walk(lambda _position: next(answers))) == [[b"1"], [b"2"]]


def test_a_listing_keeps_its_items_bytes() -> None:
    body = b'{"results":[ {"id":"1",  "x":1e2} ],"_links":{}}'
    assert Reply(200, {}, body).read(Listing).items[0] == b'{"id":"1",  "x":1e2}'


def test_a_next_link_by_start_is_followed() -> None:
    body = {"results": [], "_links": {"next": "/rest/api/search?cql=x&limit=25&start=25"}}
    _, position = cursor_page(Reply(200, {}, json.dumps(body).encode()))
    assert position is not None
    assert position_params(position) == {"start": "25"}
    assert position_params("abc") == {"cursor": "abc"}
    assert position_params("") == {}


@pytest.mark.parametrize("body", [{"results": [], "_links": None}, {"results": None}, {"_links": {"next": None}}, {"size": 0}])  # fmt: skip
def test_nulls_in_listings_are_no_error(body: Any) -> None:
    assert cursor_page(Reply(200, {}, json.dumps(body).encode())) == ([], None)


def test_what_is_no_listing_is_not_an_empty_one() -> None:
    with pytest.raises(Nonsense):
        _ = Reply(200, {}, b'{"message":"hello"}').read(Listing).items


def test_cql_texts_cannot_end_early() -> None:
    assert cql_text('A" or space = "B\\') == '"A\\" or space = \\"B\\\\"'


# -- records

V2_PAGE: dict[str, Any] = {
    "id": "1212417", "status": "current", "title": "年度用户增长计划", "spaceId": "98306", "parentId": "98432", "parentType": "page",
    "authorId": "5b1", "createdAt": "2026-11-20T01:00:00.000Z", "unknown": [{}], "position": None,
    "version": {"number": 7, "message": "", "minorEdit": False, "authorId": "712020:x", "createdAt": "2026-11-23T09:00:00.123Z"},
    "body": {"storage": {"representation": "storage", "value": "<p>RACI</p>"}},
    "labels": {"results": [{"id": "1", "prefix": "global", "name": "raci"}]},
    "properties": {"results": [{"id": "5", "key": "tieline.sync", "value": {"mark": "m"}, "version": {"number": 1}}]},
    "_links": {"webui": "/spaces/TEAM/pages/1212417/x", "tinyui": "/x/abc", "editui": "/pages/x"},
}  # fmt: skip
V1_PAGE: dict[str, Any] = {
    "id": "65537", "type": "page", "status": "current", "title": "Welcome", "space": {"id": 32769, "key": "OPS"},
    "version": {"by": {"type": "known", "username": "sun.li", "userKey": "8a7f", "displayName": "孙丽"}, "when": "2026-11-23T17:00:00.000+08:00", "number": 3},
    "history": {"createdBy": {"username": "li.na", "userKey": "8a7e", "displayName": "李娜"}, "createdDate": "2026-11-01T09:00:00.000+0800"},
    "ancestors": [{"id": "1"}, {"id": "65000"}], "body": {"storage": {"value": "<p>Hi</p>"}},
    "metadata": {"labels": {"results": [{"prefix": "global", "name": "ops"}]}}, "_links": {"webui": "/display/OPS/Welcome", "tinyui": "/x/AQ"},
}  # fmt: skip
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_cloud_page_becomes_a_record() -> None:
    raw = raw_from_item("wiki", "TEAM", json.dumps(V2_PAGE).encode(), NOW)
    assert (raw.ref, raw.version, raw.updated_at) == (
        "wiki:document:1212417",
        "7",
        datetime(2026, 11, 23, 9, 0, 0, 123000, UTC),
    )
    record = record_from_raw(raw, CLOUD)
    assert record.url == "https://acme.atlassian.net/wiki/spaces/TEAM/pages/1212417/x"
    assert record.aliases == (
        "1212417",
        record.url,
        "https://acme.atlassian.net/wiki/pages/viewpage.action?pageId=1212417",
        "https://acme.atlassian.net/wiki/spaces/TEAM/pages/1212417",
        "https://acme.atlassian.net/wiki/x/abc",
    )
    values = record.values
    assert (values["title"], values["version"]["number"], values["authorId"]) == ("年度用户增长计划", 7, "5b1")
    assert (values["body"], values["labels"], values["parentId"], values["status"]) == (
        "<p>RACI</p>",
        ["raci"],
        "98432",
        "current",
    )
    assert values["properties"] == {"tieline.sync": {"mark": "m"}}
    assert record.accounts == (Account("5b1"), Account("712020:x"))


def test_a_data_center_page_becomes_the_same_kind_of_record() -> None:
    raw = raw_from_item("wiki", "OPS", json.dumps(V1_PAGE).encode(), NOW)
    assert (raw.version, raw.updated_at) == ("3", datetime(2026, 11, 23, 9, tzinfo=UTC))
    record = record_from_raw(raw, DC)
    assert record.url == "https://wiki.acme.cn/confluence/display/OPS/Welcome"
    assert "https://wiki.acme.cn/confluence/pages/viewpage.action?pageId=65537" in record.aliases
    assert record.values["parentId"] == "65000"
    assert record.values["labels"] == ["ops"]
    assert record.values["createdAt"] == datetime(2026, 11, 1, 1, tzinfo=UTC)
    assert record.accounts == (Account("8a7e", "李娜", None, "li.na"), Account("8a7f", "孙丽", None, "sun.li"))


def test_missing_keys_are_no_error_and_nonsense_is() -> None:
    bare = {
        "id": 5,
        "version": {"number": 1, "createdAt": "2026-11-23T09:00:00Z"},
        "title": None,
        "body": {},
        "_links": None,
    }
    record = record_from_raw(raw_from_item("wiki", "TEAM", json.dumps(bare).encode(), NOW), CLOUD)
    assert (record.title, record.url) == ("", "https://acme.atlassian.net/wiki/spaces/TEAM/pages/5")
    raw = raw_from_item("wiki", "TEAM", json.dumps(bare).encode(), NOW)
    for payload in (b"[]", b"{}", b"nothing"):
        with pytest.raises(RecordError):
            record_from_raw(type(raw)(raw.ref, payload, "1", NOW, NOW), CLOUD)
    for item in (b"{}", b"[]", b'{"id":"5","version":{"number":1,"createdAt":"soon"}}'):
        with pytest.raises(Nonsense):
            raw_from_item("wiki", "TEAM", item, NOW)


@pytest.mark.parametrize("path", ["//evil.example/x", "https://evil.example/x", "javascript:alert(1)"])
def test_an_address_never_leads_to_another_host(path: str) -> None:
    raw = raw_from_item("wiki", "TEAM", json.dumps({**V2_PAGE, "_links": {"webui": path}}).encode(), NOW)
    assert record_from_raw(raw, CLOUD).url == "https://acme.atlassian.net/wiki/spaces/TEAM/pages/1212417"


def test_the_gateway_is_asked_where_a_cloud_id_is_given() -> None:
    gateway = ConnectionSettings("wiki", "confluence", "https://acme.atlassian.net/wiki/", options={"cloud_id": "c-1"})
    assert api_base(gateway) == "https://api.atlassian.com/ex/confluence/c-1"
    assert api_base(CLOUD) == "https://acme.atlassian.net"
    assert api_base(DC) == "https://wiki.acme.cn/confluence"


def test_the_manifest_names_what_each_variant_needs() -> None:
    assert CONNECTOR.credentials == {"cloud": ("email", "token"), "dc": ("token",)}
    assert set(CONNECTOR.ports) == {"source", "knowledge_base"}


def test_a_made_element_has_no_place() -> None:
    assert (Element("p").start, Element("p").end) == (-1, -1)
