"""Pages of Feishu's wikis without a wire: what a page is, when it was edited, which version it has, and what errors say."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.feishu import CONNECTOR
from connectors.feishu.answers import decipher
from connectors.feishu.client import WIKI_LIMITS, place_of
from connectors.feishu.wiki_pages import is_page, nodes_from, raw_from_page
from sync.core.errors import AccessDenied, Nonsense, NotFound, TryLater
from sync.core.instants import instant_from_s
from sync.core.ports import ConnectionSettings
from sync.core.values import Account, RawRecord

AT = datetime(2026, 11, 25, tzinfo=UTC)
NODE: dict[str, Any] = {
    "space_id": "7008061636015554580", "node_token": "wikcnPage", "obj_token": "doxcnPage", "obj_type": "docx", "node_type": "origin",
    "parent_node_token": "wikcnTop", "origin_node_token": "", "has_child": True, "title": "支付故障处理 SOP", "obj_create_time": "1763000000",
    "obj_edit_time": "1764000000", "node_create_time": "1763000000", "creator": "ou_1", "owner": "ou_2", "node_creator": "ou_1",
    "url": "https://acme.feishu.cn/wiki/wikcnPage",
}  # fmt: skip


def settings(**given: Any) -> ConnectionSettings:
    return ConnectionSettings("feishu-wiki", "feishu", "", "wiki", **given)


def raw(text: str | None = "先看监控。", visibility: Any = "open", **changes: Any) -> RawRecord:
    return raw_from_page(NODE | changes, text, visibility, "feishu-wiki", "运营手册", AT)


def test_a_page_as_a_record() -> None:
    found = CONNECTOR.record_from_raw(raw(), settings())
    assert (found.key, found.title, found.url) == ("wikcnPage", "支付故障处理 SOP", NODE["url"])
    assert found.updated_at == datetime(2025, 11, 24, 16, tzinfo=UTC)
    assert set(found.aliases) == {"wikcnPage", "doxcnPage", NODE["url"]}
    assert (found.values["body"], found.values["parentId"], found.values["space"]) == (
        "先看监控。",
        "wikcnTop",
        "运营手册",
    )
    assert (found.values["author"], found.values["owner"]) == (Account("ou_1"), Account("ou_2"))
    assert found.accounts == (Account("ou_1"), Account("ou_2"))


def test_without_an_address_of_its_own_a_page_gets_the_connections_or_none() -> None:
    page = raw(url="")
    assert CONNECTOR.record_from_raw(page, settings()).url == ""
    browsed = CONNECTOR.record_from_raw(page, settings(browse_base="https://acme.feishu.cn"))
    assert browsed.url == "https://acme.feishu.cn/wiki/wikcnPage"


@pytest.mark.parametrize(
    "change",
    [
        {"title": "别的"},
        {"obj_edit_time": "1764000001"},
        {"parent_node_token": ""},
        {"text": "改了一个字"},
        {"text": None},
        {"visibility": "restricted"},
    ],
)
def test_a_version_tells_two_edits_within_a_second(change: dict[str, Any]) -> None:
    assert raw(**change).version != raw().version


def test_what_others_do_around_a_page_is_no_edit_of_it() -> None:
    other = raw(has_child=False, origin_node_token=None, something_new="x")
    assert (other.version, other.payload) == (raw().version, raw().payload)


def test_a_page_is_a_document_and_no_shortcut_to_one() -> None:
    assert is_page(NODE)
    for change in ({"obj_type": "sheet"}, {"obj_type": "doc"}, {"node_type": "shortcut"}, {"obj_token": ""}):
        assert not is_page(NODE | change)


@pytest.mark.parametrize("item", [None, "x", {}, {"node_token": ""}, {"node_token": 7}])
def test_what_is_no_node_is_refused(item: object) -> None:
    with pytest.raises(Nonsense, match="node_token"):
        nodes_from([item])


@given(st.one_of(st.text(), st.integers(), st.none(), st.lists(st.integers())))
def test_no_value_breaks_an_instant(value: object) -> None:
    found = instant_from_s(value)
    assert found is None or found.utcoffset() is not None


@pytest.mark.parametrize("payload", [b"[]", b"{}", b'{"node":7}', b"nothing"])
def test_stored_bytes_that_are_no_page_are_nonsense(payload: bytes) -> None:
    with pytest.raises(Nonsense):
        CONNECTOR.record_from_raw(msgspec.structs.replace(raw(), payload=payload), settings())


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (1770002, NotFound, "Feishu"),
        (1770003, NotFound, "Feishu"),
        (1063005, NotFound, "Feishu"),
        (1770032, AccessDenied, "知识库 > 设置 > 成员"),
        (131006, AccessDenied, "知识库 > 设置 > 成员"),
        (131001, TryLater, "Feishu"),
        (1066001, TryLater, "Feishu"),
    ],
)
def test_a_code_decides_whatever_the_status(code: int, kind: type[Exception], words: str) -> None:
    for status in (200, 400, 403, 404):
        with pytest.raises(kind, match=words):
            decipher(status, {}, json.dumps({"code": code, "msg": "x"}).encode())


def test_documents_are_counted_together_however_many_there_are() -> None:
    paths = [f"/open-apis/docx/v1/documents/{token}/raw_content" for token in ("doxcnA", "doxcnB")]
    assert len({place_of("GET", path, b"").endpoint for path in paths}) == 1
    assert place_of("GET", "/open-apis/wiki/v2/spaces/7008061636015554580/nodes", b"").endpoint.endswith("/{}/nodes")


@pytest.mark.parametrize(
    ("path", "windows"),
    [
        ("/open-apis/wiki/v2/spaces", ((90, 60.0),)),
        ("/open-apis/wiki/v2/spaces/get_node", ((90, 60.0),)),
        ("/open-apis/wiki/v2/spaces/7008061636015554580/nodes", ((90, 60.0),)),
        ("/open-apis/docx/v1/documents/doxcnA/raw_content", ((2, 1.0),)),
        ("/open-apis/drive/v2/permissions/wikcnA/public", ((45, 1.0), (900, 60.0))),
    ],
)
def test_each_api_is_asked_no_faster_than_feishu_says(path: str, windows: object) -> None:
    endpoint = place_of("GET", path, b"").endpoint
    fitting = [limit for limit in WIKI_LIMITS if limit.scope == "endpoint" and re.fullmatch(limit.endpoints, endpoint)]
    assert fitting[0].windows == windows
