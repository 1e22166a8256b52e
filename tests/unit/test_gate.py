"""The window arithmetic against a naive count, for any order of requests, limits and instants; and pauses kept from run to run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sync.core.errors import TryLater
from sync.gate import Calls, Counted, Gate, Pause, counted_for, one_write, paused_by
from sync.pace import Limit, Pace, Place, place_by_path
from sync.pauses import keep_pauses, kept_pauses
from sync.store.store import Store

WINDOWS = st.tuples(st.integers(1, 6), st.sampled_from([0.5, 1.0, 3.0]))
STEPS = st.lists(
    st.tuples(
        st.floats(0, 0.7, allow_subnormal=False),
        st.sampled_from(["GET a", "GET b"]),
        st.sets(st.sampled_from("xyz"), max_size=2),
        st.integers(0, 1),
        st.floats(0, 0.4, allow_subnormal=False),
    ),
    min_size=1,
    max_size=80,
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _counts(
    paces: list[Pace], place: Place, rules: Mapping[str, tuple[tuple[int, float], ...]]
) -> list[tuple[str, int, float]]:
    """What the vendor counts this request for: whom, how many, in how long."""
    found = [("host", *pace.window) for pace in paces]
    found += [(place.endpoint, most, window_s) for most, window_s in rules["endpoint"] if place.endpoint == "GET a"]
    found += [(item, most, window_s) for item in place.items for most, window_s in rules["item"]]
    return found


@given(WINDOWS, WINDOWS, WINDOWS, WINDOWS, STEPS)
@settings(max_examples=300, deadline=None)
def test_no_window_is_ever_exceeded_and_nothing_waits_for_nothing(
    first: tuple[int, float],
    second: tuple[int, float],
    endpoint: tuple[int, float],
    item: tuple[int, float],
    steps: list[tuple[float, str, set[str], int, float]],
) -> None:
    clock = Clock()
    gate = Gate(clock)
    rules = {"endpoint": (endpoint,), "item": (item,)}
    limits = (Limit("endpoint", (endpoint,), "GET a"), Limit("item", (item,)))
    paces = [Pace(most / window_s, window_s=window_s, limits=limits) for most, window_s in (first, second)]
    remotes = [Clock(), Clock()]  # anything that can be told apart
    for who, pace in zip(remotes, paces, strict=True):
        gate.join(who, pace)
    sent: list[tuple[float, Place]] = []
    for pause, name, items, which, latency in steps:
        clock.now += pause
        place = Place(name, tuple(items))
        turn = gate.take(paces[which], place)
        wait_s = turn.wait_s
        room = []
        for whom, most, window_s in _counts(paces, place, rules):
            mine = [at for at, other in sent if any(whom == each for each, *_ in _counts(paces, other, rules))]
            inside = sum(1 for at in mine if clock.now - at < window_s)
            assert inside <= most
            room.append(sum(1 for at in mine if clock.now - at <= window_s + 0.003) < most)
            if not wait_s:
                assert inside < most, f"one too many of {whom}"
        if wait_s:
            assert wait_s <= max(window_s for *_, window_s in _counts(paces, place, rules)) + 0.002
            assert not all(room), "refused although every window had room"
            # Asking again after the waits that it names ends well, if nobody else asks meanwhile.
            for _ in range(4):
                clock.now += wait_s
                turn = gate.take(paces[which], place)
                if not (wait_s := turn.wait_s):
                    break
            assert not wait_s
        clock.now += latency
        gate.answered(turn)
        sent.append((clock.now, place))  # the vendor counts at some moment until then


def test_a_request_that_one_window_refuses_is_counted_by_none() -> None:
    clock = Clock()
    gate = Gate(clock)
    pace = Pace(1, limits=(Limit("endpoint", ((3, 10.0),)), Limit("quota", ((1, 60.0),))))
    gate.join(clock, pace)
    gate.take(pace, Place("a"))
    for _ in range(5):
        assert gate.take(pace, Place("a")).wait_s > 0
    clock.now += 61
    assert gate.take(pace, Place("a")).wait_s == 0
    free = Pace(100, account="b", limits=pace.limits[:1])
    gate.join(gate, free)
    assert [gate.take(free, Place("a")).wait_s == 0 for _ in range(4)] == [True, True, True, False]


def test_many_items_take_no_memory_for_ever() -> None:
    clock = Clock()
    gate = Gate(clock)
    pace = Pace(1000, limits=(Limit("item", ((5, 2.0),)),))
    gate.join(clock, pace)
    for number in range(10_000):
        clock.now += 0.01
        assert gate.take(pace, Place("PUT", (str(number),))).wait_s == 0
    assert len(gate._buckets) < 4_000
    assert sum(len(bucket.items) for bucket in gate._buckets.values()) < 10_000


@given(st.integers(1, 400), st.lists(st.sampled_from(["read", "write", "look"]), max_size=600))
@settings(max_examples=100, deadline=None)
def test_calls_of_a_run_by_a_naive_count(most: int, wishes: list[str]) -> None:
    calls, used = Calls(most), 0
    for wish in wishes:
        limit = most - most // 10 if wish == "read" else most
        try:
            if wish == "look":
                with one_write():
                    calls.use("x", is_safe=True)
            else:
                calls.use("x", is_safe=wish == "read")
        except TryLater:
            assert used >= limit
        else:
            assert used < limit
            used += 1
    assert calls.used == used


def test_what_a_pause_concerns() -> None:
    pace = Pace(account="a", pool="p")
    place = Place("PUT x", ("7", "8"))
    assert paused_by("item", pace, place) == [Counted("item", "7"), Counted("item", "8")]
    assert paused_by("item", pace, Place("PUT x")) == [Counted("endpoint", "a PUT x")]
    for scope in ("host", "quota", "endpoint", "item"):
        assert set(paused_by(scope, pace, place)) <= set(counted_for(pace, place))


def test_ids_are_no_endpoints() -> None:
    for path, expected in {
        "/rest/api/3/issue/10063/comment/77": "GET /rest/api/3/issue/{}/comment/{}",
        "/rest/api/3/issue/PAY-17": "GET /rest/api/3/issue/{}",
        "/rest/api/3/search/jql": "GET /rest/api/3/search/jql",
        "/1/cards/5f0c1d2e3a4b5c6d7e8f9a0b/actions": "GET /1/cards/{}/actions",
        "/wiki/api/v2/pages/123": "GET /wiki/api/v2/pages/{}",
    }.items():
        assert place_by_path("GET", path, b"").endpoint == expected


def test_pauses_are_kept_until_they_are_over(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 't.sqlite'}")
    store.migrate()
    now = datetime.now(UTC)
    long = Pause(Counted("quota"), now + timedelta(hours=1))
    other = Pause(Counted("item", "7"), now + timedelta(minutes=3))
    short = Pause(Counted("host"), now + timedelta(seconds=2))
    keep_pauses(store, "jira-main", [long, short, other])
    assert set(kept_pauses(store, "jira-main")) == {long, other}
    assert kept_pauses(store, "trello-main") == []
    keep_pauses(store, "jira-main", [other])
    assert kept_pauses(store, "jira-main") == [other]
    keep_pauses(store, "jira-main", [])
    assert kept_pauses(store, "jira-main") == []
    keep_pauses(store, "jira-main", [Pause(Counted("host"), now - timedelta(seconds=1))])
    assert kept_pauses(store, "jira-main") == []
    store.close()
