"""Yuque's answers, records, webhooks and our block in its Markdown."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.yuque import CONNECTOR, blocks
from connectors.yuque.answers import SlugTaken, decipher
from connectors.yuque.client import api_base
from connectors.yuque.records import head_from, is_restricted, raw_from_item, record_from_raw
from sandbox.yuque.state import normalised
from sync.core.errors import (
    AccessDenied,
    CannotExpress,
    Nonsense,
    NotFound,
    RecordError,
    Refused,
    TielineError,
    TryLater,
)
from sync.core.hooks import HookRequest
from sync.core.ports import ConnectionSettings
from sync.core.rich_text import CodeBlock, Contents, Heading, Paragraph, Picture, Text
from sync.core.values import Account, RawRecord
from tests.conformance.subjects import MARK, OTHER_MARK
from tests.conformance.texts import rich_texts

SETTINGS = ConnectionSettings(
    "yuque-main", "yuque", "https://acme.yuque.com/", "cloud", installation="demo", scopes=("team/handbook", "team/规范"),
    credentials={"token": "t", "webhook_secret": "在路径里的秘密"},
)  # fmt: skip
NOW = msgspec.convert("2026-11-25T08:00:00Z", type=__import__("datetime").datetime)
DOC = {
    "id": 41, "type": "Doc", "slug": "pay-sop", "title": "支付上线流程", "book_id": 7, "public": 2, "status": "1", "format": "lake",
    "body": "# 步骤", "body_html": "<h1>步骤</h1>", "read_count": 9, "latest_version_id": 99, "updated_at": "2026-11-20T01:02:03.000Z",
    "created_at": "2026-11-01T00:00:00.000Z", "last_editor_id": 5, "user": {"id": 6, "login": "zhao", "name": "赵敏"},
    "tags": [{"title": "支付"}], "book": {"namespace": "team/handbook", "items_count": 4},
}  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (200, b"<html>", Nonsense, "JSON"),
        (302, b"", Nonsense, "base_url"),
        (400, b'{"message": "bad"}', Refused, "bad"),
        (401, b'{"status": 401, "message": "Unauthorized"}', AccessDenied, "开发者管理"),
        (403, b"nginx", AccessDenied, "权限"),
        (404, b"{}", NotFound, "may not see"),
        (410, b'{"message": "gone"}', Refused, "gone"),
        (422, '{"message": "路径 已存在"}'.encode(), SlugTaken, "已存在"),
        (422, b'{"message": "body is required"}', Refused, "required"),
        (429, b'{"message": "Too Many Requests"}', TryLater, "Too Many"),
        (500, b"\xff", TryLater, "500"),
        (503, b"", TryLater, "503"),
    ],
)
def test_an_answer_means(status: int, body: bytes, error: type[TielineError], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        decipher(status, {"retry-after": "7"}, body)
    assert caught.value.__cause__ is None
    if status == 429:
        assert isinstance(caught.value, TryLater)
        assert caught.value.reason == "rate_limited"
        assert caught.value.retry_after
        assert caught.value.retry_after.total_seconds() == 7


def test_the_api_lies_below_the_spaces_own_address_once() -> None:
    for base in (
        "https://acme.yuque.com",
        "https://acme.yuque.com/",
        "https://acme.yuque.com/api/v2",
        "https://acme.yuque.com/api/v2/",
    ):
        assert api_base(msgspec.structs.replace(SETTINGS, base_url=base)) == "https://acme.yuque.com/api/v2"


def raw(**changes: Any) -> RawRecord:
    item = json.dumps({**DOC, **changes}).encode()
    return raw_from_item(item, head_from(item), "yuque-main", "team/handbook", NOW, False, "body")


def test_a_document_as_a_record() -> None:
    record = record_from_raw(raw(), SETTINGS)
    assert (record.ref, record.key, record.title) == ("yuque-main:document:41", "41", "支付上线流程")
    assert record.url == "https://acme.yuque.com/team/handbook/pay-sop"
    assert record.updated_at.isoformat() == "2026-11-20T01:02:03+00:00"
    assert (record.values["author"], record.values["labels"]) == (Account("6", "赵敏", None, "zhao"), ["支付"])
    assert record.values["body"] == "# 步骤"
    assert {account.id for account in record.accounts} == {"5", "6"}


@pytest.mark.parametrize("book", [None, [], {}, {"namespace": None}])
def test_a_book_that_does_not_tell_its_path_is_known_by_the_scope(book: object) -> None:
    assert record_from_raw(raw(book=book), SETTINGS).url == "https://acme.yuque.com/team/handbook/pay-sop"


def test_a_scope_that_is_an_id_still_leads_to_the_books_own_path() -> None:
    by_id = msgspec.structs.replace(raw(), scope="7")
    assert record_from_raw(by_id, SETTINGS).url == "https://acme.yuque.com/team/handbook/pay-sop"


def test_who_reads_and_comments_makes_no_new_version() -> None:
    assert raw().payload == raw(read_count=10, comments_count=3, likes_count=1).payload
    assert raw().payload == raw(book={"namespace": "team/handbook", "items_count": 5}).payload
    assert raw().version == raw(read_count=10).version != raw(latest_version_id=100).version


@pytest.mark.parametrize(
    ("changes", "is_open_book", "expected"),
    [({}, False, "open"), ({"public": 1}, False, "open"), ({"public": 0}, False, "restricted"), ({"public": 0}, True, "open"),
     ({"public": None}, False, "restricted"), ({"status": "0"}, True, "restricted"), ({"status": 0, "public": 2}, False, "restricted")],
)  # fmt: skip
def test_what_only_members_may_see_is_restricted(changes: dict[str, Any], is_open_book: bool, expected: str) -> None:
    head = head_from(json.dumps({**DOC, **changes}).encode())
    assert is_restricted(head, is_open_book) == (expected == "restricted")


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'{"id": null}', b"\xff", b"[" * 9999])
def test_bytes_that_are_no_document_are_told(payload: bytes) -> None:
    with pytest.raises(RecordError, match="not a document"):
        record_from_raw(msgspec.structs.replace(raw(), payload=payload), SETTINGS)
    with pytest.raises(Nonsense):
        head_from(payload)


@given(
    st.dictionaries(
        st.sampled_from(sorted(DOC)),
        st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
    )
)
def test_whatever_is_odd_in_a_document_is_read_or_told(changes: dict[str, Any]) -> None:
    try:
        record_from_raw(raw(**changes), SETTINGS)
    except (Nonsense, RecordError):
        assert changes


# -- webhooks


def delivery(token: str = "在路径里的秘密", **data: Any) -> HookRequest:
    body = {
        "data": {
            "id": 41,
            "book_id": 7,
            "book": {"namespace": "team/handbook"},
            "webhook_subject_type": "update",
            **data,
        }
    }
    url = "https://tieline.example.org/hooks/yuque-main"
    return HookRequest({}, json.dumps(body).encode(), url, query={"token": token})


def test_a_delivery_names_a_document() -> None:
    assert CONNECTOR.hints_from
    [hint] = CONNECTOR.hints_from(delivery(updated_at="2026-11-25T08:00:00.000Z"), SETTINGS)
    assert (hint.stream, hint.scope, hint.id, hint.event, hint.at) == ("docs", "team/handbook", "41", "update", NOW)
    assert (
        CONNECTOR.hints_from(delivery(), SETTINGS)[0].delivery == CONNECTOR.hints_from(delivery(), SETTINGS)[0].delivery
    )


@pytest.mark.parametrize(
    ("changes", "scopes"),
    [
        ({"webhook_subject_type": "comment_create"}, []),
        ({"id": "../x"}, []),
        ({"book": {"namespace": "team/other"}}, []),
        ({"book": None, "book_id": None}, [""]),
        ({"book": None}, [""]),
        ({"book": None, "book_id": None, "path": "team/handbook/pay-sop"}, ["team/handbook"]),
    ],
)
def test_a_delivery_about_something_else_gives_none(changes: dict[str, Any], scopes: list[str]) -> None:
    assert CONNECTOR.hints_from
    assert [hint.scope for hint in CONNECTOR.hints_from(delivery(**changes), SETTINGS)] == scopes


@pytest.mark.parametrize("token", ["", "falsch", "在路径里的秘密 "])
def test_a_delivery_without_the_secret_is_refused(token: str) -> None:
    assert CONNECTOR.hints_from
    with pytest.raises(AccessDenied):
        CONNECTOR.hints_from(delivery(token), SETTINGS)
    with pytest.raises(AccessDenied):
        CONNECTOR.hints_from(delivery(""), msgspec.structs.replace(SETTINGS, credentials={"token": "t"}))


# -- our block


@given(rich_texts(), st.text(max_size=40), st.text(max_size=40), st.sampled_from(["zh-CN", "en"]))
def test_our_block_is_found_whatever_stands_around_it(body: Any, above: str, below: str, language: str) -> None:
    above, below = (text.replace("`", "'").replace("~", "-") for text in (above, below))
    content = blocks.markdown_of(body, language)
    whole = blocks.replace_block(above, None, MARK, content, "标题", language) + below
    block = blocks.find_block(whole, MARK)
    assert block
    assert blocks.digest(block.content) == block.kept == blocks.digest(content)
    assert block.title == blocks.title_digest("标题")
    again = blocks.replace_block(whole, block, MARK, "新的", "标题", language)
    assert again.startswith(above.rstrip("\n") if above.strip() else "")  # blanks alone are no words of anybody
    assert again.endswith(below)
    assert blocks.find_block(whole, OTHER_MARK) is None


@given(rich_texts())
def test_what_a_block_says_outlives_yuques_own_spelling(body: Any) -> None:
    content = blocks.markdown_of(body, "zh-CN")
    stored = normalised(blocks.wrap(MARK, content, "标题", "zh-CN"))
    block = blocks.find_block(stored, MARK)
    assert block
    assert blocks.digest(block.content) == block.kept == blocks.digest(content)


@pytest.mark.parametrize("damage", ["first", "last", "twice", "turned"])
def test_a_damaged_frame_is_no_block(damage: str) -> None:
    whole = blocks.wrap(MARK, "文字", "标题", "zh-CN")
    first, middle, last = whole.strip().split("\n\n")
    damaged = {
        "first": f"{middle}\n\n{last}",
        "last": f"{first}\n\n{middle}",
        "twice": whole + whole,
        "turned": f"{last}\n\n{first}",
    }
    assert blocks.find_block(damaged[damage], MARK) is None
    assert blocks.has_frame(damaged[damage], MARK)


def test_a_frame_that_is_quoted_in_code_is_none() -> None:
    whole = blocks.wrap(MARK, "文字", "标题", "zh-CN")
    assert blocks.find_block(f"```\n{whole}```\n", MARK) is None
    assert not blocks.has_frame(f"~~~~\n{whole}~~~~\n", MARK)
    assert blocks.find_block(f"```\n{whole}```\n\n{whole}", MARK)


def test_the_mark_follows_from_the_path_and_a_copy_is_none_of_ours() -> None:
    slug = blocks.slug_of(MARK)
    assert 2 <= len(slug) <= 36
    assert slug.isascii()
    assert blocks.mark_of(slug, "", "demo") == MARK
    assert blocks.mark_of("kfz8x2n1pq", blocks.wrap(MARK, "", "", "en"), "demo") == ""
    # Another installation's is known by its frame.
    assert blocks.mark_of(slug, blocks.wrap(MARK, "", "", "en"), "other") == MARK
    assert blocks.mark_of(slug, "", "other") == ""


def test_what_yuque_cannot_show_is_said_in_words() -> None:
    text = blocks.markdown_of((Contents(), Heading(1, (Text("状态"),)), Picture("甘特图", filename="a.png")), "zh-CN")
    assert text == "# 状态\n\n*（图：甘特图。语雀的接口传不了图片，请到别处看。）*\n"
    assert "![a](https://x.example/a.png)" in blocks.markdown_of((Picture("a", url="https://x.example/a.png"),), "en")
    formula = blocks.markdown_of((Paragraph((Text("$5 与 $6"), Text("$x$", is_code=True))),), "zh-CN")
    assert formula == "$\u20605 与 $\u20606`$x$`\n"
    with pytest.raises(CannotExpress):
        blocks.markdown_of((CodeBlock("长" * 1_700_000),), "zh-CN")
