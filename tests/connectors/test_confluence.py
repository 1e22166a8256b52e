"""Confluence without a site: storage format, our block in a page, records and what answers mean."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.confluence import CONNECTOR, blocks
from connectors.confluence.answers import AlreadyThere, RolledBack, TitleTaken, decipher
from connectors.confluence.client import api_base
from connectors.confluence.paging import Listing, cursor_page, offset_page, walk
from connectors.confluence.records import raw_from_item, record_from_raw
from connectors.confluence.site import cql_text
from connectors.confluence.storage import is_web_url, storage_from_rich_text
from connectors.confluence.tree import Element, parse, serialise
from sync.core.errors import AccessDenied, Conflict, Nonsense, NotFound, RecordError, Refused, TryLater
from sync.core.ports import ConnectionSettings
from sync.core.rich_text import (
    Anchor,
    BulletList,
    CodeBlock,
    Contents,
    Heading,
    LineBreak,
    ListItem,
    Lozenge,
    NumberedList,
    PageLink,
    Panel,
    Paragraph,
    PersonMention,
    Picture,
    Quote,
    RichText,
    Rule,
    Table,
    Text,
)
from sync.core.values import Account
from sync.remote import Reply

GOLDEN = Path(__file__).parent / "golden" / "confluence_storage.xml"
SAMPLES = Path("/work/shared/data/rich-text/markdown-to-confluence-storage.jsonl")
MARK = "tieline:demo:0123456789abcdef"
CLOUD = ConnectionSettings("wiki", "confluence", "https://acme.atlassian.net", variant="cloud")
DC = ConnectionSettings("wiki", "confluence", "https://wiki.acme.cn/confluence", variant="dc")


def text(*words: str) -> Paragraph:
    return Paragraph(tuple(Text(word) for word in words))


EVERYTHING: RichText = (
    Contents(2),
    Heading(1, (Text("跨部门状态"),)),
    Paragraph(
        (
            Text("负责人 "),
            PersonMention("张伟", "5b1:a"),
            Text(" & "),
            PersonMention("李娜"),
            LineBreak(),
            Lozenge("延期", "red"),
            Lozenge("未开始"),
            Text("粗", is_bold=True, is_italic=True),
            Text("x<y", is_code=True),
            Text("旧", is_struck=True),
            Anchor("PAY-1", 'https://acme.atlassian.net/browse/PAY-1?a=1&b="2"'),
            PageLink("周报", "状态 & 周报"),
        )
    ),
    BulletList(
        (ListItem((text("一"),)), ListItem((text("待办"),), is_done=False), ListItem((text("办完"),), is_done=True))
    ),
    NumberedList((ListItem((text("三"), BulletList((ListItem((text("内"),)),)))),), start=3),
    Table(((Text("任务"),), (Text("状态"),)), (((Text("支付接口开发"),), (Lozenge("进行中", "blue"),)),)),
    CodeBlock('{"a": "]]>"} & <b>', "json"),
    Quote((text("引用"),)),
    Panel("warning", (text("注意"),), title="风险"),
    Picture("依赖图", filename="依赖 图.png"),
    Picture("", url="https://example.com/x.png"),
    Rule(),
)


def test_every_element_is_written_as_the_golden_file_says() -> None:
    written = storage_from_rich_text(EVERYTHING, is_cloud=True)
    lines = re.sub(r"(</p>|</h1>|</ac:task>|</tr>|</ac:image>|</blockquote>)(?=<)", r"\1\n", written) + "\n"
    assert lines == GOLDEN.read_text(encoding="utf-8")


def test_people_are_named_by_user_key_on_data_center() -> None:
    written = storage_from_rich_text((Paragraph((PersonMention("孙丽", "8a7f01"),)),), is_cloud=False)
    assert written == '<p><ac:link><ri:user ri:userkey="8a7f01"/></ac:link></p>'


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "file:///etc/passwd",
        "https://",
        "http://[",
    ],
)
def test_only_web_addresses_become_links_and_pictures(url: str) -> None:
    written = storage_from_rich_text((Paragraph((Anchor("点我", url),)), Picture("图", url=url)), is_cloud=True)
    assert not is_web_url(url)
    assert "<a" not in written
    assert "ri:url" not in written
    assert "点我" in written


anything = st.text(st.characters(exclude_categories=()), max_size=30)


@given(anything, anything, anything)
def test_any_text_comes_out_well_formed_and_unchanged(words: str, code: str, attribute: str) -> None:
    written = storage_from_rich_text(
        (
            Paragraph((Text(words), Lozenge(words, "green"))),
            CodeBlock(code, attribute),
            Picture(attribute, filename=attribute or "x"),
        ),
        is_cloud=True,
    )
    _strict(written)
    allowed = (
        "".join(re.findall("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", code))
        .replace("\r\n", "\n")
        .replace("\r", "\n")
    )
    body = next(each for each in parse(written).walk() if each.tag == "ac:plain-text-body")
    assert body.text() == allowed


def _strict(storage: str) -> ET.Element:
    """Another parser's opinion, one that knows namespaces and no HTML entities."""
    return ET.fromstring(f'<x xmlns:ac="a" xmlns:ri="r">{storage}</x>'.encode())


