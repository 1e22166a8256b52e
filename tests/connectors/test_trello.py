"""Trello without a network: what answers mean and what records hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from connectors.trello import CONNECTOR
from connectors.trello.answers import is_signed_out, is_too_big
from connectors.trello.links import urls_from
from connectors.trello.records import (
    board_from_answer,
    decipher,
    head_from_action,
    head_from_card,
    is_work,
    plain_links,
    raw_from_action,
    raw_from_card,
)
from connectors.trello.shapes import BoardAnswer
from sync.core.errors import (
    AccessDenied,
    Nonsense,
    NotFound,
    Refused,
    TielineError,
    TryLater,
)
from sync.core.links import same_place
from sync.core.ports import ConnectionSettings
from sync.core.values import Account, RawRecord, Record
from sync.core.vendor_change import VendorChange
from tests.shared import SHARED

SETTINGS = ConnectionSettings(name="trello-main", type="trello", base_url="https://api.trello.com")
EXCHANGES = SHARED / "data/trello-exchanges/exchanges.jsonl"
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
CARD_ID, BOARD_ID, LIST_ID = "6740f1a00000000000000001", "6740f1a000000000000000b0", "6740f1a000000000000000c0"
LI_NA = "6740f1a000000000000000d1"

JSON_HEADERS = {"content-type": "application/json; charset=utf-8"}
TEXT_HEADERS = {"content-type": "text/plain; charset=utf-8"}


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (400, b"invalid value for idList", Refused, "invalid value for idList"),
        (401, b"invalid key", AccessDenied, "power-ups/admin"),
        (401, b"invalid token", AccessDenied, "authorise again"),
        (401, b"expired token", AccessDenied, "authorise again"),
        (401, b"unauthorized card permission requested", AccessDenied, "Share > Add to board"),
        (403, b"forbidden", AccessDenied, "administrator"),
        (
            403,
            b'{"error":"API_TOO_MANY_CARDS_REQUESTED","message":"Requested too many cards"}',
            Refused,
            "too many cards",
        ),
        (404, b"The requested resource was not found.", NotFound, "was not found"),
        (449, b"", Refused, "449"),
        (429, b'{"error":"API_TOKEN_LIMIT_EXCEEDED","message":"Rate limit exceeded"}', TryLater, "Rate limit exceeded"),
        (500, b"<!doctype html><h1>500</h1>", TryLater, "HTML"),
        (502, b"", TryLater, "502"),
        (504, b"", TryLater, "504"),
        (302, b"", Nonsense, "redirect"),
        (200, b"<!doctype html><h1>Sign in</h1>", Nonsense, "an HTML page"),
        (200, b'{"id":"67', Nonsense, "JSON"),
        (200, b"", Nonsense, "JSON"),
    ],
)
def test_an_answer_means_what_to_do_next(status: int, body: bytes, error: type[TielineError], words: str) -> None:
    with pytest.raises(error) as caught:
        decipher(status, TEXT_HEADERS, body)
    assert words in str(caught.value)


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"_value":null}', b' [{"id":"1"}] \n', b"null"])
def test_json_is_a_success(body: bytes) -> None:
    decipher(200, JSON_HEADERS, body)


def test_the_kinds_of_refusal_are_told_apart() -> None:
    def error(status: int, body: bytes, headers: Mapping[str, str] = TEXT_HEADERS) -> Any:
        with pytest.raises(TielineError) as caught:
            decipher(status, headers, body)
        return caught.value

    assert is_signed_out(error(401, b"invalid token"))
    assert not is_signed_out(error(401, b"unauthorized card permission requested"))
    limited = error(429, b'{"error":"API_KEY_LIMIT_EXCEEDED","message":"Rate limit exceeded"}')
    assert (limited.reason, limited.retry_after) == ("rate_limited", timedelta(seconds=10))
    members = error(429, b'{"message":"Exceeded rate limit to /1/member","error":"RATE_LIMIT_EXCEEDED"}')
    assert members.retry_after == timedelta(seconds=900)
    token = error(429, b'{"error":"API_TOKEN_LIMIT_EXCEEDED","message":"Rate limit exceeded"}')
    assert (limited.scope, members.scope, token.scope) == ("quota", "endpoint", "host")
    assert error(429, b"", {"Retry-After": "30"}).retry_after == timedelta(seconds=30)
    too_many = b'{"error":"API_TOO_MANY_CHECKLISTS_REQUESTED","message":"Too many checklists requested"}'
    assert all(is_too_big(error(status, body)) for status, body in ((403, too_many), (449, b""), (504, b"")))
    assert not is_too_big(error(500, b""))
    assert error(503, b"").reason == "server"


def card_json(**changes: Any) -> dict[str, Any]:
    """A card as Trello serves it, with keys that nobody asked for."""
    return {
        "id": CARD_ID, "name": "支付流程测试", "desc": "走完下单、支付、退款全流程。", "closed": False, "dueComplete": False,
        "due": "2026-11-30T10:00:00.000Z", "start": None, "dateLastActivity": "2026-11-23T08:00:00.123Z",
        "idBoard": BOARD_ID, "idList": LIST_ID, "idShort": 7, "shortLink": "AbC123xy", "shortUrl": "https://trello.com/c/AbC123xy",
        "url": "https://trello.com/c/AbC123xy/7-old-slug", "idMembers": [LI_NA, "6740f1a0000000000000dead"],
        "labels": [{"id": "6740f1a000000000000000e1", "name": "支付", "color": None, "uses": 4}], "isTemplate": False,
        "cardRole": None, "checkItemStates": [{"idCheckItem": "x", "state": "complete"}], "agenticIdentity": {"new": 1},
        "attachments": [
            {"id": "a1", "name": "上线说明", "url": "https://trello.com/c/Qq11Ww22/3-slug", "isUpload": False, "pos": 1},
            {"id": "a2", "name": "图.png", "url": "https://trello.com/1/cards/x/attachments/a2/download/x.png", "isUpload": True},
        ],
        "customFieldItems": [
            {"id": "i1", "idCustomField": "f-list", "value": None, "idValue": "o-r"},
            {"id": "i2", "idCustomField": "f-number", "value": {"number": "3.5"}, "idValue": None},
            {"id": "i3", "idCustomField": "f-check", "value": {"checked": "true"}},
            {"id": "i4", "idCustomField": "f-date", "value": {"date": "2020-03-11T04:00:00.000Z"}},
        ],
        **changes,
    }  # fmt: skip


CHECKLIST = {
    "id": "6740f1a000000000000000f1", "name": "依赖", "idCard": CARD_ID, "pos": 1,
    "checkItems": [
        {"id": "c2", "name": "https://trello.com/c/Zz99Yy88", "state": "complete", "pos": 20, "idMember": None},
        {"id": "c1", "name": "https://x.atlassian.net/browse/PAY-1", "state": "incomplete", "pos": 10, "idMember": LI_NA},
    ],
}  # fmt: skip


def board_json(**changes: Any) -> dict[str, Any]:
    return {
        "id": BOARD_ID, "name": "产品部看板", "url": "https://trello.com/b/Bb11Cc22", "closed": False,
        "prefs": {"permissionLevel": "org", "unheardOf": True},
        "lists": [{"id": LIST_ID, "name": "待办", "closed": True, "pos": 1}],
        "customFields": [
            {"id": "f-list", "name": "技术部", "type": "list", "pos": 2, "options": [{"id": "o-r", "value": {"text": "R"}}]},
            {"id": "f-number", "name": "估算", "type": "number", "pos": 3},
            {"id": "f-check", "name": "已评审", "type": "checkbox", "pos": 4},
            {"id": "f-date", "name": "提测日", "type": "date", "pos": 5},
            {"id": "f-unused", "name": "没填", "type": "text", "pos": 6},
        ],
        "members": [{"id": LI_NA, "fullName": "李娜", "username": "lina"}, {"id": "other", "fullName": "别人"}],
        "checklists": [CHECKLIST],
        **changes,
    }  # fmt: skip


def kept(card: dict[str, Any], board: dict[str, Any]) -> RawRecord:
    raw = Raw(json.dumps(card).encode())
    answer = msgspec.convert(msgspec.json.decode(json.dumps(board), type=BoardAnswer), BoardAnswer)
    return raw_from_card("trello-main", "产品部看板", raw, head_from_card(raw), board_from_answer(answer), NOW)


def record(**changes: Any) -> Record:
    return CONNECTOR.record_from_raw(kept(card_json(**changes), board_json()), SETTINGS)


def test_a_card_is_kept_with_what_is_needed_to_read_it_alone() -> None:
    raw = kept(card_json(), board_json())
    assert (raw.ref, raw.scope, raw.visibility) == (f"trello-main:task:{CARD_ID}", "产品部看板", "open")
    assert raw.updated_at == datetime(2026, 11, 23, 8, 0, 0, 123000, tzinfo=UTC)
    payload = json.loads(raw.payload)
    assert payload["card"] == card_json()
    assert [member["id"] for member in payload["members"]] == [LI_NA]
    assert {field["name"] for field in payload["customFields"]} == {"技术部", "估算", "已评审", "提测日"}


def test_a_record_speaks_trellos_own_names() -> None:
    found = record(dateCompleted="2026-11-29T01:02:03.000Z")
    values = found.values
    assert (found.key, found.title, found.url) == ("AbC123xy", "支付流程测试", "https://trello.com/c/AbC123xy")
    assert values["due"] == datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
    assert (values["start"], values["list"]["name"], values["board"]["name"]) == (None, "待办", "产品部看板")
    assert (values["closed"], values["listClosed"]) == (False, True)
    assert values["dateCompleted"] == datetime(2026, 11, 29, 1, 2, 3, tzinfo=UTC)
    assert [label["name"] for label in values["labels"]] == ["支付"]
    assert values["members"] == [Account(LI_NA, "李娜", login="lina"), Account("6740f1a0000000000000dead")]
    assert found.accounts == tuple(values["members"])
    assert set(found.aliases) >= {"AbC123xy", CARD_ID, "https://trello.com/c/AbC123xy", card_json()["url"]}


def test_custom_fields_are_read_by_their_definition_under_name_and_id() -> None:
    fields = record().values["customFields"]
    assert (fields["技术部"], fields["f-list"]) == ("R", "R")
    assert (fields["估算"], fields["已评审"]) == (3.5, True)
    assert fields["提测日"] == datetime(2020, 3, 11, 4, 0, tzinfo=UTC)
    assert "没填" not in fields


def test_mentions_are_check_items_in_order_and_attached_urls() -> None:
    first, second, attached = record().mentions
    assert (first.where, first.title, first.text, first.is_done) == (
        "checklist", "依赖", "https://x.atlassian.net/browse/PAY-1", False,
    )  # fmt: skip
    assert (second.id, second.is_done) == ("c2", True)
    assert (attached.where, attached.title, attached.text) == (
        "attachment",
        "上线说明",
        "https://trello.com/c/Qq11Ww22",
    )


def test_card_links_lose_slug_and_smart_link() -> None:
    assert plain_links('[https://trello.com/c/AbC123xy/7-x](https://trello.com/c/AbC123xy/7-x "smartCard-inline")') == (
        "https://trello.com/c/AbC123xy"
    )
    assert plain_links("等 https://trello.com/c/AbC123xy/7-x 完成") == "等 https://trello.com/c/AbC123xy 完成"
    assert plain_links("https://trello.com/c/AbC123xyz/7-x") == "https://trello.com/c/AbC123xyz/7-x"
    assert plain_links("https://example.com/c/AbC123xy/7-x") == "https://example.com/c/AbC123xy/7-x"


@pytest.mark.parametrize("level", ["private", None])
def test_a_private_board_is_restricted(level: str | None) -> None:
    assert kept(card_json(), board_json(prefs={"permissionLevel": level})).visibility == "restricted"


def test_the_version_is_the_same_whichever_way_the_card_was_read() -> None:
    nested = kept(card_json(), board_json())
    alone = kept(
        {"limits": {}, **dict(reversed(card_json(checklists=[CHECKLIST], badges={"votes": 1}).items()))},
        board_json(checklists=None),
    )
    assert alone.version == nested.version
    decoded = [CONNECTOR.record_from_raw(raw, SETTINGS) for raw in (alone, nested)]
    assert decoded[0].mentions == decoded[1].mentions


@pytest.mark.parametrize(
    ("card", "board"),
    [
        ({"name": "改名"}, {}),
        ({"desc": ""}, {}),
        ({"due": None}, {}),
        ({"dateLastActivity": "2026-11-23T08:00:00.124Z"}, {}),
        ({"idMembers": []}, {}),
        ({"labels": [{"id": "6740f1a000000000000000e1", "name": "退款", "color": None}]}, {}),
        ({"customFieldItems": []}, {}),
        ({"attachments": []}, {}),
        ({"closed": True}, {}),
        ({}, {"lists": [{"id": LIST_ID, "name": "进行中", "closed": True}]}),
        ({}, {"lists": [{"id": LIST_ID, "name": "待办", "closed": False}]}),
        ({}, {"members": [{"id": LI_NA, "fullName": "李娜（离职）", "username": "lina"}]}),
        ({}, {"checklists": [{**CHECKLIST, "name": "Depends on"}]}),
        ({}, {"checklists": []}),
        ({}, {"customFields": [{"id": "f-list", "name": "研发部", "type": "list", "options": []}]}),
    ],
)
def test_the_version_changes_with_whatever_a_mapping_can_read(card: dict[str, Any], board: dict[str, Any]) -> None:
    assert kept(card_json(**card), board_json(**board)).version != kept(card_json(), board_json()).version


def test_odd_cards_are_read_all_the_same() -> None:
    bare = CONNECTOR.record_from_raw(kept({"id": CARD_ID}, {"id": BOARD_ID}), SETTINGS)
    assert (bare.key, bare.title, bare.values["customFields"]) == (CARD_ID, "", {})
    assert bare.updated_at == datetime.fromtimestamp(int(CARD_ID[:8], 16), UTC)
    odd = record(
        labels="none", checklists={}, idMembers=None, due=17, attachments=[None], customFieldItems=[{"value": 1}]
    )
    assert (odd.values["labels"], odd.values["due"], odd.title) == ([], None, "支付流程测试")
    with pytest.raises(Nonsense):
        head_from_card(b"[1]")


@pytest.mark.parametrize(
    "change", [{"isTemplate": True}, {"cardRole": "separator"}, {"cardRole": "mirror", "mirrorSourceId": "x"}]
)
def test_templates_separators_and_mirrors_are_no_work(change: dict[str, Any]) -> None:
    assert not is_work(head_from_card(json.dumps(card_json(**change)).encode()))
    assert is_work(head_from_card(json.dumps(card_json()).encode()))


def test_an_action_is_kept_as_it_came() -> None:
    body = {
        "id": "6741f1a00000000000000001", "idMemberCreator": LI_NA, "type": "updateCard", "date": "2026-11-23T08:00:00.000Z",
        "data": {"card": {"id": CARD_ID, "shortLink": "AbC123xy"}, "old": {"idList": "x"}, "listAfter": {"name": "进行中"}},
        "appCreator": None,
    }  # fmt: skip
    payload = json.dumps(body).encode()
    raw = raw_from_action("trello-main", "b", Raw(payload), head_from_action(payload), "open", NOW)
    found = CONNECTOR.record_from_raw(raw, SETTINGS)
    assert (raw.ref.kind, raw.payload, raw.updated_at) == ("history", payload, datetime(2026, 11, 23, 8, tzinfo=UTC))
    assert found.values["data"]["listAfter"]["name"] == "进行中"
    assert found.accounts == (Account(LI_NA),)
    assert found.changes == ()  # it does not say from where
    moved = json.dumps({**body, "data": {**body["data"], "listBefore": {"name": "待办"}}}).encode()  # type: ignore[dict-item]
    raw = raw_from_action("trello-main", "b", Raw(moved), head_from_action(moved), "open", NOW)
    [change] = CONNECTOR.record_from_raw(raw, SETTINGS).changes
    assert change == VendorChange(CARD_ID, "list", "待办", "进行中", datetime(2026, 11, 23, 8, tzinfo=UTC), LI_NA)
    dated = {"card": {"id": CARD_ID, "due": "2026-10-10T04:00:00.000Z"}, "old": {"due": None}}
    later = json.dumps({**body, "data": dated}).encode()
    raw = raw_from_action("trello-main", "b", Raw(later), head_from_action(later), "open", NOW)
    [change] = CONNECTOR.record_from_raw(raw, SETTINGS).changes
    assert (change.field, change.before, change.after) == ("due", "", "2026-10-10T04:00:00.000Z")
    raw = raw_from_action("trello-main", "b", Raw(payload), head_from_action(payload), "open", NOW)
    edited = json.dumps({**body, "data": {**body["data"], "dateLastEdited": "2026-11-24T00:00:00.000Z"}}).encode()  # type: ignore[dict-item]
    assert raw_from_action("t", "b", Raw(edited), head_from_action(edited), "open", NOW).version != raw.version


def test_every_real_card_and_action_is_read() -> None:
    if not EXCHANGES.exists():
        pytest.skip(f"{EXCHANGES} is not on this machine")
    counts = {"card": 0, "action": 0}
    for line in EXCHANGES.read_text(encoding="utf-8").splitlines():
        exchange = json.loads(line)
        decipher(exchange["status"], TEXT_HEADERS, json.dumps(exchange["resp_json"]).encode()) if exchange[
            "status"
        ] < 300 else None
        body = exchange["resp_json"]
        for thing in body if isinstance(body, list) else [body]:
            if isinstance(thing, dict) and "idShort" in thing:
                counts["card"] += 1
                found = CONNECTOR.record_from_raw(kept(thing, {"id": thing["idBoard"]}), SETTINGS)
                assert found.title == thing["name"]
            elif isinstance(thing, dict) and "idMemberCreator" in thing and "type" in thing:
                counts["action"] += 1
                payload = json.dumps(thing).encode()
                raw = raw_from_action("t", "b", Raw(payload), head_from_action(payload), "open", NOW)
                assert CONNECTOR.record_from_raw(raw, SETTINGS).accounts
    assert counts["card"] > 40
    assert counts["action"] > 10


def test_urls_are_compared_by_where_they_lead() -> None:
    assert same_place("https://trello.com/c/AbC123xy/7-old", "http://www.trello.com/c/AbC123xy")
    assert same_place("https://X.atlassian.net:443/browse/PAY-1/", "https://x.atlassian.net/browse/PAY-1#c1")
    assert not same_place("https://x.atlassian.net/browse/PAY-1", "https://x.atlassian.net/browse/PAY-11")
    assert not same_place("https://x.example/issues?id=1", "https://x.example/issues?id=2")
    assert not same_place("https://trello.com/c/AbC123xy", "https://trello.com/c/AbC123xz")
    assert not same_place("", "")
    assert urls_from('[https://a.example/x](https://a.example/x "smartCard-inline")')[-1] == "https://a.example/x"
    assert urls_from("等 https://a.example/x，再说") == ["https://a.example/x"]
    assert urls_from("https://a.example/x_(1)") == ["https://a.example/x_(1)"]
