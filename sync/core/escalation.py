"""Two clocks: who is to be asked next about an incident or a delay, and when. Pure: all of it follows from what happened.

The rules E1 to E14 are in docs/escalation.md. Nothing is remembered between two runs but the events themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from sync.core.calendar import Calendar
from sync.core.values import Ref

ClockKind = Literal["around_the_clock", "working_time"]
Asked = Literal["owner", "deputy", "head", "waiting_head", "on_call", "coordination_group"]
Act = Literal["notice", "room"]
Phase = Literal["response", "solution"]
EventKind = Literal["opened", "declined", "acknowledged", "promised", "solved", "reopened", "told"]
State = Literal["never", "asking", "answered", "promised", "solved"]
Reason = Literal["resources", "goal", "conflict"]
# What happened in the same instant happened in this order: an answer wins over a refusal, and a run knew of both.
ORDER: Mapping[EventKind, int] = {
    "opened": 0, "declined": 1, "acknowledged": 2, "promised": 3, "solved": 4, "reopened": 5, "told": 6,
}  # fmt: skip
PHASES: tuple[Phase, ...] = ("response", "solution")
REMEMBERED = timedelta(days=90)
"""How long what happened to a finding that is over is still shown to jobs, and a refusal counts towards a talk."""
LONGEST_MINUTES = 525_600  # a year: a rung beyond is a slip of the pen


class Rung(Struct, frozen=True, forbid_unknown_fields=True):
    """After so many minutes on the ladder's clock these are asked, by a notice each or together in an emergency group (``room``)."""

    after_minutes: int
    asks: tuple[Asked, ...]
    does: Act = "notice"


class Ladder(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to ask, rung by rung: ``response`` until somebody answers, ``solution`` until it is solved.

    ``solution_from`` "opened": both clocks start together, and a promise holds the solution rungs back until its instant. "answered":
    the solution clock starts with the answer, and anew at the instant that was promised. Raises ValueError for a ladder that cannot be
    climbed.
    """

    response: tuple[Rung, ...]
    solution: tuple[Rung, ...] = ()
    clock: ClockKind = "working_time"
    solution_from: Literal["opened", "answered"] = "answered"

    def __post_init__(self) -> None:
        """An admin may write ladders: one that cannot be climbed is named at once."""
        if problem := _problem(self):
            raise ValueError(problem)

    def rungs(self, phase: Phase) -> tuple[Rung, ...]:
        """The rungs of one phase, the lowest first."""
        return self.response if phase == "response" else self.solution


class Step(Struct, frozen=True, order=True):
    """One rung in one episode: what is told at most once ever. ``number`` counts from 1 within the phase."""

    episode: int
    phase: Phase
    number: int

    def key(self, finding: str) -> str:
        """The step's identity for ever: ``finding#episode:phase:number``."""
        return f"{finding}#{self.episode}:{self.phase}:{self.number}"

    @classmethod
    def from_key(cls, key: str) -> tuple[str, Step]:
        """The finding and the step of a key. Raises ValueError for other text."""
        finding, _, name = key.rpartition("#")
        episode, phase, number = name.split(":")
        if not finding or phase not in PHASES:
            raise ValueError(f"{key!r} is no step's key")
        return finding, cls(int(episode), "response" if phase == "response" else "solution", int(number))


class Event(Struct, frozen=True):
    """What happened, at an aware instant. ``by`` is whoever said it, ``until`` the instant promised, ``step`` what was told."""

    kind: EventKind
    at: datetime
    by: Ref | None = None
    until: datetime | None = None
    step: Step | None = None


class Stated(Struct, frozen=True):
    """Why it is late, as somebody said: too few people or means, a goal that is not clear, or interests that conflict."""

    reason: Reason
    at: datetime
    by: Ref | None = None


class Reached(Struct, frozen=True):
    """A rung, and the instant at which the clock reaches it."""

    step: Step
    at: datetime


class Due(Struct, frozen=True):
    """A step that is to be told now, and when its clock reached it. ``asks`` and ``does`` are those of its rung and of those missed."""

    step: Step
    since: datetime
    asks: tuple[Asked, ...]
    does: Act
    missed: tuple[Step, ...] = ()


class Position(Struct, frozen=True):
    """Where a finding stands on its ladder. ``next_at`` is when ``next_step`` gets due if nothing else happens; both are None when
    nothing more will be told. ``declines`` and ``promises`` count over all episodes.
    """

    state: State
    episode: int
    reached: tuple[Reached, ...] = ()
    due: Due | None = None
    next_step: Step | None = None
    next_at: datetime | None = None
    declines: int = 0
    promises: int = 0

    @property
    def is_quiet(self) -> bool:
        """True when nobody is asked now because somebody answered, promised or solved it, or it never was opened."""
        return self.due is None and self.state != "asking"


class Clock(Protocol):
    """Counts minutes on from an instant."""

    def add(self, start: datetime, minutes: int) -> datetime:
        """The first instant by which so many minutes have passed; for 0 the first on or after the start at which the clock runs."""
        ...


class AroundTheClock(Struct, frozen=True):
    """Day and night, in absolute time: an hour that wall clocks skip or repeat makes no difference."""

    def add(self, start: datetime, minutes: int) -> datetime:
        return start.astimezone(UTC) + timedelta(minutes=minutes)


class WorkingTime(Struct, frozen=True):
    """Only while the asked department works: its calendar, by the wall clock of its zone."""

    calendar: Calendar
    zone: str = "Asia/Shanghai"

    def add(self, start: datetime, minutes: int) -> datetime:
        return self.calendar.add_working_minutes(start, minutes, ZoneInfo(self.zone))


def clock_for(ladder: Ladder, calendar: Calendar, zone: str) -> Clock:
    """The clock that a ladder runs on, for the department that is asked."""
    return AroundTheClock() if ladder.clock == "around_the_clock" else WorkingTime(calendar, zone)


def end_of_day(day: date, zone: str) -> datetime:
    """The instant until which a promised date is waited for: midnight after it, in the zone of whoever promised."""
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone)).astimezone(UTC)