# -- the parser


@pytest.mark.parametrize(
    "bad",
    [
        "<p>",
        "</p>",
        "a & b",
        "<p></storage><storage></p>",
        "</storage><storage>",
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><p>&b;</p>',
        '<!ENTITY a "x">',
        "&unknown;",
        "<p>" * 5000 + "</p>" * 5000,
        "\x00",
    ],
)
def test_what_is_not_storage_format_is_refused(bad: str) -> None:
    with pytest.raises(Nonsense):
        parse(bad)


def test_elements_know_their_place_in_bytes() -> None:
    body = '<p>中&nbsp;</p><br/><p><p /></p>文<ac:x ac:y="/>"></ac:x><hr ac:z="a>b"/>'
    data = body.encode()
    found = [data[each.start : each.end].decode() for each in parse(body).walk()]
    assert found == [
        body,
        "<p>中&nbsp;</p>",
        "<br/>",
        "<p><p /></p>",
        "<p />",
        '<ac:x ac:y="/>"></ac:x>',
        '<hr ac:z="a>b"/>',
    ]


def _samples() -> Iterator[Any]:
    if not SAMPLES.exists():
        yield pytest.param("", marks=pytest.mark.skip(reason=f"{SAMPLES} is not on this machine"))
        return
    with SAMPLES.open(encoding="utf-8") as lines:
        for line in lines:
            sample = json.loads(line)
            yield pytest.param(sample["storage_xml"], id=sample["name"])


@pytest.mark.parametrize("storage", list(_samples()))
def test_another_tools_storage_is_read_and_written_again_with_the_same_meaning(storage: str) -> None:
    again = serialise(parse(storage).children)
    assert blocks.digest(again) == blocks.digest(storage)
    assert [each.tag for each in parse(again).walk()] == [each.tag for each in parse(storage).walk()]


def test_our_macros_are_built_like_another_tools() -> None:
    """Tag, attribute and parameter names of the macros we write occur in md2conf's output too."""
    if not SAMPLES.exists():
        pytest.skip(f"{SAMPLES} is not on this machine")
    theirs = {
        shape
        for line in SAMPLES.read_text(encoding="utf-8").splitlines()
        for shape in _shapes(json.loads(line)["storage_xml"])
    }
    ours = set(_shapes(storage_from_rich_text(EVERYTHING, is_cloud=True)))
    # md2conf leaves the depth of contents open, mentions nobody, and links to pages by address.
    ours = {shape for shape in ours if shape[0] not in ("ri:user", "ri:page") and shape[2] != "maxLevel"}
    assert ours - theirs == set()


