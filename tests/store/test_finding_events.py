"""What happened to findings: each thing once, all of it over every episode, and the clocks read it as the ledger does."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.core.errors import StoreUnavailable
from sync.core.escalation import AroundTheClock, State, position
from sync.core.ladders import INFO
from sync.core.values import Finding, FindingState, Ref
from sync.judging import events_of, reasons_of
from sync.store import Store, schema
from sync.store.entries import FindingEvent
from tests.store.samples import NOON, a_finding

HOUR = timedelta(hours=1)
STATES: dict[FindingState, set[State]] = {
    "open": {"asking"},
    "acknowledged": {"answered", "promised"},
    "resolved": {"solved"},
}
STEPS = ("found", "not found", "acknowledged", "declined", "promised", "stated", "the last once more", "restart")
_numbers = itertools.count()
ZHANG, LI = Ref.of("tieline", "person", "zhang-wei"), Ref.of("tieline", "person", "li-na")


def found(store: Store, at: datetime, *keys: str) -> None:
    """A run that finds just these."""
    store.sync_findings({"delays": [a_finding(key) for key in keys]}, at, {"delays"})


def kinds(store: Store, key: str = "late") -> list[str]:
    return [event.kind for event in store.events_of_finding(key)]


def test_the_history_of_all_episodes_stays(store: Store) -> None:
    found(store, NOON, "late", "other")
    assert store.acknowledge("late", "张伟", NOON + HOUR, ZHANG, "chat:feishu:1")
    found(store, NOON + 2 * HOUR, "late", "other")
    found(store, NOON + 3 * HOUR, "other")
    found(store, NOON + 4 * HOUR, "late", "other")
    assert store.events_of_finding("late") == [
        FindingEvent("late", "opened", NOON, NOON.isoformat(timespec="microseconds")),
        FindingEvent("late", "acknowledged", NOON + HOUR, "chat:feishu:1", ZHANG, "张伟"),
        FindingEvent("late", "solved", NOON + 3 * HOUR, (NOON + 3 * HOUR).isoformat(timespec="microseconds")),
        FindingEvent("late", "reopened", NOON + 4 * HOUR, (NOON + 4 * HOUR).isoformat(timespec="microseconds")),
    ]
    assert kinds(store, "other") == ["opened"]


def test_an_answer_is_taken_once_and_a_second_person_does_not_take_it_away(store: Store) -> None:
    found(store, NOON, "late")
    first = FindingEvent("late", "declined", NOON + HOUR, "1", ZHANG, "张伟")
    assert store.take_answer(first)
    assert not store.take_answer(first)
    assert store.acknowledge("late", "李娜", NOON + 2 * HOUR, LI)
    assert not store.acknowledge("late", "张伟", NOON + 3 * HOUR, ZHANG)
    assert store.take_answer(FindingEvent("late", "declined", NOON + 4 * HOUR, "2", ZHANG, "张伟"))
    assert [item.acknowledged_by for item in store.findings("acknowledged")] == ["李娜"]
    assert store.take_answer(FindingEvent("late", "declined", NOON + 5 * HOUR, "3", LI, "李娜"))
    assert [(item.acknowledged_by, item.acknowledged_at) for item in store.findings("open")] == [(None, None)]
    assert not store.take_answer(FindingEvent("nothing", "declined", NOON, "4", LI))
    found(store, NOON, "late", "other")
    assert store.acknowledge("other", "有同事", NOON + HOUR)
    assert store.take_answer(FindingEvent("other", "declined", NOON + 2 * HOUR, "1", None, "有同事"))
    assert [item.finding.key for item in store.findings("acknowledged")] == ["other"], "it may be somebody else"
    found(store, NOON + 6 * HOUR)
    assert not store.take_answer(FindingEvent("late", "promised", NOON + 7 * HOUR, "5", LI, until=NOON + 9 * HOUR))
    assert kinds(store) == ["opened", "declined", "acknowledged", "declined", "declined", "solved"]


def test_a_clock_that_goes_behind_answers_nothing_before_it_opened(store: Store) -> None:
    found(store, NOON, "late")
    assert store.acknowledge("late", "张伟", NOON - HOUR, ZHANG)
    assert [event.at for event in store.events_of_finding("late")] == [NOON, NOON]


def test_jobs_see_what_stands_what_was_lately_and_all_of_what_comes_back(store: Store) -> None:
    found(store, NOON, "long ago", "back again", "standing")
    found(store, NOON + HOUR, "standing")
    later = NOON + timedelta(days=100)
    found(store, later, "standing", "short")
    store.take_answer(FindingEvent("short", "stated", later + HOUR, "1", LI, reason="goal"))
    found(store, later + 2 * HOUR, "standing")
    known = store.finding_events(later, ["back again", "never seen"])
    assert {event.finding for event in known} == {"back again", "short", "standing"}
    store.sync_findings({"delays": [a_finding("back again"), a_finding("new")]}, later + 3 * HOUR, ())
    standing = [item for item in store.findings("open") if item.finding.key != "standing"]
    events = events_of(known, standing)
    assert [event.kind for event in events["back again"]] == ["opened", "solved", "reopened"]
    assert [event.kind for event in events["new"]] == ["opened"]
    assert [event.kind for event in events["short"]] == ["opened", "solved"]
    assert [(item.reason, item.by) for item in reasons_of(known)["short"]] == [("goal", LI)]


def test_an_older_database_keeps_what_it_knew(empty_url: str) -> None:
    with Store.open(empty_url) as store:
        with store._connected(is_writing=True) as connection:
            schema.upgrade(connection, "0007")
        row = "INSERT INTO findings VALUES ('{0}', 'delays', 'late', 'info', '{1}', '2026-11-23T04:00:00.000000+00:00', {2}, {3}, {4}, '{{}}')"
        with store._writer.begin() as connection:
            taken = ("'2026-11-23T05:00:00.000000+00:00'", "'张伟'")
            connection.exec_driver_sql(row.format("a", "acknowledged", *taken, "NULL"))
            connection.exec_driver_sql(
                row.format("b", "resolved", "NULL", "NULL", "'2026-11-23T06:00:00.000000+00:00'")
            )
        store.migrate()
        assert [(event.kind, event.at, event.name) for event in store.events_of_finding("a")] == [
            ("opened", NOON, ""),
            ("acknowledged", NOON + HOUR, "张伟"),
        ]
        assert [(event.kind, event.at) for event in store.events_of_finding("b")] == [
            ("opened", NOON),
            ("solved", NOON + 2 * HOUR),
        ]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from([ZHANG, LI, None])), max_size=14))
def test_the_ledger_stands_where_the_clock_stands_whatever_happens(
    store: Store, steps: Sequence[tuple[str, Ref | None]]
) -> None:
    """Runs, answers, answers that come again and restarts in any order: the finding's state is what follows from its events, and each
    answer is there once.
    """
    job = f"job-{next(_numbers)}"
    key, last, taken = f"{job}:late", None, 0
    for number, (step, by) in enumerate(steps):
        at = NOON + number * HOUR
        if step == "restart":
            store.close()
        elif step in ("found", "not found"):
            store.sync_findings({job: [a_finding(key)] if step == "found" else []}, at, {job})
        elif step == "the last once more":
            assert last is None or not store.take_answer(last)
        else:
            until = at + 90 * timedelta(minutes=1) if step == "promised" else None
            answer = FindingEvent(key, step, at, f"chat:{number}", by, "name", until)  # type: ignore[arg-type]
            is_taken = store.take_answer(answer)
            last, taken = answer if is_taken else last, taken + is_taken
        events = store.events_of_finding(key)
        stands = [item.state for item in store.findings() if item.finding.key == key]
        assert (not stands) == (not events)
        for state in stands:
            assert position(INFO, events_of(events, ())[key], at, AroundTheClock()).state in STATES[state]
        assert taken == sum(event.kind not in ("opened", "reopened", "solved") for event in events)


def test_what_a_person_opens_stands_until_a_person_closes_it(store: Store) -> None:
    finding = a_finding("incidents:incident:1", "critical")
    opened = FindingEvent(finding.key, "opened", NOON, "chat:1", ZHANG, "张伟", note="超时")
    assert store.open_by_hand(finding, "incidents", opened)
    assert not store.open_by_hand(finding, "incidents", opened)
    found(store, NOON + HOUR)
    assert [item.opened_at for item in store.findings("open")] == [NOON]
    closed = FindingEvent(finding.key, "solved", NOON - HOUR, "chat:2", LI, "李娜")
    assert store.close_by_hand(closed)
    assert not store.close_by_hand(closed)
    assert not store.close_by_hand(FindingEvent("incidents:incident:2", "solved", NOON, "chat:3"))
    assert store.open_by_hand(finding, "incidents", opened)
    assert [(event.kind, event.at) for event in store.events_of_finding(finding.key)] == [
        ("opened", NOON),
        ("solved", NOON),
        ("reopened", NOON),
    ]


def test_an_answer_given_while_a_run_writes_is_not_put_back(store: Store, store_url: str) -> None:
    """A run that has read the findings would write what it read over an answer that comes before it writes."""
    found(store, NOON, "late")
    with Store.open(store_url, timeout_s=0.3) as other:

        class AnsweredMeanwhile(dict[str, list[Finding]]):
            def items(self) -> Any:
                with pytest.raises(StoreUnavailable):
                    other.acknowledge("late", "张伟", NOON + HOUR, ZHANG)
                return super().items()

        store.sync_findings(AnsweredMeanwhile(delays=[a_finding("late")]), NOON + HOUR, {"delays"})
        assert other.acknowledge("late", "张伟", NOON + HOUR, ZHANG)
        found(store, NOON + 2 * HOUR, "late")
        assert [item.state for item in store.findings()] == ["acknowledged"]
