"""Jira's payloads, dialects and answers, from raw bytes: no network."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from connectors.jira import CONNECTOR, bodies, marks
from connectors.jira.adf import adf_from_rich_text, plain_text
from connectors.jira.client import Jira
from connectors.jira.decipher import decipher
from connectors.jira.records import (
    instant_from,
    light_issue,
    plain_value,
    raw_from_history,
    raw_from_issue,
    record_from_raw,
)
from connectors.jira.wiki import escape, wiki_from_rich_text
from sync.core.errors import AccessDenied, CannotExpress, Conflict, Nonsense, NotFound, Refused, TryLater
from sync.core.ports import ConnectionSettings, LinkEnd
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
from sync.core.values import Account, RawRecord, Record, Ref
from sync.core.vendor_change import VendorChange
from sync.pace import pause_from
from tests.shared import SHARED

ARCHIVE = SHARED / "data/jira-archive"
ADF_SCHEMA = SHARED / "specs/adf/full.json"
GOLDEN = Path(__file__).parent / "golden"
AT = datetime(2026, 11, 24, tzinfo=UTC)
SETTINGS = ConnectionSettings(
    name="jira-main",
    type="jira",
    variant="dc",
    base_url="https://api.example/jira/",
    browse_base="https://jira.example",
)


def raw(payload: object) -> RawRecord:
    sent = msgspec.Raw(msgspec.json.encode(payload))
    return raw_from_issue(light_issue(sent), sent, "jira-main", "PAY", "summary", AT)


def record(**fields: Any) -> Record:
    return record_from_raw(raw({"id": "10063", "key": "PAY-1", "fields": fields}), SETTINGS)


# --- what an answer means ---

HTML = {"content-type": "text/html"}


@pytest.mark.parametrize(
    ("status", "headers", "body", "error"),
    [
        (400, {}, b'{"errorMessages":["Error in the JQL Query"],"errors":{}}', Refused),
        (400, {}, b'{"errorMessages":[],"errors":{"summary":"You must specify a summary"}}', Refused),
        (401, HTML, b"<html>Unauthorized</html>", AccessDenied),
        (401, {}, b"Client must be authenticated", AccessDenied),
        (401, {}, b'{"message":"Client must be authenticated","status-code":401}', AccessDenied),
        (302, {"location": "/login.jsp"}, b"", AccessDenied),
        (403, {"x-authentication-denied-reason": "CAPTCHA_CHALLENGE"}, b"", AccessDenied),
        (404, {}, b'{"errorMessages":["Issue Does Not Exist"],"errors":{}}', NotFound),
        (409, {}, b"{}", Conflict),
        (410, {}, b'{"errorMessages":["The requested API has been removed."],"errors":{}}', Refused),
        (413, {}, b"", Refused),
        (429, HTML, b"<html>Rate limit exceeded</html>", TryLater),
        (500, HTML, b"<html>", TryLater),
        (503, {"retry-after": "7"}, b"", TryLater),
        (200, HTML, b"<html>login</html>", Nonsense),
        (200, {"content-type": "application/json"}, b'{"issues":[{"id":"1"', Nonsense),
        (200, {"x-ausername": "anonymous"}, b"{}", AccessDenied),
        (200, {"x-seraph-loginreason": "AUTHENTICATED_FAILED"}, b"{}", AccessDenied),
    ],
)
def test_every_answer_says_what_to_do_next(status: int, headers: dict[str, str], body: bytes, error: type) -> None:
    with pytest.raises(error) as caught:
        decipher(status, headers, body, "dc")
    assert "<html>" not in str(caught.value).replace("'<html>login</html>'", "")


def test_the_vendors_own_words_are_quoted() -> None:
    with pytest.raises(Refused, match="Error in the JQL Query; jql: odd"):
        decipher(400, {}, b'{"errorMessages":["Error in the JQL Query"],"errors":{"jql":"odd"}}')
    with pytest.raises(TryLater, match="jira-burst-based") as caught:
        decipher(429, {"retry-after": "12", "ratelimit-reason": "jira-burst-based"}, b"")
    assert caught.value.retry_after == timedelta(seconds=12)
    assert caught.value.reason == "rate_limited"


@pytest.mark.parametrize(("status", "body"), [(200, b"{}"), (201, b""), (204, b""), (200, b"[]\n"), (200, b"")])
def test_success(status: int, body: bytes) -> None:
    decipher(status, {"x-ausername": "tieline", "x-seraph-loginreason": "OK"}, body, "dc")


def test_pauses_are_read_leniently() -> None:
    assert pause_from({"retry-after": "Tue, 24 Nov 2026 00:00:30 GMT"}, AT) == timedelta(seconds=30)
    assert pause_from({"x-ratelimit-reset": "2026-11-24T00:01Z"}, AT) == timedelta(minutes=1)
    assert pause_from({"x-ratelimit-reset": "soon"}, AT) is None
    assert pause_from({}, AT) is None


# --- records ---


def test_values_are_recognised() -> None:
    found = record(
        summary="2026-11-24",
        duedate="2026-11-24",
        customfield_1="2026-13-45",
        updated="2026-11-23T09:15:42.123+0000",
        resolutiondate="2026-11-23T17:15:42.000+0800",
        status={"name": "进行中", "id": "3"},
        assignee={"accountId": "5b10", "displayName": "张伟", "emailAddress": None, "active": True},
        reporter={"name": "wei", "key": "JIRAUSER10100", "displayName": "Wei", "emailAddress": "w@x", "active": False},
        fixVersions=[{"name": "2026-01-01", "releaseDate": "2026-12-01"}],
        description={"type": "doc", "version": 1, "content": [{"type": "paragraph"}]},
        security=None,
    )
    assert found.title == found.values["summary"] == "2026-11-24"
    assert found.values["duedate"] == date(2026, 11, 24)
    assert found.values["customfield_1"] == "2026-13-45"
    assert found.values["updated"] == found.updated_at == datetime(2026, 11, 23, 9, 15, 42, 123000, UTC)
    assert found.values["resolutiondate"] == datetime(2026, 11, 23, 9, 15, 42, tzinfo=UTC)
    assert found.values["assignee"] == Account("5b10", "张伟")
    assert found.values["reporter"] == Account("JIRAUSER10100", "Wei", "w@x", "wei", is_active=False)
    assert found.values["fixVersions"] == [{"name": "2026-01-01", "releaseDate": date(2026, 12, 1)}]
    assert found.values["description"] == ""
    assert {account.id for account in found.accounts} == {"5b10", "JIRAUSER10100"}


def test_aliases_urls_and_visibility() -> None:
    payload = {
        "id": "10063",
        "key": "PAY-9",
        "fields": {"security": {"id": "1"}, "project": {"key": "PAY"}},
        "changelog": {
            "histories": [{"id": "1", "items": [{"field": "Key", "fromString": "OLD-1", "toString": "PAY-9"}]}]
        },
    }
    kept = raw(payload)
    assert (kept.visibility, kept.scope) == ("restricted", "PAY")
    found = record_from_raw(kept, SETTINGS)
    assert found.url == "https://jira.example/browse/PAY-9"
    assert found.aliases == (
        "PAY-9", "https://jira.example/browse/PAY-9", "https://api.example/jira/browse/PAY-9",
        "OLD-1", "https://jira.example/browse/OLD-1", "https://api.example/jira/browse/OLD-1",
    )  # fmt: skip


def test_old_sprints_attachments_and_odd_bodies() -> None:
    sprint = "com.atlassian.greenhopper.service.sprint.Sprint@1f[id=1,state=ACTIVE,name=S1, the first,startDate=<null>]"
    assert plain_value([sprint]) == [{"id": "1", "state": "ACTIVE", "name": "S1, the first", "startDate": None}]
    found = record(attachment=[{"id": "7", "filename": "PAY-2.png"}, None], issuelinks=None, labels=None)
    assert [(mention.where, mention.id, mention.title) for mention in found.mentions] == [
        ("attachment", "7", "PAY-2.png")
    ]
    assert record_from_raw(raw({"id": 5}), SETTINGS).key == "5"
    for body in (b"<html>", b"[]", b"{"):
        with pytest.raises(Nonsense):
            record_from_raw(msgspec.structs.replace(raw({"id": "1"}), payload=body), SETTINGS)


def test_history_is_grouped_once() -> None:
    changes = [{"id": "1", "created": 1763888400}, {"id": "2", "created": 1763888400123}, {"id": "1"}]
    kept = raw_from_history(
        "10063", [msgspec.Raw(msgspec.json.encode(item)) for item in changes], "jira-main", "PAY", AT
    )
    assert kept.ref == "jira-main:history:10063"
    found = record_from_raw(kept, SETTINGS)
    assert [item["id"] for item in found.values["changeHistories"]] == ["1", "2"]
    assert found.values["changeHistories"][0]["created"] == datetime(2025, 11, 23, 9, 0, tzinfo=UTC)
    assert instant_from(True) is None


def test_changed_fields_are_told_in_the_words_people_saw() -> None:
    moved = {"field": "Status", "fieldId": "status", "from": "1", "fromString": "待办", "to": "3", "toString": "进行中"}
    later = {"field": "duedate", "from": None, "fromString": None, "to": "2026-09-30", "toString": "30/Sep/26"}
    change = {
        "id": "1",
        "created": 1763888400,
        "author": {"accountId": "abc"},
        "items": [moved, {"field": "Link", "toString": None}, later],
    }
    undated = {"id": "2", "items": [moved]}
    at = datetime(2025, 11, 23, 9, tzinfo=UTC)
    expected = (
        VendorChange("10063", "status", "待办", "进行中", at, "abc"),
        VendorChange("10063", "Link", "", "", at, "abc"),
        VendorChange("10063", "duedate", "", "2026-09-30", at, "abc"),
    )
    histories = [msgspec.Raw(msgspec.json.encode(item)) for item in (change, undated)]
    assert record_from_raw(raw_from_history("10063", histories, "jira-main", "PAY", AT), SETTINGS).changes == expected
    inside = raw({"id": "10063", "key": "PAY-1", "fields": {}, "changelog": {"histories": [change, undated]}})
    assert record_from_raw(inside, SETTINGS).changes == expected  # Data Center


def archive() -> Iterator[dict[str, Any]]:
    if not ARCHIVE.exists():
        pytest.skip("the recorded issues are not on this machine")
    for path in sorted(ARCHIVE.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines)


def test_2183_real_issues_are_read_and_each_link_has_one_direction() -> None:
    records = [record_from_raw(raw(issue), SETTINGS) for issue in archive()]
    assert len(records) == len({item.ref for item in records}) == 2183
    seen: dict[str, set[tuple[str, str, str]]] = {}
    for item in records:
        for link in item.links:
            ends = (item.key, link.other_key) if link.is_outward else (link.other_key, item.key)
            seen.setdefault(link.id, set()).add((link.type_name, *ends))
    with (ARCHIVE / "links.csv").open(encoding="utf-8") as lines:
        rows = [
            (row["link_id"], row["type"], row["source_outward_key"], row["target_key"]) for row in csv.DictReader(lines)
        ]
    keys = {item.key for item in records}  # the list also names links of issues that were not recorded
    assert seen == {link: {(kind, *ends)} for link, kind, *ends in rows if keys.intersection(ends)}
    assert len(seen) == 887
    assert all(item.updated_at.tzinfo and item.title for item in records)
    people = [item.values["assignee"] for item in records if item.values["assignee"]]
    assert all(isinstance(person, Account) and person.login for person in people)
    assert all(isinstance(item.values["created"], datetime) for item in records)


# --- what is sent ---


def test_jql_is_bounded_and_free_of_zones() -> None:
    since = datetime(2026, 11, 23, 17, 20, 59, tzinfo=UTC)
    expected = int(datetime(2026, 11, 23, 17, 10, tzinfo=UTC).timestamp() * 1000)
    assert (
        bodies.jql("PAY", since, timedelta(minutes=10)) == f'project = "PAY" AND updated >= {expected} ORDER BY key ASC'
    )
    assert bodies.jql('a"b\\', None, timedelta()) == 'project = "a\\"b\\\\" ORDER BY key ASC'


def test_fields_are_asked_for_by_name() -> None:
    wanted = bodies.fields_wanted(
        msgspec.structs.replace(SETTINGS, fields=("status.name", "components[0].name", "customfield_1"))
    )
    assert wanted == [*bodies.ALWAYS, "customfield_1"]
    assert bodies.fields_wanted(msgspec.structs.replace(SETTINGS, fields=("*all", "summary"))) == ["*all"]


def test_links_put_the_predecessor_into_inward_issue() -> None:
    body = bodies.issue_link("10000", "Blocks", {"key": "A-1"}, {"key": "B-2"})
    assert body == {
        "type": {"id": "10000", "name": "Blocks"},
        "inwardIssue": {"key": "A-1"},
        "outwardIssue": {"key": "B-2"},
    }
    end = LinkEnd(Ref("trello:task:1"), "T-1", "测试", "https://trello.com/c/1", is_done=True)
    sent = bodies.remote_link("tieline:x:0", end, "waits_for", "zh-CN")
    assert (sent["globalId"], sent["relationship"], sent["object"]["status"]) == (
        "tieline:x:0",
        "依赖于",
        {"resolved": True},
    )
    version = bodies.remote_link_version(sent)
    assert version == bodies.remote_link_version(sent | {"id": 7, "self": "x"})
    assert version != bodies.remote_link_version(sent | {"relationship": "blocks"})


def test_comments_carry_mark_visibility_and_internal_note() -> None:
    note: RichText = (Paragraph((Text("hi"),)),)
    shown = {"type": "role", "value": "Developers", "identifier": "10002", "self": "x"}
    cloud = bodies.comment_cloud("tieline:x:1", note, True, shown)
    assert [item["key"] for item in cloud["properties"]] == ["tieline.mark", "sd.public.comment"]
    assert cloud["visibility"] == {"type": "role", "value": "Developers", "identifier": "10002"}
    dc = bodies.comment_dc("tieline:x:1", note, False, {})
    block = bodies.block_of_comment(note, is_cloud=False)
    assert dc == {"body": f"hi\n{{anchor:tieline:x:1}}{{anchor:tieline.said:{block}}}"}
    assert marks.is_marked(dc, "tieline:x:1")
    assert not marks.is_marked(dc, "tieline:x:2")
    assert marks.is_marked({"properties": [{"key": "tieline.mark", "value": {"mark": "m"}}], "body": "edited"}, "m")


# --- dialects ---

EVERYTHING: RichText = (
    Heading(2, (Text("延迟：支付接口开发"),)),
    Paragraph((
        Text("bold", is_bold=True), Text(" {code} "), Text("x*y", is_italic=True), Text("old", is_struck=True),
        Text("a|b", is_code=True), LineBreak(), Anchor("PAY-1 [x]", "https://jira.example/browse/PAY-1?a=b|c"),
        Anchor("bad", "javascript:alert(1)"), PersonMention("张伟", "id-1"), PersonMention("李娜"), Lozenge("已延迟", "red"),
    )),
    BulletList((
        ListItem((Paragraph((Text("one"),)), NumberedList((ListItem((Paragraph((Text("deep"),)),)),), 3))),
        ListItem((Paragraph((Text("two"),)),), is_done=True),
        ListItem((Heading(3, (Text("three"),)), Table((), (((Text("c"),), ()),))), is_done=False),
    )),
    Table(((Text("任务"),), (Text("天"),)), (((Text("a|b"),), (Text("3"),)), ((), (Text("x"), LineBreak(), Text("y"))))),
    CodeBlock("if x {code}:\n  pass\x00", "python"),
    Quote((Paragraph((Text("said"),)), Heading(1, (Text("loud"),)))),
    Panel("warning", (Paragraph((Text("careful"),)), Quote((Paragraph((Text("in"),)),))), "标题|x"),
    Picture("chart", url="https://x.example/a.png"),
    Rule(),
    Contents(),
)  # fmt: skip


def golden(name: str, text: str) -> str:
    path = GOLDEN / name
    return path.read_text(encoding="utf-8") if path.exists() else f"missing: {name}\n{text}"


def test_adf_golden() -> None:
    made = json.dumps(adf_from_rich_text(EVERYTHING), ensure_ascii=False, indent=1) + "\n"
    assert made == golden("jira_adf.json", made)


def test_wiki_golden() -> None:
    made = wiki_from_rich_text(EVERYTHING, {"id-1": "zhang.wei"}) + "\n"
    assert made == golden("jira_wiki.txt", made)


def assert_adf(document: object) -> None:
    if not ADF_SCHEMA.exists():
        pytest.skip("the ADF schema is not on this machine")
    schema = json.loads(ADF_SCHEMA.read_text(encoding="utf-8"))
    error = next(iter(Draft4Validator(schema).iter_errors(document)), None)
    assert error is None, error.message[:500]
    json.dumps(document, ensure_ascii=False).encode()


def test_adf_is_valid() -> None:
    assert_adf(adf_from_rich_text(EVERYTHING))


words = st.text(max_size=8)
inlines = st.lists(
    st.one_of(
        st.builds(Text, words, st.booleans(), st.booleans(), st.booleans(), st.booleans()),
        st.builds(Anchor, words, st.sampled_from(["", "https://x.example/ü", "javascript:x"]) | words),
        st.builds(PersonMention, words, words),
        st.builds(Lozenge, words),
        st.just(LineBreak()),
    ),
    max_size=3,
).map(tuple)
leaves = st.one_of(
    st.builds(Paragraph, inlines),
    st.builds(Heading, st.integers(0, 9), inlines),
    st.builds(
        Table,
        st.lists(inlines, max_size=2).map(tuple),
        st.lists(st.lists(inlines, max_size=2).map(tuple), max_size=2).map(tuple),
    ),
    st.builds(CodeBlock, words, words),
    st.just(Rule()),
)


def nested(blocks: Any) -> Any:
    content = st.lists(blocks, max_size=3).map(tuple)
    items = st.lists(st.builds(ListItem, content, st.sampled_from([None, True, False])), max_size=2).map(tuple)
    return st.one_of(
        st.builds(BulletList, items),
        st.builds(NumberedList, items, st.integers(-1, 5)),
        st.builds(Quote, content),
        st.builds(Panel, st.sampled_from(["info", "note", "tip", "warning"]), content, words),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.recursive(leaves, nested, max_leaves=6), max_size=3).map(tuple))
def test_any_text_makes_valid_adf_and_encodable_wiki(body: RichText) -> None:
    assert_adf(adf_from_rich_text(body))
    wiki_from_rich_text(body, {}).encode()


def test_a_lone_surrogate_and_controls_are_cleaned() -> None:
    body: RichText = (Paragraph((Text("a\ud83d\x00b\r\nc"), Text(""), Text("\x07"))),)
    assert adf_from_rich_text(body)["content"][0]["content"] == [{"type": "text", "text": "a\ufffdb c"}]
    assert wiki_from_rich_text(body) == "a\ufffdb c"


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("{code}x{code}", r"\{code\}x\{code\}"),
        ("[~admin]", r"\[\~admin\]"),
        ("a|b ||c||", r"a\|b \|\|c\|\|"),
        ("*b* _i_ -s- +u+ ^p^ ~q~", r"\*b\* \_i\_ \-s\- \+u\+ \^p\^ \~q\~"),
        ("??cite?? why?", r"\?\?cite\?\? why?"),
        ("!x.png!", r"\!x.png\!"),
        ("h1. big", "h1&#46; big"),
        ("bq. said", "bq&#46; said"),
        ("# one", r"\# one"),
        ("- one", r"\- one"),
        ("> said", "&gt; said"),
        ("(i) (/) :) ;-)", r"\(i\) \(/\) &#58;\) &#59;\-\)"),
        (r"\\srv\x", "&#92;&#92;srv&#92;x"),
        ("&#123;code&#125;", "&amp;#123;code&amp;#125;"),
        ("PAY-1 2026-11-23", "PAY-1 2026-11-23"),
        ("----", r"\-\-\-\-"),
        ("one\nh1. two", r"one h1. two"),
    ],
)
def test_what_people_type_is_no_markup(typed: str, sent: str) -> None:
    assert escape(typed) == sent


@given(st.text(alphabet="{}[]|*_-+^~!()\\ax1 .#>?:;&\n中", max_size=30))
def test_no_sign_is_left_unescaped(typed: str) -> None:
    sent = escape(typed)
    bare = re.sub(r"\\[^A-Za-z0-9\s]|&#\d+;|&\w+;", "\u00b7", sent)
    assert not re.search(r"[{}\[\]|*_+^~!()\\]|\?\?|^\s*(h\d\.|bq\.|[#>])|[:;]-?\)", bare)


def test_pictures_by_file_name_cannot_be_said() -> None:
    with pytest.raises(CannotExpress):
        adf_from_rich_text((Picture("x", filename="a.png"),))
    with pytest.raises(CannotExpress):
        wiki_from_rich_text((Picture("x", filename="a b!.png"),))


def test_a_comment_that_is_too_long_is_not_sent() -> None:
    long: RichText = (Paragraph((Text("长" * 32_768),)),)
    with pytest.raises(CannotExpress, match="32767"):
        bodies.comment_cloud("tieline:x:1", long, False)
    with pytest.raises(CannotExpress, match="32767"):
        bodies.comment_dc("tieline:x:1", long, False, {})


def test_adf_is_read_as_plain_lines() -> None:
    document = {
        "type": "doc", "version": 1,
        "content": [
            {"type": "paragraph", "content": [{"type": "text", "text": "依赖："}, {"type": "inlineCard", "attrs": {"url": "https://x/PAY-2"}},
                                              {"type": "hardBreak"}, {"type": "mention", "attrs": {"id": "1", "text": "@张伟"}}]},
            {"type": "unknownThing", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "inside"}]}]},
            {"type": "table", "content": [{"type": "tableRow", "content": [
                {"type": "tableCell", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "a"}]}]},
                {"type": "tableCell", "content": [{"type": "paragraph"}]}]}]},
            {"type": "paragraph", "content": [{"type": "date", "attrs": {"timestamp": "1763856000000"}}, {"type": "status", "attrs": {"text": "晚"}}, None]},
        ],
    }  # fmt: skip
    assert plain_text(document) == "依赖：https://x/PAY-2\n@张伟\ninside\na\n2025-11-23晚"


def test_the_manifest_is_cheap_to_import() -> None:
    assert CONNECTOR.name == "jira"
    assert set(CONNECTOR.credentials) == set(CONNECTOR.variants) == {"cloud", "dc"}


def test_the_parts_of_the_client_share_no_name() -> None:
    names = [name for part in Jira.__bases__ for name in vars(part) if not name.startswith("__")]
    assert len(names) == len(set(names))