def is_open(events: Iterable[Event]) -> bool:
    """Whether the last that is known of a finding, event by event, is not its end."""
    marks = [event.kind for event in events if event.kind in ("opened", "reopened", "solved")]
    return bool(marks) and marks[-1] != "solved"


def position(ladder: Ladder, history: Iterable[Event], now: datetime, clock: Clock) -> Position:
    """Where a finding stands, by its events up to ``now``, given in any order. Later ones have not happened yet, but for what was told:
    that is never told again, whatever the clocks of machines say.

    Raises ValueError for an event without what its kind needs, and for an instant without zone.
    """
    events = sorted(map(_checked, history), key=_order)
    story = _Story()
    for event in events:
        if event.at <= now:
            story = _after(ladder, clock, story, event)
    found = Position(_state(story, now), story.episode, declines=story.declines, promises=story.promises)
    if story.begun is None:
        return found
    told = {event.step for event in events if event.step and event.step.episode == story.episode}
    rungs = _running(ladder, clock, story, story.begun)
    due = _due(ladder, [item for item in _untold(ladder, rungs, told) if item.at <= now])
    rest = [item for item in _untold(ladder, rungs, told | {due.step} if due else told) if item.at > now]
    next_at = min((item.at for item in rest), default=None)
    return replace(
        found,
        reached=tuple(item for item in rungs if item.at <= now),
        due=due,
        next_step=next((item.step for item in reversed(rest) if item.at == next_at), None),
        next_at=next_at,
    )


class _Story(Struct, frozen=True):
    """What the events tell. ``begun`` is None while nothing is open.

    The response hand stood at ``minutes`` at the instant ``hand_at``; the rungs below were reached at the ``passed`` instants.
    """

    episode: int = 0
    begun: datetime | None = None
    passed: tuple[datetime, ...] = ()
    minutes: int = 0
    hand_at: datetime = datetime.min.replace(tzinfo=UTC)
    answered_at: datetime | None = None
    answered_by: Ref | None = None
    promised: datetime | None = None
    told: int = 0  # the highest response rung of this episode that was told
    declined_by: frozenset[Ref] = frozenset()
    declines: int = 0
    promises: int = 0


def _after(ladder: Ladder, clock: Clock, story: _Story, event: Event) -> _Story:
    match event.kind:
        case "opened" | "reopened":
            return _opened(story, event)
        case "declined":
            return _declined(ladder, clock, story, event)
        case "acknowledged":
            return _acknowledged(story, event)
        case "promised":
            return _promised(story, event)
        case "solved":
            return replace(story, begun=None)
        case "told":
            return _told(story, event)


def _opened(story: _Story, event: Event) -> _Story:
    if story.begun is not None:
        return story
    return _Story(story.episode + 1, event.at, hand_at=event.at, declines=story.declines, promises=story.promises)


def _told(story: _Story, event: Event) -> _Story:
    step = event.step
    if step is None or step.phase != "response" or step.episode != story.episode:
        return story
    return replace(story, told=max(story.told, step.number))


def _acknowledged(story: _Story, event: Event) -> _Story:
    if story.begun is None:
        return story
    return replace(
        story,
        answered_at=story.answered_at or event.at,
        answered_by=event.by,
        declined_by=story.declined_by - {event.by},
    )


def _promised(story: _Story, event: Event) -> _Story:
    answered = _acknowledged(story, event)
    if story.begun is None or event.until is None or event.until <= event.at:
        return answered
    return replace(answered, promised=event.until, promises=story.promises + 1)


