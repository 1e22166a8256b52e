"""S11 to S20 of docs/scheduling.md by example: undated tasks, milestones, parents and children, slack and drag; and its worked examples."""

from __future__ import annotations

from datetime import date

from msgspec.structs import replace

from sync.core.calendar import Calendar
from tests.unit.planning import B_PLAN, CHINA, A, B, days, planned, ref, task, wait


def test_s11_without_dates_a_task_comes_as_early_as_it_can_and_passes_that_on() -> None:
    undated, later = task("U"), task("C", date(2026, 9, 10), date(2026, 9, 10))
    plan = planned([A, undated, later], [wait("A", "U"), wait("U", "C")])
    assert days(plan, "U") == (date(2026, 9, 14), date(2026, 9, 14))
    assert days(plan, "C")[0] == date(2026, 9, 15)
    forecast = plan.forecasts[ref("U")]
    assert (forecast.planned_start, forecast.slip_days, forecast.confidence) == (None, 0, 0.3)
    assert plan.forecasts[ref("C")].confidence == 0.3  # no surer than what drives it
    large = planned([A, replace(undated, estimate_minutes=3 * 480), later], [wait("A", "U"), wait("U", "C")])
    assert days(large, "U") == (date(2026, 9, 14), date(2026, 9, 16))
    assert not planned([A, undated], [wait("A", "U")], date(2026, 12, 1)).is_overdue(ref("U"))  # nobody said when


def test_s12_not_before() -> None:
    assert days(planned([replace(B, not_before=date(2026, 9, 12))], []), "B") == (date(2026, 9, 14), date(2026, 9, 15))
    begun = replace(B, not_before=date(2026, 9, 12), status="in_progress")
    assert days(planned([begun], []), "B") == B_PLAN


def test_s13_a_milestone_is_reached_with_what_it_waits_for() -> None:
    launch = replace(task("M", due=date(2026, 9, 9)), kind="milestone")
    plan = planned([A, launch, task("C", B.start, B.due)], [wait("A", "M"), wait("M", "C")])
    assert days(plan, "M") == (A.due, A.due)
    assert plan.forecasts[launch.ref].slip_days == 2
    assert days(plan, "C")[0] == date(2026, 9, 14)


def test_s15_a_parent_ends_with_its_children() -> None:
    epic = task("E")
    children = [replace(A, parent=epic.ref), replace(task("C", date(2026, 9, 1), date(2026, 9, 16)), parent=epic.ref)]
    plan = planned([epic, *children, B], [wait("E", "B")])
    assert days(plan, "E") == (date(2026, 9, 1), date(2026, 9, 16))
    assert plan.forecasts[epic.ref].driver == ref("C")
    assert days(plan, "B")[0] == date(2026, 9, 17)
    dated = planned([task("E", A.start, date(2026, 9, 10)), *children], [])
    assert dated.forecasts[epic.ref].slip_days == 4


def test_s16_what_pushes_a_parent_pushes_what_is_below_it() -> None:
    epic = task("E", date(2026, 9, 7), date(2026, 9, 18))
    child = replace(task("C", date(2026, 9, 8), date(2026, 9, 8)), parent=epic.ref)
    deep = replace(task("D", date(2026, 9, 9), date(2026, 9, 9)), parent=child.ref)
    plan = planned([A, epic, child, deep], [wait("A", "E")])
    assert days(plan, "D") == (date(2026, 9, 14), date(2026, 9, 14))
    assert days(plan, "E") == (
        date(2026, 9, 14),
        date(2026, 9, 18),
    )  # its work is its children's: it still ends as planned


def test_s17_a_child_that_blocks_its_parent_is_no_circle() -> None:
    epic = task("E", A.start, date(2026, 9, 10))
    child = replace(A, parent=epic.ref)
    plan = planned([epic, child], [wait("A", "E"), wait("E", "A")])
    assert (plan.cycles, days(plan, "E")) == ((), (A.start, A.due))
    looped = planned([replace(A, parent=ref("B")), replace(B, parent=ref("A"))], [wait("A", "B")])
    assert days(looped, "B")[0] == date(2026, 9, 14)


def test_s18_slack_critical_path_and_drag() -> None:
    c = task("C", date(2026, 9, 14), date(2026, 9, 16))
    side = task("S", date(2026, 9, 7), date(2026, 9, 8))
    plan = planned([A, c, side], [wait("A", "C"), wait("S", "C")])
    slack = {name: plan.slack[ref(name)] for name in "ACS"}
    assert {name: item and item.days for name, item in slack.items()} == {"A": 0, "C": 0, "S": 3}
    assert slack["S"]
    assert slack["S"].late_finish == date(2026, 9, 13)  # the Sunday before C must start
    late = planned([replace(A, due=date(2026, 9, 15)), c, side], [wait("A", "C"), wait("S", "C")])
    assert late.forecasts[c.ref].slip_days == 2
    assert (found := late.slack[A.ref])
    assert (found.days, found.is_critical) == (-2, True)
    assert late.critical_path(c.ref) == (A.ref, c.ref)
    assert late.drag(c.ref) == {A.ref: 2, c.ref: 3}  # C alone would start as planned


# -- the worked examples


def test_the_worked_example_of_guoqing() -> None:
    api = task("支付接口开发", date(2026, 9, 21), date(2026, 10, 10), "in_progress")
    flow = task("支付流程测试", date(2026, 10, 8), date(2026, 10, 10))
    plan = planned([api, flow], [wait("支付接口开发", "支付流程测试")])
    forecast = plan.forecasts[flow.ref]
    assert (forecast.start, forecast.finish) == (date(2026, 10, 12), date(2026, 10, 14))
    assert forecast.slip_days == 3
    assert forecast.driver == api.ref
    assert CHINA.workdays_between(date(2026, 9, 30), date(2026, 10, 10)) == 3  # step 1: the predecessor's own slip
    assert CHINA.workdays_between(date(2026, 10, 8), date(2026, 10, 12)) == 3  # step 2: the start


def test_the_worked_example_of_half_a_day() -> None:
    office = Calendar("DE", days_off=frozenset({date(2026, 12, 25)}), half_days=frozenset({date(2026, 12, 24)}))
    joint = task("联调", date(2026, 12, 21), date(2026, 12, 24))
    check = task("验收", date(2026, 12, 24), date(2026, 12, 24))
    plan = planned(
        [joint, replace(check, due=None, start=None)], [wait("联调", "验收", lag_minutes=240)], calendar=office
    )
    assert days(plan, "验收") == (date(2026, 12, 28), date(2026, 12, 29))
