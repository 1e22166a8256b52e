"""Retract removes all of ours and nothing of anybody else; undo says of each write why it cannot be taken back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from sync.adoption import Adopting, Pilot
from sync.core.errors import AccessDenied
from sync.core.ports import Written
from sync.core.rich_text import Paragraph, Text
from sync.core.values import Ref
from sync.engine import Cycle
from tests.adoption.company import Company, changes_of
from tests.fakes import Comment, FakeTracker

TECH, PRODUCT = Ref("tieline:department:技术部"), Ref("tieline:department:产品部")


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    """Two late pairs, spoken of; and the page of a first day that a third was late on."""
    made = Company(tmp_path)
    made.late_pair("0")
    made.run()
    made.late_pair("1")
    made.late_pair("2")
    made.run()
    assert (made.comments(), made.links(), len(made.base.pages)) == (4, 4, 1)
    yield made
    made.store.close()


def comment_on(company: Company, task: str) -> Comment:
    [comment] = company.trackers[task.split(":", maxsplit=1)[0]].comments[Ref(task)]
    return comment


def kept(cycle: Cycle) -> list[tuple[str, str]]:
    return [(item.change.target, item.reason) for item in cycle.kept]


def current_pages(company: Company) -> int:
    return sum(1 for stored in company.base.pages.values() if stored.page.status == "current")


def open_kinds(company: Company) -> set[str]:
    return {item.finding.kind for item in company.store.findings("open")}


# -- retract


def test_retract_removes_everything_and_nothing_comes_back(company: Company) -> None:
    cycle = company.engine.retract()
    assert len(changes_of(cycle)) == 9
    assert cycle.kept == ()
    assert (company.comments(), company.links(), current_pages(company)) == (0, 0, 0)
    assert company.store.published() == {}
    before = company.writes()
    company.late_pair("3")
    company.wait()
    assert company.written() == []
    assert company.writes() == before
    assert "retracted" in open_kinds(company)
    assert "retract" in {run.kind for run in company.store.runs()}


def test_after_resume_the_next_day_is_a_first_day(company: Company) -> None:
    company.engine.retract()
    company.late_pair("3")
    assert company.engine.resume() == 1
    assert company.written() == ["create page"]
    company.late_pair("4")
    assert company.written() == ["create link"] * 2 + ["create comment"] * 2


def test_after_resume_what_stayed_is_a_persons_and_floods_nothing(company: Company) -> None:
    comment_on(company, "a:task:p1").edit()
    company.engine.retract()
    assert sorted(kept(company.engine.retract())) == [("a:task:p1", "edited")]  # told as often as it is asked
    company.engine.resume()
    assert company.written() == ["create page"]
    company.put("a", "p1", due=company.now.date() + timedelta(days=60))
    assert [change.target for change in changes_of(company.run()) if change.kind == "comment"] == ["b:task:s1"]
    assert "手工改写" in str(comment_on(company, "a:task:p1").body)
    assert "edited" in open_kinds(company)


def test_listing_what_retract_would_do_writes_nothing(company: Company) -> None:
    before = (company.writes(), company.store.published(), company.store.runs())
    steps = company.engine.retraction()
    assert len(steps.changes) == 9
    assert (company.writes(), company.store.published(), company.store.runs()) == before


def test_what_people_edited_stays_and_is_told(company: Company) -> None:
    comment_on(company, "a:task:p1").edit()
    [stored] = company.base.pages.values()
    stored.outside = "讨论：下周一过一遍"
    stored.edit()
    cycle = company.engine.retract()
    assert sorted(kept(cycle)) == [("a:task:p1", "edited"), ("kb:space:TEAM", "edited")]
    assert "手工改写" in str(comment_on(company, "a:task:p1").body)
    assert (company.comments(), company.links(), current_pages(company)) == (1, 0, 1)
    assert company.written() == []


def test_what_an_undo_wrote_back_is_retracted_too(company: Company) -> None:
    company.put("a", "p1", due=company.now.date() + timedelta(days=60))
    company.engine.undo(company.run().run)
    company.engine.retract()
    assert company.comments() == 0
    assert company.store.published() == {}


def test_what_people_wrote_beside_ours_is_not_touched(company: Company) -> None:
    theirs = Comment("99", "", (Paragraph((Text("收到"),)),))
    company.trackers["a"].comments[Ref("a:task:p1")].append(theirs)
    company.trackers["a"].links[Ref("a:task:p1")]["77"] = (Ref("b:task:s2"), "blocks")
    company.engine.retract()
    assert company.trackers["a"].comments[Ref("a:task:p1")] == [theirs]
    assert list(company.trackers["a"].links[Ref("a:task:p1")]) == ["77"]


def test_a_link_that_a_person_made_first_is_not_removed(tmp_path: Path) -> None:
    company = Company(tmp_path, Adopting())
    company.late_pair("1")
    company.trackers["a"].links[Ref("a:task:p1")] = {"7": (Ref("b:task:s1"), "blocks")}
    company.run(is_first_run=True)
    company.engine.retract()
    assert list(company.trackers["a"].links[Ref("a:task:p1")]) == ["7"]
    assert company.store.published() == {}


def test_one_connection_or_one_job_alone(company: Company) -> None:
    company.engine.retract(connections=["b"])
    assert company.trackers["b"].comments == {Ref("b:task:s1"): [], Ref("b:task:s2"): []}
    assert len(company.trackers["a"].comments) == 2
    company.put("a", "p1", due=company.now.date() + timedelta(days=90))
    assert company.written() == ["update comment"]  # at a; b was retracted
    company.engine.retract(jobs=["baseline"])
    assert current_pages(company) == 0
    assert len(company.store.stops()) == 2
    assert company.store.baseline()[0] is not None  # the pairs of the first day stay silent
    assert company.written() == []


def test_what_is_gone_already_is_forgotten(company: Company) -> None:
    company.trackers["a"].delete(Ref("a:task:p1"))
    cycle = company.engine.retract()
    assert cycle.kept == ()
    assert company.store.published() == {}


def test_a_place_that_cannot_be_read_is_told_and_retracted_later(company: Company) -> None:
    locked = Locked(**vars(company.trackers["a"]))
    company.trackers["a"] = locked
    cycle = company.engine.retract()
    assert {reason for _, reason in kept(cycle)} == {"unreadable"}
    assert current_pages(company) == 0
    locked.is_locked = False
    assert company.engine.retract().kept == ()
    assert (company.comments(), company.links()) == (0, 0)


class Locked(FakeTracker):
    is_locked = True

    def find_comment(self, task: Ref, mark: str) -> Written | None:
        if self.is_locked:
            raise AccessDenied("no permission to read comments")
        return super().find_comment(task, mark)


def test_a_write_that_was_never_confirmed_is_retracted_too(company: Company) -> None:
    """Killed between the vendor's commit and our answer: the ledger does not know it, the intent does."""
    entry = next(
        item for item in company.store.published().values() if item.target == "a:task:p1" and item.kind == "comment"
    )
    [audit] = company.store.changes_of_key(entry.key)
    company.store.remove_published(entry.key)
    company.store.add_intent(audit.run, audit.change)
    company.engine.retract()
    assert (company.comments(), company.store.pending_intents()) == (0, [])


