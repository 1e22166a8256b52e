"""One changed date moves exactly the findings, comments and messages that it should, and touches nothing else."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import event, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from jobs.delays import JOB
from jobs.delays.lateness import DelayRoom, DelaySettings, bound_of, crossing
from sync.core.plan import Judgement
from sync.core.schedule import Forecast, Schedule, forecasts_of
from sync.core.values import Dependency, DependencyType, Ref, Status, Task
from sync.core.view import ConnectionFacts, Freshness, View
from tests.jobs.story import AT, CHINA, DEPARTMENTS, PEOPLE, digests, publish

FIRST = AT.date()
SETTINGS = DelaySettings(rooms=(DelayRoom("chat", "room-1"),))
DAYS = st.one_of(st.none(), st.integers(-15, 40).map(lambda number: FIRST + timedelta(days=number)))
STATUSES: st.SearchStrategy[Status] = st.sampled_from(["todo", "todo", "todo", "in_progress", "blocked", "done"])
TYPES: st.SearchStrategy[DependencyType] = st.sampled_from(
    ["finish_to_start", "finish_to_start", "start_to_start", "finish_to_finish", "start_to_finish"]
)


@st.composite
def companies(draw: st.DrawFn) -> View:
    count = draw(st.integers(2, 8))
    tasks = {}
    for number in range(count):
        tool, department, owner = draw(st.sampled_from(["jira-main", "trello-main"])), number % 3, PEOPLE[number % 3]
        ref = Ref.of(tool, "task", str(number))
        tasks[ref] = Task(
            ref, f"K-{number}", f"任务{number}", draw(STATUSES), "", f"https://{tool}.example/{number}", AT,
            owner=owner.ref, department=DEPARTMENTS[department].ref, start=draw(DAYS), due=draw(DAYS),
            kind=draw(st.sampled_from(["work", "work", "milestone"])),
        )  # fmt: skip
    refs = list(tasks)
    waits = {}
    for _ in range(draw(st.integers(1, 12))):
        i, j = sorted(draw(st.lists(st.integers(0, count - 1), min_size=2, max_size=2, unique=True)))
        wait = Dependency(refs[i], refs[j], draw(TYPES))
        waits[wait.key] = wait
    connections = [
        ConnectionFacts("jira-main", "jira", ports=("source", "tracker"), has_mutual_links=True),
        ConnectionFacts("trello-main", "trello", ports=("source", "tracker")),
        ConnectionFacts("chat", "feishu", ports=("messenger",)),
    ]
    return View(
        AT,
        tasks,
        tuple(waits.values()),
        people={item.ref: item for item in PEOPLE},
        departments={item.ref: item for item in DEPARTMENTS},
        connections={item.name: item for item in connections},
        freshness={item.name: Freshness(item.name, AT, is_complete=True) for item in connections},
        calendars={"CN": CHINA},
    )


def behind(view: View, refs: set[Ref]) -> set[Ref]:
    """These and everything that waits for them, however far down."""
    found = set(refs)
    while more := {item.successor for item in view.dependencies if item.predecessor in found} - found:
        found |= more
    return found


def stands(plan: Schedule, ref: Ref) -> Forecast:
    return plan.forecasts[ref]


def touched(view: View, key: str) -> set[Ref]:
    """The tasks that a key of the delays job is about: its dependency's ends and what comes behind, or the task itself."""
    return behind(view, {ref for ref in view.tasks if str(ref) in key})


@settings(max_examples=150, deadline=None)
@given(companies(), st.data())
def test_one_changed_date_touches_only_what_it_moves(view: View, data: st.DataObject) -> None:
    edited = data.draw(st.sampled_from(sorted(view.tasks)))
    name = data.draw(st.sampled_from(["start", "due"]))
    day = data.draw(DAYS)
    changed = replace(view, tasks={**view.tasks, edited: replace(view.tasks[edited], **{name: day})})
    plans = [forecasts_of(view), forecasts_of(changed)]
    moved = {ref for ref in view.tasks if stands(plans[0], ref) != stands(plans[1], ref)} | {edited}
    first: Judgement = JOB.judge(view, SETTINGS, {})
    ledger = publish(first.desired)
    same, then = (JOB.judge(item, SETTINGS, ledger) for item in (view, changed))
    before, after = digests(same), digests(then)
    rewritten = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    event(f"{min(len(rewritten), 5)} rewritten")
    for key in rewritten:
        assert touched(view, key) & moved, key
    told = [{item.key: item for item in judgement.findings} for judgement in (same, then)]
    for key in told[0].keys() | told[1].keys():
        if told[0].get(key) != told[1].get(key):
            about = {ref for found in told if key in found for ref in found[key].subjects}
            waits_for = {item.predecessor for item in view.dependencies if item.successor in behind(view, about)}
            assert (behind(view, about) | waits_for) & moved, key


@settings(max_examples=150, deadline=None)
@given(companies(), st.data())
def test_what_a_changed_date_moves_is_told(view: View, data: st.DataObject) -> None:
    """Where the earliest day of a waiting task changes, both comments of that dependency do, or begin, or end."""
    edited = data.draw(st.sampled_from(sorted(view.tasks)))
    day = FIRST + timedelta(days=data.draw(st.integers(-15, 40)))
    changed = replace(view, tasks={**view.tasks, edited: replace(view.tasks[edited], due=day)})
    plans = [forecasts_of(view), forecasts_of(changed)]
    ledger = publish(JOB.judge(view, SETTINGS, {}).desired)
    before, after = (digests(JOB.judge(item, SETTINGS, ledger)) for item in (view, changed))
    for wait in crossing(view):
        then, now = ([late(v, p, wait)] for v, p in zip((view, changed), plans, strict=True))
        if then != now and now != [None]:
            keys = [key for key in after if wait.key in key and ":comment:" in key]
            assert keys
            assert all(before.get(key) != after[key] for key in keys), wait.key


def late(view: View, plan: Schedule, wait: Dependency) -> tuple[date, date | None] | None:
    """What the comments of a late dependency say: the planned day, and the earliest one where it is known."""
    bound = bound_of(view, plan, wait)
    if bound is None or plan.workdays_between(wait.successor, bound[0], bound[1]) < 1:
        return None
    is_told = not plan.forecasts[wait.predecessor].is_open_ended
    return bound[0], bound[1] if is_told else None
