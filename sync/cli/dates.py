"""`dates`: why a task's dates are what they are, how far it may slip, what its delay costs, and what another date would move."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sync.cli.cycle import opened
from sync.cli.dates_text import WORDS, day, forecast_text, impact_text, path_text, reason_text, slack_text
from sync.cli.explain import ref_named
from sync.cli.findings_text import subject_text
from sync.cli.likely_text import likely_shape
from sync.cli.show import say, say_json, say_table
from sync.core.date_chain import chain_of
from sync.core.errors import COMMAND_LINE, EMPTY, ConfigError, Problem
from sync.core.half_days import SENSIBLE
from sync.core.impact import impact_of
from sync.core.schedule import Schedule, forecasts_of
from sync.core.spoken import day_named
from sync.core.values import Language, Ref, Task
from sync.core.view import View

MOST_SHOWN = 50


def run_dates(config: Path, text: str, start: str | None, due: str | None, as_json: bool) -> None:
    """Print a task's dates and their chain; with another start or due date also what would move. Raises ConfigError for a day that is none,
    and for a start after the end.
    """
    with opened(config) as app:
        view, language = app.engine.view(), app.loaded.config.language
        ref, history = ref_named(app, view, text), app.store.load_history()
    if ref not in view.tasks:
        raise _wrong(text, "is no task", "`tieline tasks` lists them")
    today = view.at.astimezone(ZoneInfo(app.loaded.config.zone)).date()
    begin, end = _day_of("--start", start, today), _day_of("--due", due, today)
    _check_order(begin, end, view.tasks[ref])
    plan = forecasts_of(view)
    then = plan.what_if(ref, begin, end) if begin or end else None
    likely = likely_shape(view, history, view.tasks[ref], language)
    if as_json:
        say_json({**_shape(plan, ref, then), "likely": likely["likely"]})
        return
    _show(view, plan, ref, likely["text"], language)
    if then is not None:
        _show_moves(view, plan, then, ref, language)


def _day_of(option: str, text: str | None, today: date) -> date | None:
    day = None if text is None else day_named(text, today)
    if text is not None and day is None:
        hint = f"such as {today:%Y-%m-%d}; without its year it is a day of the next half year"
        raise _wrong(f"{option} {text or EMPTY}", "is no certain day", hint)
    if day and not SENSIBLE[0] <= day.toordinal() <= SENSIBLE[1]:
        first, last = map(date.fromordinal, SENSIBLE)
        raise _wrong(f"{option} {text}", "is a slip of the keyboard", f"a day from {first} to {last}")
    return day


def _check_order(begin: date | None, end: date | None, task: Task) -> None:
    """A task is not due before it starts; the day that is not given is the task's own."""
    start, due = begin or task.start, end or task.due
    if not (begin or end) or start is None or due is None or start <= due:
        return
    option = "--due" if end else "--start"
    own = "" if begin and end else f", and the task itself {'starts' if end else 'is due'} on {start if end else due}"
    hint = "" if begin and end else f"give {'--start' if end else '--due'} as well"
    raise _wrong(f"{option} {due if end else start}", f"the start would be after the due date{own}", hint)


def _wrong(argument: str, text: str, hint: str) -> ConfigError:
    return ConfigError([Problem(COMMAND_LINE, 0, argument, text, hint)])


def _shape(plan: Schedule, ref: Ref, then: Schedule | None) -> dict[str, Any]:
    forecast, slack, impact = plan.forecasts[ref], plan.slack[ref], impact_of(plan, ref)
    return {
        "forecast": forecast,
        "slack": slack,
        "impact": {"days": impact.days, "departments": impact.departments, "milestones": impact.milestones},
        "chain": [
            {
                "ref": reason.ref,
                "rule": reason.rule,
                "why": reason.why,
                "start": reason.start,
                "finish": reason.finish,
                "driver": reason.driver,
                "driver_day": reason.driver_day,
                "dependency": reason.dependency.key if reason.dependency else None,
            }
            for reason in chain_of(plan, ref)
        ],
        "drag": plan.drag(ref),
        "moves": None if then is None else [then.forecasts[item] for item in moved(plan, then)],
    }


def moved(plan: Schedule, then: Schedule) -> list[Ref]:
    """The tasks that stand elsewhere in the other schedule, by ref."""
    was, now = plan.passed, then.passed
    is_moved = (was.first != now.first) | (was.last != now.last)
    return sorted(plan.network.plans.refs[task] for task in is_moved.nonzero()[0].tolist())


def _show(view: View, plan: Schedule, ref: Ref, likely: object, language: Language) -> None:
    say(subject_text(view, ref, language))
    for line in forecast_text(plan.forecasts[ref], language):
        say(f"  {line}")
    say(f"  {slack_text(plan.slack[ref], language)}")
    if likely and plan.tasks[ref].status not in ("done", "cancelled"):
        say(f"  {WORDS['likely'][language].format(text=likely)}")
    if effect := impact_text(view, impact_of(plan, ref), language):
        say(f"  {effect}")
    say(WORDS["why"][language])
    for number, reason in enumerate(chain_of(plan, ref), start=1):
        say(f"  {number}. {reason_text(view, reason, language)}")
    drag = dict(plan.drag(ref))
    if len(drag) > 1:
        say(WORDS["path"][language])
        say(f"  {path_text(view, drag, language)}")


def _show_moves(view: View, plan: Schedule, then: Schedule, ref: Ref, language: Language) -> None:
    others = [item for item in moved(plan, then) if item != ref]
    for line in forecast_text(then.forecasts[ref], language)[1:]:
        say(f"→ {line}")
    if not others:
        say(WORDS["nothing_moved"][language])
        return
    rows = [
        (
            subject_text(view, item, language),
            _span(plan, item, language),
            _span(then, item, language),
            then.forecasts[item].slip_days,
        )
        for item in others[:MOST_SHOWN]
    ]
    title = WORDS["moved"][language] + (f" ({MOST_SHOWN} / {len(others)})" if len(others) > MOST_SHOWN else "")
    say_table(title, ("task", "now", "then", "later than planned"), rows)


def _span(plan: Schedule, ref: Ref, language: Language) -> str:
    forecast = plan.forecasts[ref]
    return f"{day(forecast.start, language)} … {day(forecast.finish, language)}"