def test_a_ledger_from_a_backup_finds_what_it_does_not_know(company: Company) -> None:
    for key in company.store.published():
        company.store.remove_published(key)
    company.store.forget_baseline()
    company.adopting = Adopting()
    company.restarted()
    company.engine.retract()
    assert company.comments() == 0


def test_retract_that_died_goes_on_and_no_run_writes_in_between(company: Company) -> None:
    tracker = company.trackers["a"]
    tracker.on_write = lambda: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        company.engine.retract()
    tracker.on_write = lambda: None
    left = company.comments()
    assert company.written() == []
    assert company.comments() == left
    company.engine.retract()
    assert (company.comments(), company.links(), current_pages(company)) == (0, 0, 0)
    assert company.store.pending_intents() == []


def test_the_brakes_do_not_hold_retract(company: Company) -> None:
    company.limits = replace(company.limits, max_changes=0, max_share=0.0, share_from=1)
    company.restarted()
    company.engine.retract()
    assert company.comments() == 0


# -- undo


def last_run(company: Company) -> str:
    return next(run.id for run in company.store.runs() if run.kind == "run" and run.counts["written"])


def test_undo_says_per_write_why_not(company: Company) -> None:
    run = last_run(company)
    comment_on(company, "a:task:p1").edit()
    company.trackers["b"].comments[Ref("b:task:s1")].clear()
    cycle = company.engine.undo(run)
    assert sorted(kept(cycle)) == [("a:task:p1", "edited"), ("b:task:s1", "gone")]
    assert len(changes_of(cycle)) == 6
    assert company.comments() == 1


def test_undo_of_an_update_that_a_later_run_wrote_over(company: Company) -> None:
    company.put("a", "p1", due=company.now.date() + timedelta(days=60))
    run = company.run().run
    company.put("a", "p1", due=company.now.date() + timedelta(days=90))
    later = company.run().run
    said = comment_on(company, "a:task:p1").body
    assert {reason for _, reason in kept(company.engine.undo(run))} == {"later"}
    assert comment_on(company, "a:task:p1").body == said
    assert kept(company.engine.undo(later)) == []
    assert comment_on(company, "a:task:p1").body != said


def test_undo_that_died_goes_on(company: Company) -> None:
    run, tracker = last_run(company), company.trackers["a"]
    tracker.on_write = lambda: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        company.engine.undo(run)
    tracker.on_write = lambda: None
    assert company.engine.undo(run).kept == ()
    assert (company.comments(), company.links()) == (0, 0)
    assert company.written() == []


# -- pilots


@pytest.mark.parametrize(
    ("pilot", "targets"),
    [
        (Pilot(frozenset({TECH})), {"a:task:p1"}),
        (Pilot(projects=frozenset({"WEB"})), {"b:task:s1"}),
        (Pilot(frozenset({TECH}), frozenset({"WEB"})), {"a:task:p1", "b:task:s1"}),
        (Pilot(frozenset({Ref("tieline:department:财务部")})), set()),
    ],
)
def test_only_the_pilot_is_written_to(tmp_path: Path, pilot: Pilot, targets: set[str]) -> None:
    company = Company(tmp_path, Adopting(pilot=pilot))
    company.late_pair("1")
    cycle = company.run(is_first_run=True)
    assert {change.target for change in changes_of(cycle)} == targets
    assert "delay" in open_kinds(company)
    withheld = {skip.target for skip in cycle.planned.plan.skips if skip.reason == "pilot"}  # type: ignore[union-attr]
    assert withheld == {"a:task:p1", "b:task:s1"} - targets


def test_what_stands_outside_a_smaller_pilot_is_kept_true_and_ended(tmp_path: Path) -> None:
    company = Company(tmp_path, Adopting())
    company.late_pair("1")
    company.run(is_first_run=True)
    company.adopting = Adopting(pilot=Pilot(frozenset({PRODUCT})))
    company.restarted()
    assert company.written() == []
    company.put("a", "p1", status="done")
    assert company.written() == ["update comment"] * 2
