"""The engine over fakes: a broken job, a target that cannot be read, and what a look may and may not change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from sync.cli.cycle import code_of_writing
from sync.core.answering import Speaker
from sync.core.brakes import Accepted, Limits
from sync.core.errors import AccessDenied, ConfigError
from sync.core.messages import Message
from sync.core.plan import CommentContent, Desired, Judgement, MessageContent, Published
from sync.core.ports import Job, Written
from sync.core.rich_text import Paragraph, Text
from sync.core.values import Finding, Ref, Task
from sync.core.view import ConnectionFacts, View
from sync.derive import Deriver
from sync.engine import Engine, Parts, PlannedJob
from sync.incidents import incident_key, open_incident, solve_incident
from sync.mapping.rules import Directory, Mappings
from sync.store.entries import FindingEvent
from sync.store.store import Store
from tests.cycle.test_apply import TASK, Targets
from tests.fake_chat import FakeMessenger
from tests.fakes import FakeTracker

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


class Settings(Struct, frozen=True):
    pass


class Wish:
    """A job that desires one comment saying ``text``, and breaks on order."""

    def __init__(self, name: str) -> None:
        self.name, self.text, self.is_broken = name, "one", False

    def judge(self, view: View, settings: Any, published: Mapping[str, Published]) -> Judgement:
        if self.is_broken:
            raise KeyError("no such thing")
        body = CommentContent((Paragraph((Text(self.text),)),))
        finding = Finding(f"{self.name}:f", "delay", "warning", (TASK,), "delay")
        return Judgement((finding,), (Desired(f"{self.name}:c", self.name, TASK, "m", {"t": self.text}, body, "why"),))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/t.sqlite") as store:
        store.migrate()
        yield store


def engine(store: Store, targets: Targets, *wishes: Wish) -> Engine:
    mappings = Mappings({}, Directory(), {})
    jobs = tuple(PlannedJob(Job(wish.name, Settings, wish.judge), Settings(), lambda: ()) for wish in wishes)
    facts = {"a": ConnectionFacts("a", "jira", ports=("tracker",))}
    deriver = Deriver(store, mappings, {}, {})
    parts = Parts("acme", "Asia/Shanghai", store, deriver, {}, targets, jobs, facts, {}, Limits(), lambda: NOW)
    return Engine(parts)


def accepted() -> Accepted:
    return Accepted(is_first_run=True)


def open_kinds(store: Store) -> set[str]:
    return {item.finding.kind for item in store.findings("open")}


def test_a_broken_job_stops_only_itself_and_withdraws_nothing(ledger: Store) -> None:
    targets, good, bad = Targets(), Wish("good"), Wish("bad")
    both = engine(ledger, targets, good, bad)
    both.apply(accepted())
    bad.is_broken, good.text = True, "two"
    cycle = both.apply()
    assert [change.key for change in cycle.outcome.written] == ["good:c"]  # type: ignore[union-attr]
    assert "broken_job" in open_kinds(ledger)
    assert code_of_writing(cycle) == 5
    assert len(targets.trackers["a"].comments[TASK]) == 2
    bad.is_broken = False
    both.apply()
    assert "broken_job" not in open_kinds(ledger)


class Locked(FakeTracker):
    is_locked = False

    def find_comment(self, task: Ref, mark: str) -> Written | None:
        if self.is_locked:
            raise AccessDenied("no permission to read comments")
        return super().find_comment(task, mark)


def test_a_target_that_cannot_be_read_is_told_and_nothing_about_it_is_decided(ledger: Store) -> None:
    locked = Locked()
    targets, wish = Targets(trackers={"a": locked, "b": FakeTracker()}), Wish("job")
    only = engine(ledger, targets, wish)
    only.apply(accepted())
    locked.comments[TASK][0].edit()
    wish.text = "two"
    only.apply()
    assert "edited" in open_kinds(ledger)
    locked.is_locked = True
    cycle = only.apply()
    assert {"edited", "blocked"} <= open_kinds(ledger)
    assert code_of_writing(cycle) == AccessDenied.exit_code
    locked.is_locked = False
    only.apply()
    assert "edited" in open_kinds(ledger)
    assert "blocked" not in open_kinds(ledger)


def test_planning_changes_nothing_in_the_ledger(ledger: Store) -> None:
    targets, wish = Targets(), Wish("job")
    only = engine(ledger, targets, wish)
    only.apply(accepted())
    before = (ledger.published(), ledger.findings(), ledger.runs())
    wish.text = "two"
    assert len(only.plan().plan.changes) == 1
    assert (ledger.published(), ledger.findings(), ledger.runs()) == before


def test_undoing_a_run_that_wrote_nothing_says_so(ledger: Store) -> None:
    with pytest.raises(ConfigError, match="no such run"):
        engine(ledger, Targets(), Wish("job")).undo("20260101T000000-nothing")


def test_jobs_that_read_findings_see_all_that_happened_to_what_stands(ledger: Store) -> None:
    """What was found just now opened just now; incidents stand too, though no job finds them, and after a restart."""
    seen: list[View] = []

    def judge(view: View, settings: Any, published: Mapping[str, Published]) -> Judgement:
        seen.append(view)
        return Judgement()

    wish = Wish("job")

    def run() -> View:
        watched = engine(ledger, Targets(), wish)
        reader = PlannedJob(Job("reader", Settings, judge, reads_findings=True), Settings(), lambda: ())
        Engine(replace(watched._parts, jobs=(*watched._parts.jobs, reader))).apply(accepted())
        return seen[-1]

    task = Task(TASK, "PAY-1", "支付接口开发", "todo", "", "https://jira.test/1", NOW)
    assert [event.kind for event in run().events["job:f"]] == ["opened"]
    assert open_incident(ledger, task, "超时", Speaker(None, "张伟"), NOW, "1")
    ledger.take_answer(FindingEvent("job:f", "stated", NOW, "2", reason="goal"))
    ledger.take_answer(FindingEvent("job:f", "talk_set", NOW, "2", day=NOW.date()))
    view = run()
    assert [item.finding.kind for item in view.standing] == ["delay", "incident"]
    assert {key: [event.kind for event in events] for key, events in view.events.items()} == {
        "job:f": ["opened"],
        incident_key(TASK): ["opened"],
    }
    assert [item.reason for item in view.reasons["job:f"]] == ["goal"]
    assert [item.day for item in view.talks["job:f"]] == [NOW.date()]
    assert solve_incident(ledger, TASK, "", Speaker(None, "张伟"), NOW, "3")
    assert [item.finding.kind for item in run().standing] == ["delay"]
    assert [event.kind for event in seen[-1].events[incident_key(TASK)]] == ["opened", "solved"]
    wish.is_broken = True
    assert [item.finding.kind for item in run().standing] == [
        "delay"
    ]  # a job that broke says nothing about what it found before
    assert [item.finding.kind for item in seen[-1].ended] == ["incident"]  # the solved one, lately


@pytest.mark.parametrize("is_broken", [False, True])
def test_jobs_hear_whom_another_asks_wherever_it_stands_in_the_list(ledger: Store, is_broken: bool) -> None:
    seen: dict[str, View] = {}
    asked = {(Ref("tieline:person:zhang-wei"), "job:f"): NOW}

    def asks(view: View, settings: Any, published: Mapping[str, Published]) -> Judgement:
        seen["asker"] = view
        if is_broken:
            raise ValueError("a mistake")
        return Judgement(asked=asked)

    def reads(view: View, settings: Any, published: Mapping[str, Published]) -> Judgement:
        seen["reader"] = view
        return Judgement()

    plain = engine(ledger, Targets(), Wish("job"))
    reader = PlannedJob(Job("reader", Settings, reads, reads_findings=True), Settings(), lambda: ())
    asker = PlannedJob(Job("asker", Settings, asks, reads_findings=True, asks=True), Settings(), lambda: ())
    Engine(replace(plain._parts, jobs=(reader, *plain._parts.jobs, asker))).apply(accepted())
    assert (seen["asker"].asked, seen["reader"].asked) == ({}, {} if is_broken else asked)


class Chatter(Wish):
    """A job that says a message, and once it was said does not ask for it any more."""

    def judge(self, view: View, settings: Any, published: Mapping[str, Published]) -> Judgement:
        said = MessageContent(Message((Paragraph((Text("好了"),)),)))
        item = Desired("chat:1", self.name, Ref("a:person:ou_1"), "m", {}, said, "why")
        return Judgement(forgotten=("chat:1", "job:c")) if published else Judgement((), (item,))


def test_a_message_that_its_job_forgets_leaves_the_ledger_but_not_the_audit_and_nothing_else_does(
    ledger: Store,
) -> None:
    targets = Targets(chat=FakeMessenger())
    both = engine(ledger, targets, Wish("job"), Chatter("chat"))
    both.apply(accepted())
    assert set(ledger.published()) == {"chat:1", "job:c"}
    cycle = both.apply()
    assert cycle.outcome
    assert cycle.outcome.written == []
    assert set(ledger.published()) == {"job:c"}
    assert len(ledger.changes_of_key("chat:1")) == 1
