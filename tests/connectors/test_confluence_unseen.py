"""Confluence sites that answer oddly: parts left out, endpoints gone, lists in other shapes. Nothing is lost or disclosed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.confluence import CONNECTOR
from connectors.confluence.answers import AlreadyThere, TitleTaken, decipher
from connectors.confluence.client import Confluence
from connectors.confluence.records import raw_from_item, record_from_raw, stored_publication_from
from connectors.confluence.site import readers_of
from connectors.confluence.storage import storage_from_rich_text
from sync.core.errors import AccessDenied, Conflict, Nonsense, NotFound, TryLater
from sync.core.ports import ConnectionSettings, PageContent, Shard
from sync.core.rich_text import Paragraph, Picture, RichText, Text
from sync.core.values import Ref

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MARK = "tieline:demo:0123456789abcdef"
Answer = tuple[int, Any]


@dataclass
class Site:
    """A site that answers what a test says, and 404 for all else; it keeps what was sent."""

    answers: dict[tuple[str, str], Answer | Callable[[dict[str, list[str]], Any], Answer]]
    url: str = ""
    sent: list[tuple[str, str, dict[str, list[str]], Any]] = field(default_factory=list)

    def answer(self, method: str, target: str, body: bytes) -> Answer:
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        try:
            data = json.loads(body) if body else None
        except ValueError:
            data = body
        self.sent.append((method, parts.path, query, data))
        found = self.answers.get((method, parts.path), (404, {"message": "gone"}))
        return found(query, data) if callable(found) else found

    def writes(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path, _, _ in self.sent if method != "GET"]


@contextmanager
def opened(variant: str, answers: dict[Any, Any]) -> Iterator[tuple[Site, Confluence]]:
    site = Site(answers)

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, data = site.answer(self.command, self.path, body)
            payload = json.dumps(data).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PUT = do_DELETE = _do  # noqa: N815  # the names http.server wants

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    credentials = {"email": "bot@acme.cn", "token": "t"} if variant == "cloud" else {"token": "t"}
    settings = ConnectionSettings(
        "wiki", "confluence", site.url, variant=variant, scopes=("TEAM",), credentials=credentials,
        requests_per_second=1000,
    )  # fmt: skip
    confluence = CONNECTOR.connect(settings)
    try:
        yield site, confluence
    finally:
        confluence.close()
        server.shutdown()
        server.server_close()


def v2_page(**values: Any) -> dict[str, Any]:
    return {
        "id": "7", "status": "current", "title": "状态", "spaceId": "1", "authorId": "me",
        "version": {"number": 1, "createdAt": "2026-11-23T09:00:00Z"},
        "body": {"storage": {"representation": "storage", "value": "<p>人写的</p>"}}, **values,
    }  # fmt: skip


V1_PAGE: dict[str, Any] = {
    "id": "7", "type": "page", "status": "current", "title": "状态", "space": {"id": 1, "key": "TEAM"},
    "version": {"number": 1, "when": "2026-11-23T09:00:00Z"}, "ancestors": [],
    "body": {"storage": {"value": "<p>人写的</p>"}},
}  # fmt: skip
PUBLICATION = {"id": "5", "key": "tieline.sync", "value": {"mark": MARK, "page": "7", "title": "状态"}}
V2, V1 = "/wiki/api/v2", "/wiki/rest/api"
SPACES = (200, {"results": [{"id": "1", "key": "TEAM", "name": "组"}], "_links": None})


# -- A1: a body that was left out is not an empty page


@pytest.mark.parametrize("body", [None, {}, {"storage": None}, {"storage": {"value": None}}, {"_expandable": {"storage": ""}}])  # fmt: skip
@pytest.mark.parametrize("variant", ["cloud", "dc"])
def test_a_page_without_its_body_is_never_overwritten(variant: str, body: Any) -> None:
    good = v2_page() if variant == "cloud" else V1_PAGE
    shown: dict[str, Any] = {"page": good}
    page_path = f"{V2}/pages/7" if variant == "cloud" else "/rest/api/content/7"
    answers: dict[Any, Any] = {
        ("GET", page_path): lambda *_: (200, shown["page"]),
        ("GET", f"{V2}/spaces/1"): (200, {"id": "1", "key": "TEAM"}),
        ("GET", f"{V2}/pages/7/properties"): (200, {"results": [PUBLICATION]}),
        ("GET", "/rest/api/content/7/property/tieline.sync"): (200, PUBLICATION),
    }
    with opened(variant, answers) as (site, confluence):
        page = confluence.get_page(_ref())
        assert page.mark == MARK
        shown["page"] = {**good, "body": body}
        with pytest.raises(Nonsense):
            confluence.update_page(page, MARK, _content())
        assert site.writes() == []
        assert confluence.look_up("pages", "7") == "here"
        shown["page"] = {**good, "body": {"storage": {"value": ""}}}
        assert confluence.get_page(page.ref).mark == MARK


def _ref() -> Ref:
    return Ref.of("wiki", "document", "7")


NEW_BODY: RichText = (Paragraph((Text("新"),)),)


def _content(body: RichText = NEW_BODY, **values: Any) -> PageContent:
    return PageContent(space="TEAM", title="状态", body=body, **values)


# -- A2: what is not proven open is restricted


@pytest.mark.parametrize(
    ("restrictions", "expected"),
    [
        ({"user": [{"accountId": "a"}], "group": []}, 1),
        ({"user": [], "group": [{"name": "g"}, {"name": "h"}]}, 2),
        ({"user": [], "group": []}, 0),
        ({"user": {"results": [], "size": 0}, "group": {"results": [{}], "size": 1}}, 1),
        ({"user": {"results": []}, "group": {"size": 0}}, 0),
        ({"user": {"results": []}}, None),
        ({"user": [{"accountId": "a"}]}, 1),
        ({"user": {"results": []}, "group": {"_expandable": {}}}, None),
        ({"user": None, "group": None}, None),
        (None, None),
    ],
)
def test_readers_are_counted_in_every_shape(restrictions: Any, expected: int | None) -> None:
    assert readers_of({"operation": "read", "restrictions": restrictions}) == expected


def _visibility(variant: str, item: dict[str, Any], answers: dict[Any, Any]) -> str:
    path = f"{V2}/pages/{item['id']}" if variant == "cloud" else "/rest/api/content"
    listed = item if variant == "cloud" else {"results": [item]}
    with opened(variant, {("GET", path): (200, listed), **answers}) as (_, confluence):
        shard = Shard("pages", "TEAM", ids=(item["id"],) if variant == "cloud" else ())
        return next(record.visibility for page in confluence.fetch(shard) for record in page)


OPEN = {"operation": "read", "restrictions": {"user": [], "group": []}}
CLOSED = {"operation": "read", "restrictions": {"user": [{"accountId": "a"}], "group": []}}
INLINE = {"read": {"restrictions": {"user": {"results": [], "size": 0}, "group": {"results": [], "size": 0}}}}


@pytest.mark.parametrize(("rule", "expected"), [(OPEN, "open"), (CLOSED, "restricted"), ({"operation": "read"}, "restricted")])  # fmt: skip
def test_a_restriction_on_cloud_as_a_plain_list(rule: Any, expected: str) -> None:
    answers = {("GET", f"{V1}/content/7/restriction"): (200, {"results": [rule]})}
    assert _visibility("cloud", v2_page(), answers) == expected


def test_a_parent_of_unsaid_kind_is_asked() -> None:
    answers = {
        ("GET", f"{V1}/content/7/restriction"): (200, {"results": [OPEN]}),
        ("GET", f"{V1}/content/6/restriction"): (200, {"results": [CLOSED]}),
        ("GET", f"{V2}/pages/6"): (200, v2_page(id="6")),
    }
    assert _visibility("cloud", v2_page(parentId="6", parentType=None), answers) == "restricted"


@pytest.mark.parametrize("ancestors", ["missing", None, [{}], [None]])
@pytest.mark.parametrize(("asked", "expected"), [([], "open"), ([{"id": "6"}], "restricted"), (None, "restricted")])
def test_unsaid_ancestors_are_asked_once_on_data_center(ancestors: Any, asked: Any, expected: str) -> None:
    item = {key: value for key, value in V1_PAGE.items() if key != "ancestors"} | {"restrictions": INLINE}
    if ancestors != "missing":
        item["ancestors"] = ancestors
    answers = {
        ("GET", "/rest/api/content/7"): (200, {**V1_PAGE, "ancestors": asked}),
        ("GET", "/rest/api/content/6/restriction/byOperation"): (200, {"read": CLOSED}),
    }
    assert _visibility("dc", item, answers) == expected


def test_half_an_inline_restriction_is_not_trusted() -> None:
    half = {**V1_PAGE, "restrictions": {"read": {"restrictions": {"user": {"results": [], "size": 0}}}}}
    path = ("GET", "/rest/api/content/7/restriction/byOperation")
    assert _visibility("dc", half, {path: (200, {"read": CLOSED})}) == "restricted"
    assert _visibility("dc", half, {path: (200, {"read": OPEN})}) == "open"
    assert _visibility("dc", half, {}) == "restricted"


# -- B4, B5, C7: odd payloads


@pytest.mark.parametrize(
    "values",
    [
        {"ancestors": None},
        {"ancestors": [{}]},
        {"version": None},
        {"version": {}},
        {"version": {"number": "4"}},
        {"version": {"number": 4, "createdAt": None}},
        {"status": None},
        {"createdAt": ""},
        {"createdAt": "soon"},
    ],
)
def test_odd_pages_become_records(values: dict[str, Any]) -> None:
    raw = raw_from_item("wiki", "TEAM", json.dumps(v2_page(**values)).encode(), NOW)
    record = record_from_raw(raw, ConnectionSettings("wiki", "confluence", "https://acme.atlassian.net"))
    version = values.get("version", {"number": 1, "createdAt": "x"}) or {}
    assert record.values["version"]["number"] == int(version.get("number") or 0)
    assert record.updated_at == (datetime(2026, 11, 23, 9, tzinfo=UTC) if version.get("createdAt") else NOW)
    assert record.values["status"] == "current"


@pytest.mark.parametrize("version", ["missing", None, {}, {"number": None}])
def test_a_property_without_version_is_the_first(version: Any) -> None:
    found = PUBLICATION if version == "missing" else {**PUBLICATION, "version": version}
    assert stored_publication_from(found).number == 1
    assert stored_publication_from({}).value is None


@pytest.mark.parametrize("status", [429, 500, 503])
def test_trouble_is_no_verdict_about_the_token(status: int) -> None:
    with pytest.raises(TryLater):
        decipher(status, {"x-ausername": "anonymous"}, b"")
    with pytest.raises(AccessDenied):
        decipher(200, {"x-ausername": "anonymous"}, b"{}")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("A page with the title 'Rel. 4.2' already exists in this space", TitleTaken),
        ("Title must be unique within the space", TitleTaken),
        ("This title is already in use", TitleTaken),
        ("A page called X already exists", TitleTaken),
        ("A property with key 'tieline.sync' already exists", AlreadyThere),
        ("The page has a property 'tieline.sync' that already exists", AlreadyThere),
    ],
)
def test_a_taken_title_is_told_in_many_words(words: str, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        decipher(400, {}, json.dumps({"message": words}).encode())


def test_any_conflict_of_a_new_page_may_be_its_title() -> None:
    answers: dict[Any, Any] = {
        ("GET", f"{V2}/spaces"): SPACES,
        ("POST", f"{V2}/pages"): (409, {"message": "no"}),
        ("GET", f"{V2}/pages"): lambda query, _: (
            200, {"results": [] if "title" in query else [v2_page(id="9", title="状态")]}
        ),
    }  # fmt: skip
    with opened("cloud", answers) as (_, confluence), pytest.raises(Conflict, match="page 9 in space TEAM"):
        confluence.create_page(MARK, _content())


# -- C: endpoints that are gone


def test_a_space_that_cannot_be_looked_up_hides_no_page() -> None:
    answers: dict[Any, Any] = {
        ("GET", f"{V2}/pages/7"): (200, v2_page()),
        ("GET", f"{V2}/pages/7/properties"): (200, {"results": [PUBLICATION]}),
    }
    with opened("cloud", answers) as (_, confluence):
        assert confluence.get_page(_ref()).space == "1"
    with opened("cloud", {**answers, ("GET", f"{V2}/spaces"): SPACES}) as (_, confluence):
        assert confluence.get_page(_ref()).space == "TEAM"


def test_a_page_is_found_where_search_is_gone() -> None:
    answers: dict[Any, Any] = {("GET", f"{V2}/spaces"): SPACES, ("GET", f"{V2}/pages"): (200, {"results": []})}
    for search in ((404, {}), (410, {}), (200, {"nothing": 1})):
        with opened("cloud", {**answers, ("GET", f"{V1}/search"): search}) as (_, confluence):
            assert confluence.find_page("TEAM", MARK, "状态") is None


def test_a_page_is_published_without_pictures_that_cannot_be_attached() -> None:
    kept: dict[str, Any] = {}

    def save(_: Any, data: Any) -> Answer:
        kept["page"] = v2_page(version=data.get("version") or {"number": 1}, body={"storage": data["body"]})
        return 200, kept["page"]

    answers: dict[Any, Any] = {
        ("GET", f"{V2}/spaces"): SPACES,
        ("POST", f"{V2}/pages"): save,
        ("PUT", f"{V2}/pages/7"): save,
        ("GET", f"{V2}/pages/7"): lambda *_: (200, kept["page"]),
        ("PUT", f"{V1}/content/7/child/attachment"): (410, {"message": "removed"}),
        ("POST", f"{V2}/pages/7/properties"): (200, PUBLICATION),
    }
    content = _content(
        (Paragraph((Text("正文"),)), Picture("依赖图", filename="a.png")), attachments=(("a.png", b"x"),)
    )
    with opened("cloud", answers) as (_, confluence):
        confluence.create_page(MARK, content)
    body = kept["page"]["body"]["storage"]["value"]
    assert "正文" in body
    assert "依赖图" in body
    assert "ri:attachment" not in body


def test_only_missing_pictures_become_words() -> None:
    body = (Picture("甲", filename="a.png"), Picture("乙", filename="b.png"), Picture("丙", url="https://x.cn/c.png"))
    written = storage_from_rich_text(body, True, {"a.png"})
    assert "「甲」" in written
    assert written.count("<ac:image") == 2


# -- D3, D6: Data Center's spaces, refused parameters


def test_a_space_is_there_when_its_pages_are() -> None:
    rows: dict[str, Any] = {"key": "TEAM"}
    listing = lambda *_: (200, {"results": [{"id": "7", "space": {"key": rows["key"]}}]})  # noqa: E731
    for path in ("/rest/api/content", "/rest/api/content/search"):
        rows["key"] = "TEAM"
        with opened("dc", {("GET", path): listing}) as (_, confluence):
            assert confluence.site.check_space("TEAM") == "TEAM"
            rows["key"] = "OTHER"
            with pytest.raises(NotFound):
                confluence.site.check_space("TEAM")
    with (
        opened("dc", {("GET", "/rest/api/content"): (200, {"results": []})}) as (_, confluence),
        pytest.raises(NotFound),
    ):
        confluence.site.check_space("TEAM")


def test_a_site_without_space_listing_is_named_by_its_address() -> None:
    user = {"userKey": "8a", "displayName": "Tieline", "type": "known"}
    with opened("dc", {("GET", "/rest/api/user/current"): (200, user)}) as (site, confluence):
        assert confluence.identify().fingerprint == f"confluence:{site.url.removeprefix('http://')}"


def test_refused_parameters_are_left_out_once() -> None:
    def pages(query: Any, _: Any) -> Answer:
        return (400, {"message": "bad sort"}) if "sort" in query else (200, {"results": [v2_page()]})

    answers: dict[Any, Any] = {("GET", f"{V2}/spaces"): SPACES, ("GET", f"{V2}/pages"): pages}
    with opened("cloud", answers) as (site, confluence):
        for _ in range(2):
            assert [list(ids) for ids in confluence.census("pages", "TEAM")] == [["7"]]
        assert [bool(query.get("sort")) for _, path, query, _ in site.sent if path == f"{V2}/pages"] == [
            True,
            False,
            False,
        ]

    def page(query: Any, _: Any) -> Answer:
        return (400, {"message": "bad status"}) if "status" in query else (200, V1_PAGE)

    with opened("dc", {("GET", "/rest/api/content/7"): page}) as (_, confluence):
        assert confluence.get_page(_ref()).title == "状态"
