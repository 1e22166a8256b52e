"""What `plan` lists is what `apply` carries out, byte for byte, in random worlds; and a reviewed plan is carried out or left, never bent."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sync.adoption import Adopting
from sync.cli.cycle import outcome_shape, plan_shape
from sync.cli.review import drifted_since, read_review, write_review
from sync.cli.show import json_text
from sync.core.brakes import Accepted, Limits
from sync.core.disclosure import Sayable
from sync.core.errors import ConfigError, UnsafePlan
from sync.core.plan import Change, fingerprint
from tests.adoption.company import Company, changes_of

OPEN = Accepted(is_first_run=True, is_plan=True)
NAMES = ("技术部", "产品部", "财务部")


def change_the_world(company: Company, chance: random.Random, names: list[str]) -> None:
    """A few things that people do in a day."""
    for _ in range(chance.randint(1, 6)):
        what = chance.choice(
            ("new", "new", "due", "due", "done", "title", "restrict", "drop", "edit", "delete comment")
        )
        if what == "new" or not names:
            names.append(str(len(names)))
            before, after = chance.sample(NAMES, 2)
            company.late_pair(names[-1], days=chance.randint(-5, 15), before=before, after=after)
            continue
        name = chance.choice(names)
        if what == "due":
            company.put("a", f"p{name}", due=company.now.date() + timedelta(days=chance.randint(-10, 40)))
        elif what == "title":
            company.put(chance.choice(("a",)), f"p{name}", title=f"改名 {chance.random():.6f}")
        elif what in ("done", "drop"):
            company.put("a", f"p{name}", status={"done": "done", "drop": "dropped"}[what])
        elif what == "restrict":
            company.source["a"].restricted.add(f"p{name}")
            company.put("a", f"p{name}", note=chance.random())
        else:
            touch_a_comment(company, chance, is_gone=what != "edit")


def touch_a_comment(company: Company, chance: random.Random, is_gone: bool) -> None:
    tracker = company.trackers[chance.choice("ab")]
    tasks = [task for task, items in sorted(tracker.comments.items()) if items]
    if not tasks:
        return
    task = chance.choice(tasks)
    if is_gone:
        tracker.comments[task].pop()
    else:
        tracker.comments[task][0].edit()


def as_text(changes: list[dict[str, Any]]) -> str:
    return json_text(changes)


@pytest.mark.parametrize("seed", range(12))
def test_plan_lists_what_apply_carries_out(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    has_baseline = seed % 2 == 0
    company = Company(
        tmp_path, Adopting(has_baseline), language="en" if seed % 3 else "zh-CN", limits=Limits(10_000, 1.0)
    )
    names: list[str] = []
    total = 0
    for _ in range(5):
        change_the_world(company, chance, names)
        company.engine.collect()
        listed = as_text(shape_of(company)["changes"])
        again = as_text(shape_of(company)["changes"])
        assert listed == again
        cycle = company.engine.apply(OPEN)
        written = changes_of(cycle)
        assert as_text(outcome_shape(cycle.run, cycle.outcome, Sayable(company.engine.view()))["written"]) == listed  # type: ignore[arg-type]
        assert company.engine.plan().plan.changes == ()
        total += len(written)
        company.wait(chance.randint(0, 4))
    assert total > 2


def shape_of(company: Company) -> dict[str, Any]:
    planned = company.engine.plan()
    return plan_shape(planned.plan, Sayable(planned.view))


def reviewed(company: Company, file: Path) -> dict[str, dict[str, Any]]:
    write_review(file, "acme", shape_of(company))
    return read_review(file, "acme")


@pytest.fixture
def company(tmp_path: Path) -> Company:
    made = Company(tmp_path, Adopting())
    for name in ("1", "2"):
        made.late_pair(name)
    made.engine.collect()
    return made


def test_a_reviewed_plan_is_carried_out_as_reviewed(company: Company, tmp_path: Path) -> None:
    plan = reviewed(company, tmp_path / "plan.json")
    cycle = company.engine.apply(OPEN, reviewed=plan)
    assert [fingerprint(change) for change in changes_of(cycle)] == list(plan)
    assert drifted_since(plan, cycle.planned.plan.changes) == []  # type: ignore[union-attr]
    assert (tmp_path / "plan.json").stat().st_mode & 0o077 == 0


def test_what_drifted_since_the_review_is_skipped_and_planned_again(company: Company, tmp_path: Path) -> None:
    plan = reviewed(company, tmp_path / "plan.json")
    company.put("a", "p1", due=company.now.date() + timedelta(days=60))  # this pair's comments say something else now
    company.late_pair("3")  # and this one was not reviewed
    company.engine.collect()
    cycle = company.engine.apply(OPEN, reviewed=plan)
    drifted = drifted_since(plan, cycle.planned.plan.changes)  # type: ignore[union-attr]
    assert {(change["kind"], "p1>" in change["key"]) for change in drifted} == {("comment", True)}
    assert len(changes_of(cycle)) == 6  # both links of both pairs, the comments of the second
    assert not [change for change in changes_of(cycle) if "p3>" in change.key]
    later = changes_of(company.run())
    assert sorted(change.kind for change in later) == ["comment"] * 4 + ["link"] * 2
    assert company.comments() == 6


def test_a_target_that_was_edited_since_the_review_is_skipped(company: Company, tmp_path: Path) -> None:
    company.engine.apply(OPEN)
    company.put("a", "p1", due=company.now.date() + timedelta(days=60))
    company.engine.collect()
    plan = reviewed(company, tmp_path / "plan.json")
    assert len(plan) == 2
    [comment] = next(items for task, items in company.trackers["a"].comments.items() if task.endswith(":p1"))
    comment.edit()
    company.put("a", "p1", note="an edit of the comment moves its task")
    company.engine.collect()
    cycle = company.engine.apply(OPEN, reviewed=plan)
    assert [change.target for change in changes_of(cycle)] == ["b:task:s1"]
    assert "手工改写" in str(comment.body)


def test_a_changed_file_can_only_write_less(company: Company, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    reviewed(company, file)
    document = json.loads(file.read_text(encoding="utf-8"))
    document["changes"][0]["text"] = "something else"
    document["changes"][1]["fingerprint"] = "0" * 32
    file.write_text(json.dumps(document), encoding="utf-8")
    plan = read_review(file, "acme")
    cycle = company.engine.apply(OPEN, reviewed=plan)
    assert len(changes_of(cycle)) == len(document["changes"]) - 1
    said = str(company.trackers["a"].comments) + str(company.trackers["b"].comments)
    assert "something else" not in said


def test_the_brakes_hold_a_reviewed_plan_too(company: Company, tmp_path: Path) -> None:
    plan = reviewed(company, tmp_path / "plan.json")
    with pytest.raises(UnsafePlan):
        company.engine.apply(Accepted(), reviewed=plan)
    assert company.writes() == 0


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 2, "changes": []}', '{"version": 1, "changes": [1]}', "[" * 100_000]
)
def test_what_is_no_plan_is_said_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "p").write_text(text)
    with pytest.raises(ConfigError, match="not a plan"):
        read_review(tmp_path / "p", "acme")


def test_a_plan_of_another_installation_is_refused(tmp_path: Path) -> None:
    write_review(tmp_path / "p", "other", {"changes": []})
    with pytest.raises(ConfigError, match="installation"):
        read_review(tmp_path / "p", "acme")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_review(tmp_path / "missing", "acme")


def test_a_fingerprint_covers_every_part_of_a_write(company: Company) -> None:
    from msgspec.structs import replace

    [change, *_] = company.engine.plan().plan.changes
    others: list[Change] = [
        replace(change, reason="x"),
        replace(change, mark="x"),
        replace(change, facts={"x": 1}),
        replace(change, operation="update"),
        replace(change, target=change.target + "9"),
    ]
    assert len({fingerprint(item) for item in (change, *others)}) == 6
