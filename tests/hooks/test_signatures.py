"""Whose delivery is it, and what does it name: the published vectors, and everything that must be refused or ignored. Pure."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.confluence import hooks as confluence
from connectors.jira import hooks as jira
from connectors.trello import hooks as trello
from sync.core.errors import AccessDenied
from sync.core.hooks import Hint, HookRequest
from sync.core.ports import ConnectionSettings
from sync.registry import connectors_by_name

SECRET = "a secret of this webhook"
URL = "https://sync.example.org/hooks/here"
SCOPES = {"jira": ("PAY", "Finance"), "trello": ("产品部看板", "Bb11Cc22"), "confluence": ("TEAM",)}
CARD = "51f9424bcd6e040f3c00c001"
VENDORS = ("jira", "trello", "confluence")


def settings(vendor: str, secret: str = SECRET) -> ConnectionSettings:
    credentials = {"webhook_secret": secret} if secret else {}
    return ConnectionSettings("here", vendor, "https://vendor", scopes=SCOPES[vendor], credentials=credentials)


def signed(vendor: str, body: bytes, secret: str = SECRET, url: str = URL, **headers: str) -> HookRequest:
    match vendor:
        case "jira":
            headers["x-hub-signature"] = jira.signature(secret, body)
        case "confluence":
            headers["x-hub-signature"] = confluence.signature(secret, body)
        case _:
            headers["x-trello-webhook"] = trello.signature(secret, body, url)
    return HookRequest(headers, body, url)


def hints(vendor: str, payload: object, **headers: str) -> tuple[Hint, ...]:
    body = payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=False).encode()
    hints_from = connectors_by_name()[vendor].hints_from
    assert hints_from
    return hints_from(signed(vendor, body, **headers), settings(vendor))


def test_jira_signs_as_its_documentation_says() -> None:
    """developer.atlassian.com/cloud/jira/platform/webhooks: the example of the documentation."""
    expected = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
    assert jira.signature("It's a Secret to Everybody", b"Hello World!") == expected
    request = HookRequest({"x-hub-signature": expected}, b"Hello World!", URL)
    assert jira.hints_from(request, settings("jira", "It's a Secret to Everybody")) == ()


def test_trello_signs_body_and_callback_address() -> None:
    body, url = b'{"action":{"id":"51f9424bcd6e040f3c002412"}}', "https://sync.example.org/hooks/trello"
    assert trello.signature("app-secret", body, url) == "FPzlG1X4v0MMGMnAAVpAj2MtWmQ="
    request = HookRequest({"x-trello-webhook": "FPzlG1X4v0MMGMnAAVpAj2MtWmQ="}, body, url)
    assert trello.hints_from(request, settings("trello", "app-secret")) == ()
    with pytest.raises(AccessDenied):
        trello.hints_from(HookRequest(request.headers, body, url + "/"), settings("trello", "app-secret"))


GOOD = {
    "jira": b'{"webhookEvent":"jira:issue_updated","issue":{"id":"10063","fields":{"project":{"key":"PAY"}}}}',
    "trello": '{"action":{"id":"51f9424bcd6e040f3c002412","data":{"card":{"id":"51f9424bcd6e040f3c00c001"},"board":{"name":"产品部看板"}}}}'.encode(),
    "confluence": b'{"event":"page_updated","page":{"id":98305,"spaceKey":"TEAM"}}',
}


@pytest.mark.parametrize("vendor", VENDORS)
def test_anything_but_the_right_signature_is_refused(vendor: str) -> None:
    body = GOOD[vendor]
    assert len(hints(vendor, body)) == 1
    hints_from = connectors_by_name()[vendor].hints_from
    assert hints_from
    good = signed(vendor, body)
    (name, value), *_ = good.headers.items()
    bad = [
        signed(vendor, body, "another secret"),
        HookRequest({}, body, URL),
        HookRequest({name: ""}, body, URL),
        HookRequest({name: value[:-1]}, body, URL),
        HookRequest({name: value + "é"}, body, URL),
        HookRequest({name: value.removeprefix("sha256=").upper()}, body, URL),
        HookRequest(good.headers, body + b" ", URL),
    ]
    for request in bad:
        with pytest.raises(AccessDenied):
            hints_from(request, settings(vendor))


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("secret", ["", "another"])
def test_without_the_secret_nothing_is_taken(vendor: str, secret: str) -> None:
    """An empty secret would sign too: whoever knows that none is set could speak for the vendor."""
    hints_from = connectors_by_name()[vendor].hints_from
    assert hints_from
    with pytest.raises(AccessDenied):
        hints_from(signed(vendor, GOOD[vendor], ""), settings(vendor, secret))


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_same_delivery_again_has_the_same_name(vendor: str) -> None:
    first, again = hints(vendor, GOOD[vendor]), hints(vendor, GOOD[vendor])
    assert first == again
    changed = hints(vendor, GOOD[vendor], **{"x-atlassian-webhook-identifier": "made up"})
    assert changed == first, "what is not signed may not make one delivery count twice"


JIRA_CASES: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"webhookEvent": "jira:issue_created", "issue": {"id": "7", "fields": {"project": {"key": "PAY"}}}}, [("PAY", "7")]),
    ({"webhookEvent": "jira:issue_updated", "issue": {"id": 7, "fields": {"project": {"key": "pay"}}}}, [("PAY", "7")]),
    ({"webhookEvent": "jira:issue_updated", "issue": {"id": "7", "fields": {"project": {"name": "Finance"}}}}, [("Finance", "7")]),
    ({"webhookEvent": "jira:issue_updated", "issue": {"id": "7", "fields": {"project": {"key": "HR"}}}}, []),
    ({"webhookEvent": "comment_created", "issue": {"id": "7"}}, [("", "7")]),
    ({"webhookEvent": "issuelink_created", "issueLink": {"sourceIssueId": 7, "destinationIssueId": 8}}, [("", "7"), ("", "8")]),
    ({"webhookEvent": "jira:version_released", "version": {"id": "1"}}, []),
    ({"webhookEvent": "jira:issue_updated", "issue": {"id": "../../myself"}}, []),
    ({"webhookEvent": "jira:issue_updated", "issue": {"id": True}}, []),
    ({"webhookEvent": "jira:issue_updated", "issue": ["7"]}, []),
    ({}, []),
]  # fmt: skip


@pytest.mark.parametrize(("payload", "named"), JIRA_CASES)
def test_what_a_jira_event_names(payload: dict[str, Any], named: list[tuple[str, str]]) -> None:
    found = hints("jira", payload)
    assert [(hint.scope, hint.id) for hint in found] == named
    assert {hint.stream for hint in found} <= {"issues"}
    assert len({hint.delivery for hint in found}) == len(named)


TRELLO_CASES: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"card": {"id": CARD}, "board": {"id": "b", "name": "产品部看板"}}, [("产品部看板", CARD)]),
    ({"card": {"id": CARD}, "board": {"id": "b", "shortLink": "Bb11Cc22"}}, [("Bb11Cc22", CARD)]),
    ({"card": {"id": CARD}, "board": {"id": "b", "name": "另一个"}}, []),
    ({"list": {"id": "l"}, "board": {"id": "b", "name": "产品部看板"}}, [("产品部看板", "")]),
    ({"card": {"id": CARD}}, [("", CARD)]),
]  # fmt: skip


@pytest.mark.parametrize(("data", "named"), TRELLO_CASES)
def test_what_a_trello_action_names(data: dict[str, Any], named: list[tuple[str, str]]) -> None:
    found = hints(
        "trello",
        {
            "action": {
                "id": "51f9424bcd6e040f3c002412",
                "type": "updateCard",
                "date": "2026-11-23T01:00:00.000Z",
                "data": data,
            }
        },
    )
    assert [(hint.scope, hint.id) for hint in found] == named
    assert all(hint.stream == "cards" and hint.at and hint.at.year == 2026 for hint in found)


CONFLUENCE_CASES: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"event": "page_updated", "page": {"id": 1, "spaceKey": "TEAM"}}, [("TEAM", "1")]),
    ({"event": "page_updated", "page": {"id": "1", "space": {"key": "TEAM"}}}, [("TEAM", "1")]),
    ({"event": "page_updated", "page": {"id": "1", "spaceKey": "HR"}}, []),
    ({"event": "page_removed", "page": {"id": "1"}}, [("", "1")]),
    ({"event": "space_created", "space": {"key": "TEAM"}}, []),
    ({"test": True}, []),
]


@pytest.mark.parametrize(("payload", "named"), CONFLUENCE_CASES)
def test_what_a_confluence_event_names(payload: dict[str, Any], named: list[tuple[str, str]]) -> None:
    assert [(hint.scope, hint.id) for hint in hints("confluence", payload)] == named


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(
        ["action", "data", "card", "board", "id", "issue", "fields", "project", "key", "issueLink", "page", "timestamp",
         "sourceIssueId", "webhookEvent", "date", "type", "space", "spaceKey"]), inner, max_size=5),
    max_leaves=15,
)  # fmt: skip


@given(vendor=st.sampled_from(VENDORS), payload=anything)
def test_whatever_a_signed_body_holds_nothing_is_raised(vendor: str, payload: Any) -> None:
    body = json.dumps(payload).encode()
    for hint in hints(vendor, body):
        assert hint.scope in ("", *SCOPES[vendor])


@given(vendor=st.sampled_from(VENDORS), body=st.binary())
def test_a_signed_body_that_is_no_json_tells_nothing(vendor: str, body: bytes) -> None:
    assert all(hint.id or hint.scope in ("", *SCOPES[vendor]) for hint in hints(vendor, body))


@pytest.mark.parametrize("vendor", VENDORS)
def test_deep_nesting_is_no_trouble(vendor: str) -> None:
    assert hints(vendor, b'{"a":' * 100_000) == ()