def _shapes(storage: str) -> Iterator[tuple[str, str, str]]:
    for element in parse(storage).walk():
        macro = element.attributes.get("ac:name", "") if element.tag == "ac:structured-macro" else ""
        if macro:
            yield from (
                (element.tag, macro, each.attributes["ac:name"])
                for each in element.elements()
                if each.tag == "ac:parameter"
            )
        elif element.tag.startswith(("ac:task", "ri:", "ac:image", "ac:plain", "ac:rich")):
            yield from ((element.tag, "", name) for name in ("", *element.attributes))


# -- our block


def test_marks_of_any_shape_come_back_from_their_anchors() -> None:
    for mark in (MARK, "tieline:公司_a.b-c:0123456789abcdef", "x y&z"):
        name = blocks.anchors(mark)[0]
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name)
        assert blocks.marks_in(blocks.wrap(mark, "<p>a</p>")) == (mark,)


def test_text_outside_the_block_is_kept_byte_for_byte() -> None:
    before = "<p class='x'>人写的&nbsp;&ldquo;话&rdquo; <br /></p>\n<ac:adf-extension><ac:adf-node type=\"panel\"/></ac:adf-extension>"
    after = '<ac:structured-macro ac:macro-id="1" ac:name="x"/><p>尾</p>  '
    ours = blocks.wrap(MARK, "<p>旧</p>").replace('ac:name="anchor"', 'ac:macro-id="m1" ac:name="anchor"')
    body = before + ours + after
    block = blocks.find_block(body, MARK)
    assert block is not None
    assert block.content == "<p>旧</p>"
    changed = blocks.replace_block(body, block, "<p>新</p>")
    assert changed == before + ours.replace("旧", "新") + after


def test_a_block_is_found_inside_a_layout() -> None:
    body = f"<ac:layout><ac:layout-section><ac:layout-cell><p>a</p>{blocks.wrap(MARK, '<p>b</p>')}</ac:layout-cell></ac:layout-section></ac:layout>"
    block = blocks.find_block(body, MARK)
    assert block is not None
    assert block.content == "<p>b</p>"


START, END = blocks.wrap(MARK, "|").split("|")


@pytest.mark.parametrize(
    "body",
    [
        START + "<p>b</p>",
        "<p>b</p>" + END,
        END + "<p>b</p>" + START,
        START + START + "<p>b</p>" + END,
        START.removesuffix("</p>") + " text " + END.removeprefix("<p>"),
        f"<table><tbody><tr><td>{START}</td><td>{END}</td></tr></tbody></table>",
        "<p>nothing</p>",
    ],
)
def test_a_damaged_frame_is_no_block(body: str) -> None:
    assert blocks.find_block(body, MARK) is None
    assert blocks.has_anchor(body, MARK) == ("tieline" in body)


def test_the_digest_ignores_what_servers_and_editors_change_by_themselves() -> None:
    sent = storage_from_rich_text(EVERYTHING, is_cloud=True)
    kept = sent.replace(
        "<table>", '<table data-layout="default" ac:local-id="t1"><colgroup><col style="width: 50%;" /></colgroup>'
    )
    kept = kept.replace(
        'ac:name="status" ac:schema-version="1"',
        'ac:schema-version="1" ac:local-id="l" ac:macro-id="m" ac:name="status"',
    )
    kept = kept.replace("<td><p>支付接口开发</p></td>", "<td>\n  支付接口开发 </td>").replace("<br/>", "<br />")
    kept = kept.replace("<ac:task-id>1</ac:task-id>", "<ac:task-id>71</ac:task-id><ac:task-uuid>u</ac:task-uuid>")
    kept = kept.replace("负责人", '<ac:inline-comment-marker ac:ref="r">负责</ac:inline-comment-marker>人').replace(
        "引用", "&#24341;用"
    )
    kept = kept.replace("<hr/>", "\n<hr/>\n<p />")
    assert kept.count("local-id") == 4
    assert blocks.digest(kept) == blocks.digest(sent)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("支付接口开发", "支付接口"),
        ("Red", "Green"),
        ("<ac:task-status>incomplete", "<ac:task-status>complete"),
        ("PAY-1?", "PAY-2?"),
        ("x&lt;y", "x &lt; y"),
    ],
)
def test_the_digest_sees_what_people_change(old: str, new: str) -> None:
    sent = storage_from_rich_text(EVERYTHING, is_cloud=True)
    assert old in sent
    assert blocks.digest(sent.replace(old, new)) != blocks.digest(sent)


