"""The rules of docs/escalation.md by example: an incident at night, a delay before 国庆, and every rule on its own."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sync.core.calendar import Calendar
from sync.core.escalation import (
    AroundTheClock,
    Event,
    EventKind,
    Ladder,
    Position,
    Rung,
    Step,
    WorkingTime,
    clock_for,
    end_of_day,
    position,
)
from sync.core.ladders import WARNING, IncidentSettings
from sync.core.values import Ref

SHANGHAI = ZoneInfo("Asia/Shanghai")
CHINA = Calendar(
    "CN",
    days_off=frozenset(date(2026, 10, day) for day in range(1, 8)),
    extra_workdays=frozenset({date(2026, 9, 20), date(2026, 10, 10)}),
)
ZHANG, CHEN = Ref("tieline:person:zhang-wei"), Ref("tieline:person:chen-jie")
INCIDENT = IncidentSettings().ladder
STEPS = Ladder(
    (Rung(0, ("owner",)), Rung(60, ("deputy",)), Rung(120, ("head",))),
    (Rung(120, ("owner", "head")), Rung(240, ("coordination_group",), "room")),
    "around_the_clock",
)
T0 = datetime(2026, 11, 3, 2, 0, tzinfo=UTC)


def beijing(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def local(instant: datetime | None) -> str:
    return instant.astimezone(SHANGHAI).strftime("%m-%d %H:%M") if instant else ""


def after(minutes: int) -> datetime:
    return T0 + timedelta(minutes=minutes)


def said(kind: EventKind, minutes: int, by: Ref | None = None, until: int | None = None) -> Event:
    return Event(kind, after(minutes), by, None if until is None else after(until))


def told(minutes: int, number: int, phase: str = "response", episode: int = 1) -> Event:
    return Event("told", after(minutes), step=Step(episode, phase, number))  # type: ignore[arg-type]


def at(minutes: int, *events: Event, ladder: Ladder = STEPS) -> Position:
    return position(ladder, (said("opened", 0), *events), after(minutes), AroundTheClock())


def due(found: Position) -> tuple[str, int] | None:
    return (found.due.step.phase, found.due.step.number) if found.due else None


def play(ladder: Ladder, opened: datetime, until: datetime, every: int = 10) -> list[tuple[str, str, int]]:
    """Nobody ever answers: when each step is told by runs that come every so many minutes."""
    clock, history = clock_for(ladder, CHINA, "Asia/Shanghai"), [Event("opened", opened)]
    seen: list[tuple[str, str, int]] = []
    now = opened
    while now <= until:
        found = position(ladder, history, now, clock)
        if found.due:
            seen.append((local(now), found.due.step.phase, found.due.step.number))
            history.append(Event("told", now, step=found.due.step))
        now += timedelta(minutes=every)
    return seen


def test_an_incident_on_sunday_at_ten_past_two() -> None:
    """E1: thirty minutes and two hours, whatever day it is."""
    opened = beijing("2026-10-04 02:10")
    assert play(INCIDENT, opened, opened + timedelta(days=2)) == [
        ("10-04 02:10", "response", 1),
        ("10-04 02:40", "response", 2),
        ("10-04 04:10", "solution", 1),
    ]


def test_a_delay_before_the_long_holiday() -> None:
    """E2: 09-30 16:00 leaves two hours; 10-01 to 10-07 do not count, Saturday 10-10 does, Sunday 10-11 does not."""
    opened = beijing("2026-09-30 16:00")
    assert play(WARNING, opened, beijing("2026-10-20 18:00"), every=60) == [
        ("09-30 16:00", "response", 1),
        ("10-08 16:00", "response", 2),
        ("10-09 16:00", "response", 3),
        ("10-12 16:00", "response", 4),
    ]


def test_a_first_notice_waits_for_the_morning() -> None:
    opened = beijing("2026-09-30 21:00")
    found = position(WARNING, [Event("opened", opened)], opened, WorkingTime(CHINA))
    assert found.due is None
    assert (local(found.next_at), found.next_step) == ("10-08 09:00", Step(1, "response", 1))


@pytest.mark.parametrize(
    ("zone", "opened", "reached"),
    [
        ("Europe/Berlin", "2026-10-23T15:00+00:00", "2026-10-26T16:00+00:00"),  # an hour on Friday, seven on Monday
        ("America/New_York", "2027-03-12T22:00+00:00", "2027-03-15T21:00+00:00"),
        ("Asia/Shanghai", "2026-10-23T09:00+00:00", "2026-10-26T09:00+00:00"),
    ],
)
def test_working_time_goes_by_the_clock_on_the_wall(zone: str, opened: str, reached: str) -> None:
    clock = WorkingTime(Calendar("weekdays"), zone)
    assert clock.add(datetime.fromisoformat(opened), 480) == datetime.fromisoformat(reached)


@pytest.mark.parametrize("day", ["2026-10-25T00:30+02:00", "2027-03-28T00:30+01:00"])
def test_an_incident_lasts_as_long_in_the_night_of_the_clocks(day: str) -> None:
    """E1: two hours are two hours, though the clock on the wall says one or three."""
    opened = datetime.fromisoformat(day)
    found = position(INCIDENT, [Event("opened", opened)], opened + timedelta(hours=2), AroundTheClock())
    assert due(found) == ("solution", 1)
    assert found.due
    assert found.due.since - opened == timedelta(hours=2)


def test_nothing_was_opened() -> None:
    found = position(STEPS, [said("acknowledged", 1), said("solved", 2)], after(5), AroundTheClock())
    assert (found.state, found.episode, found.due, found.next_at, found.is_quiet) == ("never", 0, None, None, True)


def test_each_rung_is_due_at_its_minute_and_told_once() -> None:
    assert due(at(0)) == ("response", 1)
    assert due(at(0, told(0, 1))) is None
    assert at(0, told(0, 1)).next_at == after(60)
    assert due(at(59, told(0, 1))) is None
    assert due(at(60, told(0, 1))) == ("response", 2)
    assert [item.step.number for item in at(60, told(0, 1)).reached] == [1, 2]
    assert at(500, told(0, 1), told(60, 2), told(120, 3)).next_at is None
    assert not at(500, told(0, 1), told(60, 2), told(120, 3)).is_quiet  # nothing more to say, and nobody has answered


def test_a_late_run_tells_the_highest_rung_once_and_asks_those_that_it_missed() -> None:
    found = at(700, told(0, 1))
    assert found.due
    assert found.due.step == Step(1, "response", 3)
    assert found.due.asks == ("deputy", "head")
    assert found.due.missed == (Step(1, "response", 2),)
    assert found.due.since == after(120)
    assert due(at(710, told(0, 1), told(700, 3))) is None


def test_a_late_run_gathers_all_in_the_room_that_one_of_its_rungs_wanted() -> None:
    found = position(INCIDENT, [said("opened", 0)], after(500), AroundTheClock())
    assert found.due
    assert found.due.step == Step(1, "solution", 1)
    assert found.due.asks == ("owner", "on_call", "deputy", "head", "waiting_head", "coordination_group")
    assert found.due.does == "room"
    assert due(position(INCIDENT, [said("opened", 0), told(500, 1, "solution")], after(510), AroundTheClock())) is None


def test_an_answer_stops_one_clock_and_starts_the_other() -> None:
    found = at(90, told(0, 1), said("acknowledged", 50, ZHANG))
    assert (found.state, found.due, found.is_quiet) == ("answered", None, True)
    assert (found.next_step, found.next_at) == (Step(1, "solution", 1), after(50 + 120))
    again = at(90, told(0, 1), said("acknowledged", 50, ZHANG), said("acknowledged", 80, ZHANG))
    assert again.next_at == found.next_at


def test_an_answer_to_an_incident_leaves_its_two_hours_as_they_are() -> None:
    found = at(31, told(0, 1), said("acknowledged", 20), ladder=INCIDENT)
    assert (found.due, found.next_at) == (None, after(120))


def test_a_promise_is_waited_for_and_then_the_clock_starts_anew() -> None:
    events = (told(0, 1), said("promised", 30, ZHANG, until=5_000))
    assert (at(40, *events).state, at(5_000, *events).state) == ("promised", "answered")
    assert at(40, *events).next_at == after(5_120)
    assert due(at(5_119, *events)) is None
    assert due(at(5_120, *events)) == ("solution", 1)
    second = (*events, told(5_120, 1, "solution"), said("promised", 5_130, ZHANG, until=9_000))
    assert due(at(9_120, *second)) is None  # that rung was told: the next broken promise goes one higher
    assert due(at(9_240, *second)) == ("solution", 2)
    assert at(9_240, *second).promises == 2


def test_a_promise_holds_an_incident_back_until_its_instant_and_no_longer() -> None:
    events = (told(0, 1), said("promised", 20, ZHANG, until=300))
    assert due(at(299, *events, ladder=INCIDENT)) is None
    assert due(at(300, *events, ladder=INCIDENT)) == ("solution", 1)
    early = (told(0, 1), said("promised", 20, ZHANG, until=60))
    assert due(at(119, *early, ladder=INCIDENT)) is None
    assert due(at(120, *early, ladder=INCIDENT)) == ("solution", 1)


def test_a_promise_of_a_time_gone_by_is_an_answer_and_no_more() -> None:
    found = at(40, told(0, 1), said("promised", 30, until=10))
    assert (found.state, found.promises, found.next_at) == ("answered", 0, after(150))


def test_a_refusal_brings_the_next_rung_at_once_and_each_person_refuses_once() -> None:
    first = (told(0, 1), said("declined", 10, ZHANG))
    assert due(at(10, *first)) == ("response", 2)
    assert due(at(15, *first, said("declined", 12, ZHANG))) == ("response", 2)
    asked = (*first, told(12, 2))
    assert at(15, *asked).next_at == after(10 + 60)  # the hand was moved on to 60 minutes, and goes on from there
    assert due(at(15, *asked, said("declined", 14, ZHANG))) is None
    assert due(at(15, *asked, said("declined", 14, CHEN))) == ("response", 3)
    assert at(15, *asked, said("declined", 14, CHEN)).declines == 2


def test_whom_nobody_knows_takes_nothing_back() -> None:
    """It may be somebody else."""
    stands = at(15, told(0, 1), said("acknowledged", 5), said("declined", 10))
    assert (stands.state, stands.declines) == ("answered", 1)


def test_a_refusal_at_night_is_passed_on_in_the_morning() -> None:
    opened = beijing("2026-11-03 16:00")
    history = [
        Event("opened", opened),
        Event("told", opened, step=Step(1, "response", 1)),
        Event("declined", beijing("2026-11-03 22:00"), ZHANG),
    ]
    found = position(WARNING, history, beijing("2026-11-03 22:10"), WorkingTime(CHINA))
    assert (found.due, local(found.next_at), found.next_step) == (None, "11-04 09:00", Step(1, "response", 2))


def test_who_answered_last_can_take_it_back_and_nobody_else() -> None:
    answered = (told(0, 1), said("acknowledged", 20, ZHANG))
    assert at(90, *answered, said("declined", 80, CHEN)).state == "answered"
    found = at(90, *answered, said("declined", 80, ZHANG))
    assert (found.state, due(found)) == ("asking", ("response", 2))
    assert at(90, *answered, told(80, 2), said("declined", 85, ZHANG)).due is not None


def test_solved_is_quiet_and_reopened_begins_again() -> None:
    events = (told(0, 1), said("declined", 5, ZHANG), told(6, 2), said("solved", 20))
    assert (at(500, *events).state, at(500, *events).due, at(500, *events).is_quiet) == ("solved", None, True)
    found = at(500, *events, said("reopened", 490))
    assert found.due
    assert found.due.step == Step(2, "response", 1)
    assert found.declines == 1
    assert found.due.step.key("delay:a>b") == "delay:a>b#2:response:1"
    assert at(500, said("reopened", 490)).episode == 1  # what was not solved goes on


@pytest.mark.parametrize("finding", ["delays:delay:jira-main:task:1>trello-main:task:2:finish_to_start", "a#b"])
def test_a_steps_key_is_read_back(finding: str) -> None:
    step = Step(2, "solution", 3)
    assert Step.from_key(step.key(finding)) == (finding, step)


@pytest.mark.parametrize("key", ["delay:a>b", "a#1:response", "a#1:answer:2", "#1:response:2", "a#x:response:2"])
def test_another_key_is_no_step(key: str) -> None:
    with pytest.raises(ValueError):
        Step.from_key(key)


@pytest.mark.parametrize(
    ("day", "zone", "until"),
    [
        (date(2026, 10, 13), "Asia/Shanghai", "2026-10-13T16:00+00:00"),
        (date(2026, 10, 24), "Europe/Berlin", "2026-10-24T22:00+00:00"),
        (date(2026, 10, 25), "Europe/Berlin", "2026-10-25T23:00+00:00"),
    ],
)
def test_a_promised_date_is_over_at_midnight(day: date, zone: str, until: str) -> None:
    assert end_of_day(day, zone) == datetime.fromisoformat(until)


def test_what_is_told_late_of_an_earlier_episode_moves_nothing_in_this_one() -> None:
    again = (said("solved", 20), said("reopened", 30), told(40, 3, episode=1), said("declined", 41, ZHANG))
    assert due(at(42, told(0, 1), *again)) == ("response", 1)


def test_events_come_in_any_order_and_later_ones_have_not_happened() -> None:
    events = [told(0, 1), said("declined", 10, ZHANG), said("acknowledged", 20, CHEN), said("solved", 400)]
    assert at(300, *events) == at(300, *reversed(events))
    assert at(300, *events).state == "answered"


def test_what_was_told_by_a_clock_that_runs_ahead_is_not_told_again() -> None:
    assert due(at(0, told(45, 1))) is None


def test_an_answer_in_the_same_instant_as_a_refusal_counts() -> None:
    found = at(20, told(0, 1), said("acknowledged", 10, ZHANG), said("declined", 10, ZHANG))
    assert found.state == "answered"


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (said("promised", 1), "what was promised"),
        (said("told", 1), "without its step"),
        (Event("solved", after(1), step=Step(1, "response", 1)), "with a step"),
        (Event("solved", datetime(2026, 1, 1)), "has no zone"),  # noqa: DTZ001 - the point
    ],
)
def test_an_event_that_cannot_be_is_named(event: Event, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        at(5, event)


@pytest.mark.parametrize(
    ("response", "solution", "words"),
    [
        ((), (), "needs a response rung"),
        ((Rung(60, ("owner",)), Rung(60, ("head",))), (), "one after the other, not after 60, 60 minutes"),
        ((Rung(-1, ("owner",)),), (), "between 0 and"),
        ((Rung(0, ()),), (), "must ask somebody"),
        ((Rung(0, ("owner", "owner")),), (), "nobody twice"),
        ((Rung(0, ("owner",)),), (Rung(0, ("head",)),), "leave some minutes after the answer"),
    ],
)
def test_a_ladder_that_cannot_be_climbed_is_named(
    response: tuple[Rung, ...], solution: tuple[Rung, ...], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Ladder(response, solution)


def test_an_incident_must_be_answered_before_it_is_solved() -> None:
    with pytest.raises(ValueError, match="must not come before the last response rung"):
        Ladder((Rung(60, ("owner",)),), (Rung(30, ("head",)),), "around_the_clock", "opened")
    with pytest.raises(ValueError, match="between 1 and solve_minutes 20"):
        IncidentSettings(solve_minutes=20)


def before_the_holiday(*events: Event) -> tuple[Event, ...]:
    opened = beijing("2026-09-30 16:00")
    return Event("opened", opened), Event("told", opened, step=Step(1, "response", 1)), *events


@pytest.mark.parametrize(
    ("event", "step", "at"),
    [
        (Event("acknowledged", beijing("2026-10-08 10:00")), ("solution", 1), "10-10 10:00"),
        (
            Event("promised", beijing("2026-10-08 10:00"), until=beijing("2026-10-14 00:00")),
            ("solution", 1),
            "10-15 18:00",
        ),
        (Event("declined", beijing("2026-09-30 20:00")), ("response", 2), "10-08 09:00"),
    ],
)
def test_what_the_owner_may_say_before_the_holiday(event: Event, step: tuple[str, int], at: str) -> None:
    found = position(WARNING, before_the_holiday(event), event.at, WorkingTime(CHINA))
    assert found.next_step
    assert ((found.next_step.phase, found.next_step.number), local(found.next_at)) == (step, at)


def test_after_the_owner_declined_the_head_follows_a_working_day_later() -> None:
    declined = Event("declined", beijing("2026-09-30 20:00"))
    told_ = Event("told", beijing("2026-10-08 09:00"), step=Step(1, "response", 2))
    found = position(WARNING, before_the_holiday(declined, told_), told_.at, WorkingTime(CHINA))
    assert local(found.next_at) == "10-08 18:00"