def _declined(ladder: Ladder, clock: Clock, story: _Story, event: Event) -> _Story:
    """The answer is taken back, and the rung after the last told is due: there is nobody to wait for any more."""
    if story.begun is None or event.by in story.declined_by:
        return story
    by = frozenset() if event.by is None else frozenset({event.by})
    said = replace(story, declines=story.declines + 1, declined_by=story.declined_by | by)
    if story.answered_at and (event.by is None or event.by != story.answered_by):  # whom nobody knows may be anybody
        return said
    hand = _response_hand(ladder, clock, story)
    stood = story.answered_at or event.at
    reached = sum(at <= stood for at in hand)
    target = min(max(reached, story.told + 1), len(hand))
    if target == reached and story.answered_at is None:
        return said
    minutes = ladder.response[target - 1].after_minutes
    return replace(
        said,
        passed=hand[:reached],
        minutes=minutes,
        hand_at=event.at,
        answered_at=None,
        answered_by=None,
        promised=None,
    )


def _response_hand(ladder: Ladder, clock: Clock, story: _Story) -> tuple[datetime, ...]:
    """When each response rung is reached, while nobody answers."""
    ahead = ladder.response[len(story.passed) :]
    return story.passed + tuple(clock.add(story.hand_at, max(0, rung.after_minutes - story.minutes)) for rung in ahead)


def _solution_hand(ladder: Ladder, clock: Clock, story: _Story, begun: datetime) -> tuple[datetime, ...]:
    """When each solution rung is reached; nothing while that clock stands."""
    if ladder.solution_from == "opened":
        held_until = clock.add(story.promised, 0) if story.promised else begun
        return tuple(max(held_until, clock.add(begun, rung.after_minutes)) for rung in ladder.solution)
    zero = story.promised or story.answered_at
    return tuple(clock.add(zero, rung.after_minutes) for rung in ladder.solution) if zero else ()


def _running(ladder: Ladder, clock: Clock, story: _Story, begun: datetime) -> list[Reached]:
    """The rungs of the clocks that run, the highest last."""
    hands: dict[Phase, tuple[datetime, ...]] = {
        "response": () if story.answered_at else _response_hand(ladder, clock, story),
        "solution": _solution_hand(ladder, clock, story, begun),
    }
    return [
        Reached(Step(story.episode, phase, number), at)
        for phase, hand in hands.items()
        for number, at in enumerate(hand, 1)
    ]


def _untold(ladder: Ladder, rungs: Sequence[Reached], told: Collection[Step]) -> list[Reached]:
    """The rungs above the last one told. Where both clocks start together, a solution rung stands above all response rungs."""
    last = {phase: max((step.number for step in told if step.phase == phase), default=0) for phase in PHASES}
    if last["solution"] and ladder.solution_from == "opened":
        last["response"] = len(ladder.response)
    return [item for item in rungs if item.step.number > last[item.step.phase]]


def _due(ladder: Ladder, reached: Sequence[Reached]) -> Due | None:
    """The highest rung that is reached and not told; it asks those of the missed ones below as well, each once."""
    if not reached:
        return None
    *missed, highest = reached
    rungs = [ladder.rungs(item.step.phase)[item.step.number - 1] for item in reached]
    asks = tuple(dict.fromkeys(asked for rung in rungs for asked in rung.asks))
    does: Act = "room" if any(rung.does == "room" for rung in rungs) else "notice"
    return Due(highest.step, highest.at, asks, does, tuple(item.step for item in missed))


def _state(story: _Story, now: datetime) -> State:
    if story.begun is None:
        return "solved" if story.episode else "never"
    if story.answered_at is None:
        return "asking"
    return "promised" if story.promised and now < story.promised else "answered"


def _checked(event: Event) -> Event:
    for instant in (event.at, event.until):
        if instant is not None and instant.tzinfo is None:
            raise ValueError(f"{instant} of {event.kind!r} is no instant: it has no zone")
    if event.kind == "promised" and event.until is None:
        raise ValueError("'promised' without 'until': what was promised?")
    if (event.kind == "told") != (event.step is not None):
        raise ValueError(f"{event.kind!r} {'with a' if event.step else 'without its'} step")
    return event


def _order(event: Event) -> tuple[datetime, int, datetime, str]:
    return event.at, ORDER[event.kind], event.until or event.at, event.by or ""


def _problem(ladder: Ladder) -> str:
    """Why a ladder cannot be climbed; empty when it can."""
    if not ladder.response:
        return "a ladder needs a response rung"
    for phase in PHASES:
        rungs = ladder.rungs(phase)
        minutes = [rung.after_minutes for rung in rungs]
        if minutes != sorted(set(minutes)):
            return f"the {phase} rungs must come one after the other, not after {', '.join(map(str, minutes))} minutes"
        if minutes and not 0 <= minutes[0] <= minutes[-1] <= LONGEST_MINUTES:
            return f"the {phase} rungs must lie between 0 and {LONGEST_MINUTES} minutes"
        if any(not rung.asks or len(set(rung.asks)) < len(rung.asks) for rung in rungs):
            return f"each of the {phase} rungs must ask somebody, and nobody twice"
    first, last = ladder.solution[:1], ladder.response[-1].after_minutes
    if first and ladder.solution_from == "opened" and first[0].after_minutes < last:
        return f"the first solution rung must not come before the last response rung ({last} minutes)"
    if first and ladder.solution_from == "answered" and not first[0].after_minutes:
        return "the first solution rung must leave some minutes after the answer"
    return ""