def marked(words: str, ref: str = "r1") -> str:
    return f'<ac:inline-comment-marker ac:ref="{ref}">{words}</ac:inline-comment-marker>'


def test_inline_comments_move_to_the_same_words() -> None:
    old = f"<p>支付接口 {marked('比计划晚')} 3 天 {marked('a&amp;b', 'r2')}</p>"
    carried, lost = blocks.carry_comments(old, "<h1>x</h1><p>支付接口比计划晚 5 天 a&amp;b</p>")
    assert carried == f"<h1>x</h1><p>支付接口{marked('比计划晚')} 5 天 {marked('a&amp;b', 'r2')}</p>"
    assert lost == ()


def test_an_inline_comment_without_its_words_is_named_as_lost() -> None:
    assert blocks.carry_comments(f"<p>{marked('旧话')}</p>", "<p>新话</p>") == ("<p>新话</p>", ("r1",))


def test_words_that_stand_twice_follow_their_row_or_stay_unmarked() -> None:
    row = "<tr><td>{}</td><td>张伟</td></tr>"
    old = "<table>" + row.format("A") + row.format("B").replace("张伟", marked("张伟")) + "</table>"
    moved, lost = blocks.carry_comments(old, "<table>" + row.format("B") + row.format("A") + "</table>")
    assert moved == "<table>" + row.format("B").replace("张伟", marked("张伟")) + row.format("A") + "</table>"
    assert lost == ()
    unclear = "<table>" + row.format("C") + row.format("D") + "</table>"
    assert blocks.carry_comments(old, unclear) == (unclear, ("r1",))


def test_code_is_never_marked() -> None:
    new = '<ac:structured-macro ac:name="code"><ac:plain-text-body><![CDATA[话]]></ac:plain-text-body></ac:structured-macro>'
    assert blocks.carry_comments(f"<p>{marked('话')}</p>", new) == (new, ("r1",))


# -- answers


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (429, {"retry-after": "7"}, b'{"errors":[{"status":429,"code":"RATE_LIMITED","title":"Rate limit exceeded"}]}', TryLater),
        (503, {}, b"<html><h1>Service Unavailable</h1></html>", TryLater),
        (401, {}, b'{"code":401,"message":"Unauthorized; scope does not match"}', AccessDenied),
        (403, {"x-authentication-denied-reason": "CAPTCHA_CHALLENGE; login-url=x"}, b"", AccessDenied),
        (302, {"location": "https://sso.acme.cn/login?x=1"}, b"", AccessDenied),
        (200, {"x-ausername": "anonymous"}, b"{}", AccessDenied),
        (200, {"x-seraph-loginreason": "AUTHENTICATED_FAILED"}, b"{}", AccessDenied),
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


def test_one_empty_page_on_the_way_is_no_end() -> None:
    answers = iter([([b"1"], "a"), ([], "a"), ([b"2"], None)])
    assert list(walk(lambda _position: next(answers))) == [[b"1"], [b"2"]]


def test_a_listing_keeps_its_items_bytes() -> None:
    body = b'{"results":[ {"id":"1",  "x":1e2} ],"_links":{}}'
    assert bytes(Reply(200, {}, body).read(Listing).results[0]) == b'{"id":"1",  "x":1e2}'


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
    for item in (b"{}", b"[]", b'{"id":"5"}', b'{"id":"5","version":{"number":1,"createdAt":"soon"}}'):
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
