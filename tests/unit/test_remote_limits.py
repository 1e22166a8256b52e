"""Budgets and pauses over real HTTP: shared by whom the vendor counts together, and reaching no further than it said."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from prometheus_client import REGISTRY

from sync.core.errors import LostAnswer, TryLater
from sync.pace import Limit, Pace, pause_from, until_next_hour
from sync.remote import Remote, one_write
from tests.unit.metered import MeteredSimulator, decipher, metered, most_within, place

FAST = Pace(500, 8, place=place)


@pytest.fixture
def site() -> Iterator[tuple[MeteredSimulator, str]]:
    with metered() as found:
        yield found


Site = tuple[MeteredSimulator, str]


_open: list[Remote] = []


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    yield
    while _open:
        _open.pop().close()


def remote(url: str, pace: Pace = FAST, name: str = "one", **more: Any) -> Remote:
    _open.append(Remote(name, url, {}, decipher, pace, **more))
    return _open[-1]


def ask(who: Remote, paths: list[str], method: str = "GET") -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda path: who.send(method, path, json={} if method != "GET" else None), paths))


def test_two_connections_to_one_site_share_one_budget(site: Site) -> None:
    simulator, url = site
    pace = Pace(20, 8, place=place)
    one, two = remote(url, pace), remote(url + "/", pace, "two")
    threads = [threading.Thread(target=ask, args=(who, ["/x/1"] * 35)) for who in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = simulator.times()
    assert len(times) == 70
    assert most_within(times, 1.0) <= 20
    assert times[-1] - times[0] >= 3.0, "70 requests at 20 a second need more than three windows"
    assert times[-1] - times[0] < 6.0, "and not one budget after the other"


def test_connections_of_other_accounts_products_and_sites_share_nothing(site: Site) -> None:
    _, url = site
    with metered() as (_, elsewhere):
        slow = Pace(3, 8, place=place)
        others = [
            remote(url, slow),
            remote(url, Pace(3, 8, place=place, account="b")),
            remote(url, Pace(3, 8, place=place, product="wiki")),
            remote(elsewhere, slow),
        ]
        started = time.monotonic()
        for who in others:
            ask(who, ["/x"] * 3)
        assert time.monotonic() - started < 0.9


def test_the_slower_of_two_paces_holds_while_both_are_open(site: Site) -> None:
    simulator, url = site
    quick, slow = remote(url, Pace(100, 8, place=place)), remote(url, Pace(5, 8, place=place), "slow")
    ask(quick, ["/x"] * 6)
    times = simulator.times()
    assert times[5] - times[0] >= 0.9
    slow.close()
    began = time.monotonic()
    ask(quick, ["/x"] * 20)
    assert time.monotonic() - began < 0.9


def test_an_endpoint_has_its_own_limit_and_leaves_the_others_alone(site: Site) -> None:
    simulator, url = site
    pace = Pace(500, 8, place=place, limits=(Limit("endpoint", ((5, 1.0),), "GET slow"),))
    who = remote(url, pace)
    thread = threading.Thread(target=ask, args=(who, ["/slow"] * 12))
    thread.start()
    time.sleep(0.1)
    began = time.monotonic()
    ask(who, ["/quick"] * 40)
    assert time.monotonic() - began < 0.9, "threads that wait for one endpoint take no place from another"
    thread.join()
    assert most_within(simulator.times("/slow"), 1.0) <= 5


def test_writes_on_one_item_are_limited_and_those_on_another_go_on(site: Site) -> None:
    simulator, url = site
    pace = Pace(500, 8, place=place, limits=(Limit("item", ((4, 0.5), (8, 2.0))),))
    who = remote(url, pace)
    thread = threading.Thread(target=ask, args=(who, ["/issue/7"] * 10, "PUT"))
    thread.start()
    for path in ("/issue/8", "/issue/9"):
        began = time.monotonic()
        ask(who, [path] * 4, "PUT")
        assert time.monotonic() - began < 0.45
    ask(who, ["/issue/7"] * 20, "GET")  # reads are not counted
    thread.join()
    writes = sorted(at for at, method, path in simulator.arrivals if (method, path) == ("PUT", "/issue/7"))
    assert most_within(writes, 0.5) <= 4
    assert most_within(writes, 2.0) <= 8


@pytest.mark.parametrize(
    ("why", "is_held", "goes_on"),
    [
        ("burst", [("GET", "/a/1"), ("GET", "/a/2")], [("GET", "/b/1"), ("PUT", "/a/1")]),
        ("per-issue", [("PUT", "/a/1"), ("POST", "/c/1")], [("PUT", "/a/2"), ("GET", "/a/1")]),
        ("quota", [("GET", "/a/1"), ("PUT", "/b/2")], []),
        ("", [("GET", "/a/1"), ("PUT", "/b/2")], []),
    ],
)
def test_a_pause_reaches_as_far_as_the_vendor_said(
    site: Site, why: str, is_held: list[tuple[str, str]], goes_on: list[tuple[str, str]]
) -> None:
    simulator, url = site
    who, beside = remote(url), remote(url, name="beside")
    method, path = is_held[0]
    simulator.refuse(path, {"why": why, "retry-after": "3600"})
    with pytest.raises(TryLater) as refused:
        who.send(method, path, json={} if method != "GET" else None)
    assert refused.value.reason == "rate_limited"
    asked = len(simulator.arrivals)
    for each in (who, beside):  # the budget is shared, and so is the pause
        for method, path in is_held:
            with pytest.raises(TryLater, match="asked for a pause") as held:
                each.send(method, path, json={} if method != "GET" else None)
            assert held.value.scope == (refused.value.scope)
            assert timedelta(seconds=3590) < (held.value.retry_after or timedelta()) <= timedelta(hours=1)
        assert len(simulator.arrivals) == asked, "nothing was asked"
        for method, path in goes_on:
            each.send(method, path, json={} if method != "GET" else None)
        asked = len(simulator.arrivals)


def test_a_quota_holds_every_account_of_its_pool_and_a_host_pause_only_its_own(site: Site) -> None:
    simulator, url = site
    accounts = {
        name: remote(url, Pace(500, 8, place=place, account=name, pool=pool), name)
        for name, pool in (("a", "key"), ("b", "key"), ("c", "other"))
    }
    simulator.refuse("*", {"retry-after": "3600"})
    with pytest.raises(TryLater):
        accounts["a"].send("GET", "/x")
    accounts["b"].send("GET", "/x")
    simulator.refuse("*", {"retry-after": "3600", "why": "quota"})
    for name in "bba":
        with pytest.raises(TryLater):
            accounts[name].send("GET", "/x")
    accounts["c"].send("GET", "/x")
    assert len(simulator.arrivals) == 4


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(lambda: {"retry-after": "2"}, id="seconds"),
        pytest.param(lambda: {"retry-after": format_datetime(_in(2.9), usegmt=True)}, id="date"),
        pytest.param(
            lambda: {  # our clock may be a year off: only the vendor's two instants count
                "date": "Tue, 24 Nov 2015 00:00:00 GMT",
                "retry-after": "Tue, 24 Nov 2015 00:00:02 GMT",
            },
            id="date by the vendor's clock",
        ),
        pytest.param(lambda: {"x-ratelimit-reset": _in(2).isoformat()}, id="reset"),
        pytest.param(lambda: {"retry-after": "2", "x-ratelimit-reset": _in(9000).isoformat()}, id="Retry-After first"),
    ],
)
def test_the_time_that_was_asked_for_is_waited_for_real(site: Site, headers: Any) -> None:
    simulator, url = site
    who = remote(url)
    simulator.refuse("/x", headers())
    began = time.monotonic()
    who.send("GET", "/x")
    assert 1.5 <= time.monotonic() - began < 5
    assert len(simulator.arrivals) == 2


def test_a_turned_away_write_is_sent_again_and_only_once(site: Site) -> None:
    simulator, url = site
    pauses: list[float] = []
    who = remote(url, sleep=pauses.append)
    simulator.refuse("/issue/1", {"retry-after": "7", "why": "per-issue"})
    who.send("POST", "/issue/1", json={})
    assert len(simulator.arrivals) == 2
    assert max(pauses) >= 7
    who.send("POST", "/issue/2", json={})
    assert len(simulator.arrivals) == 3


def test_a_pause_that_an_earlier_process_was_asked_for_holds_this_one(site: Site) -> None:
    simulator, url = site
    simulator.refuse("/x", {"retry-after": "3600", "why": "quota"})
    before = remote(url)
    with pytest.raises(TryLater):
        before.send("GET", "/x")
    kept = before.pauses()
    with metered() as (fresh, elsewhere):  # another address stands for a process that knows nothing
        after = remote(elsewhere)
        after.begin_run(pauses=kept)
        with pytest.raises(TryLater, match="asked for a pause"):
            after.send("GET", "/y")
        assert fresh.arrivals == []


def test_no_pause_is_believed_for_longer_than_a_day(site: Site) -> None:
    simulator, url = site
    simulator.refuse("/x", {"retry-after": "99999999"})
    who = remote(url)
    with pytest.raises(TryLater):
        who.send("GET", "/x")
    assert who.pauses()[0].until <= _in(86_401)


def test_calls_of_a_run_end_reads_and_leave_a_tenth_for_writes(site: Site) -> None:
    simulator, url = site
    who = remote(url)
    who.begin_run(20)
    for _ in range(18):
        who.send("GET", "/x/1")
    with pytest.raises(TryLater) as ended:
        who.send("GET", "/x/1")
    assert (ended.value.reason, len(simulator.arrivals)) == ("call_budget", 18)
    with one_write():
        who.send("GET", "/x/1")  # looking before a write may use what is reserved
        who.send("POST", "/x/1", json={})
        for _ in range(5):
            who.send("GET", "/x/1")  # a write that was begun is looked at and confirmed whatever it takes
        who.send("PUT", "/x/1", json={})
    with one_write(), pytest.raises(TryLater, match="20 calls of this run"):
        who.send("POST", "/x/2", json={})
    assert not isinstance(ended.value, LostAnswer)
    assert len(simulator.arrivals) == 26
    who.begin_run(20)
    who.send("GET", "/x/1")


def test_an_unsent_write_is_not_a_lost_one(site: Site) -> None:
    _, url = site
    who = remote(url)
    who.begin_run(1)
    who.send("GET", "/x")
    with pytest.raises(TryLater) as ended:
        who.send("POST", "/x", json={})
    assert not isinstance(ended.value, LostAnswer)
    assert ended.value.reason == "call_budget"


def test_threads_together_never_exceed_the_calls_of_a_run(site: Site) -> None:
    simulator, url = site
    who = remote(url)
    who.begin_run(50)

    def read(_: int) -> bool:
        try:
            who.send("GET", "/x")
        except TryLater:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(read, range(90))) == 45
    assert len(simulator.arrivals) == 45


def test_metrics_tell_reasons_apart(site: Site) -> None:
    simulator, url = site
    who = remote(url, name="counted", sleep=lambda _: None)

    def count(reason: str) -> float:
        labels = {"connection": "counted", "reason": reason}
        return REGISTRY.get_sample_value("tieline_try_later_total", labels) or 0.0

    for why, reason in (("burst", "endpoint"), ("per-issue", "item"), ("quota", "quota"), ("", "host")):
        simulator.refuse("/x/1", {"why": why, "retry-after": "1"})
        who.send("PUT", "/x/1", json={})
        assert count(f"rate_limited_{reason}") == 1
    who.begin_run(1)
    who.send("GET", "/x")
    with pytest.raises(TryLater):
        who.send("GET", "/x")
    assert count("call_budget") == 1


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "5", "x-ratelimit-reset": "2026-11-23T10:00Z"}, 5.0),
        ({"x-ratelimit-reset": "2026-11-23T09:01Z"}, 60.0),
        ({"x-beta-ratelimit-reset": "2026-11-23T09:01Z"}, 60.0),
        ({"x-ratelimit-reset": "1795424460"}, 60.0),
        ({"x-ratelimit-reset": "2026-11-23T08:00Z"}, 0.0),
        ({"x-ratelimit-reset": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e400"}, None),
        ({}, None),
    ],
)
def test_forms_of_a_pause(headers: Mapping[str, str], expected: float | None) -> None:
    now = datetime(2026, 11, 23, 9, tzinfo=UTC)
    found = pause_from(headers, now)
    assert (found.total_seconds() if found is not None else None) == expected


def test_hourly_quotas_begin_anew_at_the_top_of_the_vendors_hour() -> None:
    assert until_next_hour({"date": "Mon, 23 Nov 2026 09:50:00 GMT"}) == timedelta(minutes=10)
