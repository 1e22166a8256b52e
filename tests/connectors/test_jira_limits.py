"""What Jira counts: how far a 429 reaches, which limit an endpoint has, which issues a write touches."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from connectors.jira.decipher import decipher
from connectors.jira.limits import CLOUD_LIMITS, pace_of, place_of
from sync.core.errors import TryLater
from sync.core.ports import ConnectionSettings
from sync.gate import Gate
from sync.pace import Place

API = "/rest/api/3"


@pytest.mark.parametrize(
    ("headers", "scope", "pause_s"),
    [
        ({"ratelimit-reason": "jira-burst-based", "retry-after": "5"}, "endpoint", 5),
        ({"ratelimit-reason": "jira-per-issue-on-write", "retry-after": "2"}, "item", 2),
        ({"ratelimit-reason": "jira-quota-global-based", "retry-after": "600"}, "quota", 600),
        ({"ratelimit-reason": "jira-quota-tenant-based", "x-ratelimit-reset": "2026-11-23T10:00Z"}, "quota", 600),
        (
            {"ratelimit-reason": "jira-quota-tenant-based"},
            "quota",
            600,
        ),  # hourly quotas begin anew at the top of the hour
        ({"ratelimit-reason": "jira-something-new"}, "host", None),
        ({}, "host", None),
    ],
)
def test_reasons_are_told_apart(headers: dict[str, str], scope: str, pause_s: float | None) -> None:
    with pytest.raises(TryLater) as caught:
        decipher(429, {"date": "Mon, 23 Nov 2026 09:50:00 GMT", **headers}, b"{}")
    found = caught.value
    assert (found.reason, found.scope) == ("rate_limited", scope)
    assert found.retry_after == (timedelta(seconds=pause_s) if pause_s is not None else None)


@pytest.mark.parametrize(
    ("method", "path", "body", "items"),
    [
        ("POST", f"{API}/issue/10063/comment", b"{}", ("10063",)),
        ("PUT", "/rest/api/2/issue/PAY-7/properties/x", b"{}", ("PAY-7",)),
        ("DELETE", f"{API}/issue/10063/remotelink/5", b"", ("10063",)),
        ("GET", f"{API}/issue/10063", b"", ()),
        ("POST", f"{API}/issue/bulkfetch", b"{}", ()),
        ("POST", f"{API}/issueLink", b'{"inwardIssue":{"id":"1"},"outwardIssue":{"key":"PAY-2"}}', ("1", "PAY-2")),
        ("POST", f"{API}/issueLink", b"not json", ()),
        ("POST", f"{API}/issueLink", b'{"inwardIssue":7}', ()),
        ("PUT", f"{API}/comment/10200/properties/tieline.mark", b"{}", ()),
    ],
)
def test_writes_name_their_issues(method: str, path: str, body: bytes, items: tuple[str, ...]) -> None:
    assert place_of(method, path, body).items == items


@pytest.mark.parametrize(
    ("method", "path", "most"),
    [
        ("GET", f"{API}/issue/10063", 135),
        ("GET", f"{API}/issue/10063/comment", 90),
        ("POST", f"{API}/issue/10063/comment", 90),
        ("POST", f"{API}/search/approximate-count", 135),
        ("PUT", f"{API}/issue/10063/comment/1", 45),
        ("DELETE", f"{API}/issue/10063/comment/1", 45),
    ],
)
def test_each_endpoint_has_its_published_burst(method: str, path: str, most: int) -> None:
    place = place_of(method, path, b"")
    first = next(
        item for item in CLOUD_LIMITS if item.scope == "endpoint" and re.fullmatch(item.endpoints, place.endpoint)
    )
    assert first.windows == ((most, 1.0),)


def _settings(variant: str, rate: float = 50.0, **credentials: str) -> ConnectionSettings:
    return ConnectionSettings("j", "jira", "https://j", variant, credentials=credentials, requests_per_second=rate)


def test_cloud_counts_for_the_site_and_data_center_for_each_account() -> None:
    cloud = pace_of(_settings("cloud", email="a@b.c", token="secret"))
    assert (cloud.product, cloud.account, cloud.limits) == ("jira", "", CLOUD_LIMITS)
    one, two = (pace_of(_settings("dc", token=token)) for token in ("first-token", "second-token"))
    assert one.account != two.account
    assert "first-token" not in repr(one)
    assert one.limits == ()
    assert pace_of(_settings("cloud", rate=1000)).limits == (), "a simulator counts by itself"


def test_one_issue_takes_eighteen_writes_in_two_seconds_and_ninety_in_thirty() -> None:
    now = [100.0]
    gate = Gate(lambda: now[0])
    pace = pace_of(_settings("cloud", rate=900))
    gate.join(pace_of, pace)
    place, other = Place("PUT /x", ("1",)), Place("PUT /y", ("2",))
    assert [gate.take(pace, place).wait_s == 0 for _ in range(19)] == [True] * 18 + [False]
    assert gate.take(pace, other).wait_s == 0
    sent = 18
    while now[0] < 129.9:
        now[0] += 0.1
        sent += gate.take(pace, place).wait_s == 0
    assert sent == 90
