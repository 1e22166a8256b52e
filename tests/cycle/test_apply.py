"""Writes happen once: lost answers, death between intent and write, other people's edits, undo. Real store, in-memory targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sync.apply import Outcome, apply
from sync.core.diff import diff, keys_to_look_at
from sync.core.errors import Refused, Unreachable
from sync.core.plan import CommentContent, Desired, LinkContent, PageAsContent, Plan
from sync.core.ports import LinkEnd, Page, PageContent, Written
from sync.core.rich_text import Paragraph, Text
from sync.core.values import Ref
from sync.look import look
from sync.retract import undo
from sync.store.store import Store
from sync.writing import write
from tests.fake_chat import FakeMessenger
from tests.fake_sink import FakeMetricSink
from tests.fakes import FakeKnowledgeBase, FakeTracker

TASK, OTHER, SPACE = Ref("a:task:1"), Ref("b:task:2"), Ref("kb:space:TEAM")
FRESH = ("a", "b", "kb")


@dataclass
class Targets:
    trackers: dict[str, FakeTracker] = field(default_factory=lambda: {"a": FakeTracker(), "b": FakeTracker()})
    base: FakeKnowledgeBase = field(default_factory=FakeKnowledgeBase)
    chat: FakeMessenger = field(default_factory=FakeMessenger)
    sink: FakeMetricSink = field(default_factory=FakeMetricSink)

    def tracker(self, connection: str) -> FakeTracker:
        return self.trackers[connection]

    def knowledge_base(self, connection: str) -> FakeKnowledgeBase:
        return self.base

    def messenger(self, connection: str) -> FakeMessenger:
        return self.chat

    def metric_sink(self, connection: str) -> FakeMetricSink:
        return self.sink

    def writes(self) -> int:
        return (
            sum(tracker.writes for tracker in self.trackers.values())
            + self.base.writes
            + self.chat.writes
            + self.sink.writes
        )


def comment(days: int = 3, key: str = "c") -> Desired:
    body = CommentContent((Paragraph((Text(f"晚 {days} 天"),)),))
    return Desired(f"delays:{key}", "delays", TASK, "delay", {"days": days}, body, "why", ("a",))


def link(key: str = "l") -> Desired:
    content = LinkContent(LinkEnd(OTHER, "", "支付流程测试", "https://b.example/2"), "blocks")
    return Desired(f"delays:{key}", "delays", TASK, "link", {}, content, "why", ("a", "b"))


def page(
    text: str = "v1", key: str = "p", parent_key: str = "", title: str = "", labels: tuple[str, ...] = ()
) -> Desired:
    body = (Paragraph((Text(text),)),)
    content = PageAsContent(PageContent("TEAM", title or f"页面 {key}", body, parent_key=parent_key, labels=labels))
    return Desired(f"sops:{key}", "sops", SPACE, "sop", {"text": text, "labels": list(labels)}, content, "why")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/t.sqlite") as store:
        store.migrate()
        yield store


def planned(store: Store, targets: Targets, desired: list[Desired]) -> Plan:
    published = store.published()
    open_keys = {intent.change.key for intent in store.pending_intents()}
    existing, blocked = look(targets, store, "acme", keys_to_look_at(desired, published, {}, open_keys))
    return diff("acme", desired, published, existing, FRESH, {key: str(error) for key, error in blocked.items()})


def cycle(store: Store, targets: Targets, desired: list[Desired]) -> tuple[Plan, object]:
    plan = planned(store, targets, desired)
    return plan, apply(plan, targets, store, store.begin_run("apply"))


ALL = [page(), page("child", "q", "sops:p"), link(), comment()]


def test_everything_is_written_once_and_then_nothing(ledger: Store) -> None:
    targets = Targets()
    cycle(ledger, targets, ALL)
    assert targets.writes() == 4
    again, _ = cycle(ledger, targets, ALL)
    assert again.changes == ()
    assert targets.writes() == 4


def test_a_child_page_gets_the_id_of_the_parent_that_was_made_in_the_same_run(ledger: Store) -> None:
    targets = Targets()
    cycle(ledger, targets, ALL)
    parent, child = sorted(targets.base.pages.values(), key=lambda item: item.page.ref.key)
    assert child.page.parent == parent.page.ref


@pytest.mark.parametrize("desired", [comment(), link(), page()], ids=["comment", "link", "page"])
def test_a_lost_answer_is_looked_up_not_sent_again(ledger: Store, desired: Desired) -> None:
    targets = Targets()
    targets.trackers["a"].lose_next = targets.base.lose_next = True
    cycle(ledger, targets, [desired])
    # A page that landed is finished by an update: its body is there, its labels, files and our property may not be.
    assert targets.writes() == (2 if desired.kind == "page" else 1)
    assert len(targets.base.pages) <= 1
    assert ledger.pending_intents() == []
    assert cycle(ledger, targets, [desired])[0].changes == ()


@pytest.mark.parametrize("is_new", [True, False])
def test_a_page_that_was_put_off_half_way_is_finished_by_the_next_run(ledger: Store, is_new: bool) -> None:
    targets = Targets()
    if not is_new:
        cycle(ledger, targets, [page("v1")])
    targets.base.puts_off_labels = True
    _, outcome = cycle(ledger, targets, [page("v2", labels=("sop",))])
    assert isinstance(outcome, Outcome)
    assert len(outcome.deferred) == 1
    cycle(ledger, targets, [page("v2", labels=("sop",))])
    assert [item.page.labels for item in targets.base.pages.values()] == [("sop",)]
    assert ledger.pending_intents() == []
    assert cycle(ledger, targets, [page("v2", labels=("sop",))])[0].changes == ()


@pytest.mark.parametrize("desired", [comment(), link(), page()], ids=["comment", "link", "page"])
def test_death_after_the_write_is_found_by_the_next_run(ledger: Store, desired: Desired) -> None:
    targets = Targets()
    plan = planned(ledger, targets, [desired])
    for change in plan.changes:
        ledger.add_intent(ledger.begin_run("apply"), change)
    apply_without_ledger(plan, targets)
    again, _ = cycle(ledger, targets, [desired])
    # A page is finished (labels, files, our property), which saves nothing that is there already; the others are adopted.
    assert [change.operation for change in again.changes] == (["update"] if desired.kind == "page" else [])
    assert len(again.adoptions) == (0 if desired.kind == "page" else 1)
    assert ledger.published()[desired.key].written.is_ours
    assert ledger.pending_intents() == []
    assert cycle(ledger, targets, [desired])[0] == Plan()


def test_a_write_that_outlived_its_run_is_explained_and_undone_as_that_runs_own(ledger: Store) -> None:
    targets = Targets()
    plan, run = planned(ledger, targets, [comment()]), ledger.begin_run("apply")
    for change in plan.changes:
        ledger.add_intent(run, change)
    apply_without_ledger(plan, targets)
    cycle(ledger, targets, [comment()])
    entries = ledger.changes_of_run(run)
    assert [entry.change.key for entry in entries] == ["delays:c"]
    undo([(entry.change, entry.before) for entry in entries], targets, ledger, ledger.begin_run("undo"))
    assert targets.trackers["a"].comments[TASK] == []


@pytest.mark.parametrize("later", [4, 5])
def test_death_after_an_update_is_not_taken_for_a_human_edit(ledger: Store, later: int) -> None:
    targets = Targets()
    cycle(ledger, targets, [comment(), page()])
    plan = planned(ledger, targets, [comment(4), page("v2")])
    run = ledger.begin_run("apply")
    for change in plan.changes:
        ledger.add_intent(run, change)
    apply_without_ledger(plan, targets)
    wanted = [comment(later), page("v2" if later == 4 else "v3")]
    again, _ = cycle(ledger, targets, wanted)
    assert again.skips == ()
    assert (len(again.adoptions), len(again.changes)) == ((1, 1) if later == 4 else (0, 2))
    assert ledger.pending_intents() == []
    assert cycle(ledger, targets, wanted)[0] == Plan()


def test_an_intent_whose_write_never_happened_does_not_hide_a_human_edit_for_ever(ledger: Store) -> None:
    targets = Targets()
    cycle(ledger, targets, [comment()])
    for change in planned(ledger, targets, [comment(4)]).changes:
        ledger.add_intent(ledger.begin_run("apply"), change)
    again, _ = cycle(ledger, targets, [comment(4)])
    assert [change.operation for change in again.changes] == ["update"]
    targets.trackers["a"].comments[TASK][0].edit()
    assert [skip.reason for skip in cycle(ledger, targets, [comment(5)])[0].skips] == ["edited"]


def test_a_lost_answer_and_a_failing_look_stay_unsure(ledger: Store) -> None:
    class Gone(FakeTracker):
        def find_comment(self, task: Ref, mark: str) -> Written | None:
            if self.writes:
                raise Unreachable
            return super().find_comment(task, mark)

    targets = Targets(trackers={"a": Gone(), "b": FakeTracker()})
    targets.trackers["a"].lose_next = True
    plan = planned(ledger, targets, [comment()])
    outcome = apply(plan, targets, ledger, ledger.begin_run("apply"))
    assert [change.key for change, _ in outcome.unsure] == ["delays:c"]
    assert [intent.state for intent in ledger.pending_intents()] == ["unsure"]
    healed = FakeTracker(comments=targets.trackers["a"].comments)
    targets.trackers["a"] = healed
    again, _ = cycle(ledger, targets, [comment()])
    assert len(again.adoptions) == 1
    assert len(healed.comments[TASK]) == 1
    assert ledger.pending_intents() == []


def test_a_child_waits_for_its_parent(ledger: Store) -> None:
    class NoParents(FakeKnowledgeBase):
        def create_page(self, mark: str, content: PageContent) -> Page:
            if not content.parent_key:
                raise Refused("no parents today")
            return super().create_page(mark, content)

    targets = Targets(base=NoParents())
    desired = [page(), page("child", "q", "sops:p")]
    outcome = apply(planned(ledger, targets, desired), targets, ledger, ledger.begin_run("apply"))
    assert len(outcome.failed) == 1
    assert len(outcome.deferred) == 1
    targets.base = FakeKnowledgeBase()
    cycle(ledger, targets, desired)
    child = next(item.page for item in targets.base.pages.values() if item.page.parent)
    assert child.parent in {item.page.ref for item in targets.base.pages.values()}


def apply_without_ledger(plan: Plan, targets: Targets) -> None:
    for change in plan.changes:
        write(targets, change)


def test_an_edited_comment_is_left_alone(ledger: Store) -> None:
    targets = Targets()
    cycle(ledger, targets, [comment()])
    targets.trackers["a"].comments[TASK][0].edit()
    plan, _ = cycle(ledger, targets, [comment(4)])
    assert [skip.reason for skip in plan.skips] == ["edited"]
    assert targets.writes() == 1


def test_what_drifts_between_plan_and_apply_is_skipped_and_planned_again(ledger: Store) -> None:
    targets = Targets()
    cycle(ledger, targets, [comment(), page()])
    plan = planned(ledger, targets, [comment(4), page("v2")])
    targets.trackers["a"].comments[TASK][0].edit()
    stored = next(iter(targets.base.pages.values()))
    stored.page = type(stored.page)(
        **{**{n: getattr(stored.page, n) for n in stored.page.__struct_fields__}, "version": "9"}
    )
    outcome = apply(plan, targets, ledger, ledger.begin_run("apply"))
    assert len(outcome.drifted) == 2
    assert outcome.written == []


def test_a_page_of_that_title_is_never_taken_over(ledger: Store) -> None:
    targets = Targets()
    targets.base.create_page("somebody else", PageContent("TEAM", "页面 p", ()))
    plan, _ = cycle(ledger, targets, [page()])
    assert [skip.reason for skip in plan.skips] == ["not_ours"]
    assert len(targets.base.pages) == 1


def test_undo_removes_what_was_made_and_restores_what_was_replaced(ledger: Store) -> None:
    targets = Targets()
    cycle(ledger, targets, [comment(), page()])
    run = ledger.begin_run("apply")
    apply(planned(ledger, targets, [comment(4), page(), link()]), targets, ledger, run)
    entries = [(entry.change, entry.before) for entry in ledger.changes_of_run(run)]
    undo(entries, targets, ledger, ledger.begin_run("undo"))
    assert targets.trackers["a"].comments[TASK][0].body == (Paragraph((Text("晚 3 天"),)),)
    assert targets.trackers["a"].links[TASK] == {}
    assert len(targets.base.pages) == 1
    plan, _ = cycle(ledger, targets, [comment(4), page(), link()])
    assert plan.changes == ()
    assert {skip.reason for skip in plan.skips} == {"undone"}
    assert [
        change.operation for change in planned(ledger, targets, [comment(5)]).changes if change.kind == "comment"
    ] == ["update"]


def test_runs_undone_one_after_the_other_leave_nothing_and_nothing_comes_back(ledger: Store) -> None:
    targets, runs = Targets(), []
    for days in (3, 4):
        runs.append(ledger.begin_run("apply"))
        apply(planned(ledger, targets, [comment(days)]), targets, ledger, runs[-1])
    for run in reversed(runs):
        entries = [(entry.change, entry.before) for entry in ledger.changes_of_run(run)]
        _, kept = undo(entries, targets, ledger, ledger.begin_run("undo"))
        assert kept == ()
    assert targets.trackers["a"].comments[TASK] == []
    assert cycle(ledger, targets, [comment(4)])[0].changes == ()


def test_undo_leaves_alone_what_people_edited(ledger: Store) -> None:
    targets = Targets()
    run = ledger.begin_run("apply")
    apply(planned(ledger, targets, [comment()]), targets, ledger, run)
    targets.trackers["a"].comments[TASK][0].edit()
    entries = [(entry.change, entry.before) for entry in ledger.changes_of_run(run)]
    outcome, kept = undo(entries, targets, ledger, ledger.begin_run("undo"))
    assert [item.reason for item in kept] == ["edited"]
    assert outcome.written == []
    assert len(targets.trackers["a"].comments[TASK]) == 1


class WritesOnce(RuleBasedStateMachine):
    """Any mix of changed facts, lost answers, human edits and deletions: never two of ours under one mark, never an edit lost."""

    @initialize()
    def start(self) -> None:
        self.folder = TemporaryDirectory()
        self.store = Store.open(f"sqlite:///{self.folder.name}/t.sqlite")
        self.store.migrate()
        self.targets = Targets()
        self.days = {"x": 1, "y": 1}
        self.human: dict[str, int] = {}

    @rule(key=st.sampled_from("xy"), days=st.integers(1, 3), lose=st.booleans())
    def run(self, key: str, days: int, lose: bool) -> None:
        self.days[key] = days
        self.targets.trackers["a"].lose_next = lose
        cycle(self.store, self.targets, [comment(number, name) for name, number in self.days.items()])
        self.targets.trackers["a"].lose_next = False

    @rule(key=st.sampled_from([0, 1]))
    def human_edits(self, key: int) -> None:
        comments = self.targets.trackers["a"].comments.get(TASK, [])
        if key < len(comments):
            comments[key].edit()
            self.human[comments[key].id] = comments[key].version

    @rule()
    def unchanged_world_writes_nothing(self) -> None:
        desired = [comment(number, name) for name, number in self.days.items()]
        cycle(self.store, self.targets, desired)
        before = self.targets.writes()
        assert cycle(self.store, self.targets, desired)[0].changes == ()
        assert self.targets.writes() == before

    @invariant()
    def one_comment_per_mark(self) -> None:
        if hasattr(self, "targets"):
            marks = [item.mark for item in self.targets.trackers["a"].comments.get(TASK, [])]
            assert len(marks) == len(set(marks))

    @invariant()
    def no_human_edit_is_lost(self) -> None:
        if hasattr(self, "targets"):
            for item in self.targets.trackers["a"].comments.get(TASK, []):
                if item.id in self.human:
                    assert item.version == self.human[item.id]

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()


TestWritesOnce = WritesOnce.TestCase
TestWritesOnce.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)
