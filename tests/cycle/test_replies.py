"""What people write in comments: a few words, each once, by people only, about one thing only; nothing is kept of other talk."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from sync.core.answering import Speaker
from sync.core.errors import TryLater, Unreachable
from sync.core.ports import Written
from sync.core.rich_text import Paragraph, Text
from sync.core.values import Account, Finding, Ref
from sync.incidents import open_incident
from sync.judging import answered_of
from sync.replies import CommentEar
from sync.store import Store
from sync.store.derived import Derived
from sync.store.entries import FindingEvent
from tests.fakes import Comment, FakeTracker
from tests.store.samples import a_change, a_dependency, a_record, a_task, published_from

ZHANG = Ref.of("tieline", "person", "zhang-wei")
HERE = Ref("jira-main:task:1")
WORDS = {"2": "支付流程测试", "3": "支付"}


@dataclass
class Desk:
    """PAY-1, for which two others wait (or with "<" for which it waits); on it stands a living comment about each that was told."""

    store: Store
    tool: FakeTracker = field(default_factory=FakeTracker)
    runs: int = 0

    def __post_init__(self) -> None:
        tasks = [a_task("1"), *(a_task(key, title) for key, title in WORDS.items())]
        self.store.replace_derived([task.ref for task in tasks], Derived(tasks, (), (), {}, {}, ()))
        self.store.save_raw([a_record("1")])
        self.now = self.tool.now

    def tell(self, *others: str) -> None:
        keys = [f"delays:delay:{self.dependency(key)}" for key in others]
        findings = [Finding(key, "delay", "warning", (HERE,), "delay") for key in keys]
        self.store.sync_findings({"delays": findings}, self.tool.now, {"delays"})
        for key in others:
            mark = f"tieline:demo:{key}"
            made = self.tool.find_comment(HERE, mark) or self.tool.add_comment(
                HERE, mark, (Paragraph((Text("晚了"),)),)
            )
            entry = published_from(a_change(f"delays:comment:{self.dependency(key)}@{HERE}"))
            self.store.put_published(replace(entry, written=Written(made.id, "1")))

    def dependency(self, other: str) -> str:
        return (a_dependency(other[1:], "1") if other.startswith("<") else a_dependency("1", other)).key

    def say(self, words: str, who: str = "zhang", **more: Any) -> Comment:
        return self.tool.say(HERE, words, who, **more)

    def run(self, *, moves: bool = True) -> bool:
        """A run, after the item has moved, as every comment makes it."""
        self.runs += 1
        self.now = self.tool.now + timedelta(minutes=self.runs)
        if moves:
            self.store.save_raw([a_record("1", b"%d" % self.runs, version=f"v{self.runs}", updated_at=self.now)])
        return CommentEar(self.store, {"jira-main": lambda: self.tool}, self.speaker_of).hear(self.now)

    def speaker_of(self, connection: str, account: Account) -> Speaker:
        known = "zhang" in (account.id, account.email)
        return Speaker(ZHANG if known else Ref.of(connection, "account", account.id), "张伟" if known else account.name)

    def events(self, other: str = "2") -> list[tuple[str, str]]:
        found = self.store.events_of_finding(f"delays:delay:{self.dependency(other)}")
        return [(event.kind, event.name) for event in found if event.kind != "opened"]

    @property
    def outcomes(self) -> list[str]:
        return [item.outcome.partition(":")[0] for item in self.store.chat_answers()]


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


def test_an_answer_is_taken_once_by_whom_it_was_written(desk: Desk) -> None:
    desk.tell("2")
    made = desk.say("我来处理")
    desk.run()
    desk.run()
    assert desk.events() == [("acknowledged", "张伟")]
    [event] = desk.store.events_of_finding(f"delays:delay:{desk.dependency('2')}")[1:]
    assert (event.by, event.source) == (ZHANG, f"comment:{HERE}:{made.id}")
    [kept] = desk.store.chat_answers()
    assert (kept.answer.account_id, kept.answer.text, kept.answer.at) == ("zhang", "", made.at)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("I’m on it.", "acknowledged"), ("**现在处理不了**\n这周都在外面", "declined"), ("新日期：12月3日", "promised"), ("New date 3 Dec", "promised"),
        ("@tieline 优先级冲突", "stated"), ("lack of resources", "stated"), ("我来处理 PAY-2", "acknowledged"),
    ],
)  # fmt: skip
def test_the_words_of_the_buttons_are_understood(desk: Desk, words: str, kind: str) -> None:
    desk.tell("2")
    desk.say(words)
    assert not desk.run()
    assert desk.events() == [(kind, "张伟")]


@pytest.mark.parametrize(
    "words",
    [
        "不是依赖？", "这不算不是依赖", "我来处理一下接口", "> 我来处理\n好的", "先看看\n我来处理", "新日期 下周三", "我来处理 PAY-99", "",
        "is on it", "依赖",
    ],
)  # fmt: skip
def test_all_other_talk_is_left_alone_and_nothing_is_kept_of_it(desk: Desk, words: str) -> None:
    desk.tell("2")
    desk.say(words)
    assert not desk.run()
    assert (desk.events(), desk.store.chat_answers(), desk.store.answers()) == ([], [], {})


def test_only_people_are_heard_and_what_was_said_before_we_spoke_is_about_something_else(desk: Desk) -> None:
    desk.say("我来处理")
    desk.tell("2")
    desk.say("我来处理", "robot")
    desk.tool.add_comment(HERE, "tieline:other:1", (Paragraph((Text("我来处理"),)),))
    desk.run()
    assert (desk.events(), desk.outcomes) == ([], [])


def test_not_a_dependency_holds_whoever_says_it_and_can_be_taken_back(desk: Desk) -> None:
    desk.tell("2")
    desk.say("不是依赖", "guest-7\n" + "x" * 500)
    assert desk.run()
    [said] = desk.store.answers().values()
    assert (said.key, said.answer, said.by) == (desk.dependency("2"), "rejected", f"guest-7 {'x' * 72}")
    desk.store.sync_findings({"delays": []}, desk.now, {"delays"})
    desk.say("不是依赖")
    assert not desk.run(), "there is nothing left to deny"
    desk.say("是依赖")
    assert desk.run()
    desk.tell("2")
    assert not desk.run(), "what was said before is not said again"
    assert [item.answer for item in desk.store.answers().values()] == ["confirmed"]


def test_whoever_a_comment_names_only_by_id_is_known_by_the_e_mail_of_records(desk: Desk) -> None:
    known = {HERE: [Account("u-7", "z.wei", "zhang")]}
    desk.store.replace_derived([HERE], Derived([a_task("1")], (), (), {}, known, ()))
    desk.tell("2")
    desk.say("我来处理", "u-7")
    desk.run()
    assert desk.events() == [("acknowledged", "张伟")]


def test_what_is_taken_stays_whatever_becomes_of_the_comment(desk: Desk) -> None:
    desk.tell("2")
    made = desk.say("不是依赖")
    desk.run()
    made.edit()
    desk.run()
    desk.tool.comments[HERE].remove(made)
    assert not desk.run()
    assert [item.answer for item in desk.store.answers().values()] == ["rejected"]


@pytest.mark.parametrize(
    ("words", "named"),
    [("我来处理 PAY-2", "2"), ("我来处理「支付流程测试」", "2"), ("on it\nhttps://jira.test/3", "3")],
)
def test_of_several_the_named_one_is_meant(desk: Desk, words: str, named: str) -> None:
    desk.tell("2", "3")
    desk.say(words)
    desk.run()
    assert desk.events(named) == [("acknowledged", "张伟")]
    assert desk.events("3" if named == "2" else "2") == []


def test_what_a_late_task_holds_up_is_one_matter_to_whoever_takes_it_on(desk: Desk) -> None:
    desk.tell("2", "3")
    desk.say("新日期 12月3日")
    desk.say("资源不足")
    desk.say("现在处理不了", "li")
    desk.run()
    assert desk.events("2") == [("promised", "张伟"), ("stated", "张伟"), ("declined", "li")], "it stands longest"
    assert desk.events("3") == [("acknowledged", "张伟")]


def test_what_could_be_about_several_is_not_taken_until_its_author_makes_it_clear(desk: Desk) -> None:
    desk.tell("2", "3")
    made = desk.say("不是依赖")
    desk.run()
    desk.tell("2")
    assert not desk.run(), "that the other is over makes it no clearer"
    assert (desk.store.answers(), desk.outcomes) == ({}, ["unclear"])
    made.body = (Paragraph((Text("不是依赖 PAY-2"),)),)
    assert desk.run()
    assert list(desk.store.answers()) == [desk.dependency("2")]


def test_whoever_is_waited_for_takes_on_that_and_not_what_it_waits_for(desk: Desk) -> None:
    desk.tell("<2", "3")
    desk.say("我来处理")
    desk.run()
    assert (desk.events("<2"), desk.events("3")) == ([], [("acknowledged", "张伟")])


def test_a_task_that_waits_for_several_says_which_one_it_takes_on(desk: Desk) -> None:
    desk.tell("<2", "<3")
    desk.say("我来处理")
    desk.say("我来处理 PAY-3")
    desk.run()
    assert (desk.events("<2"), desk.events("<3")) == ([], [("acknowledged", "张伟")])


def test_a_later_delay_does_not_make_an_answer_unclear(desk: Desk) -> None:
    desk.tell("2")
    desk.say("我来处理")
    desk.tell("2", "3")
    desk.run()
    assert (desk.events("2"), desk.events("3")) == ([("acknowledged", "张伟")], [])


def test_nothing_is_read_where_nothing_moved_or_nothing_of_ours_stands(desk: Desk) -> None:
    desk.run()
    assert desk.tool.reads == 0
    desk.tell("2")
    desk.run()
    desk.run(moves=False)
    assert desk.tool.reads == 1


def test_what_cannot_be_read_now_is_read_with_the_next_run(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.tell("2")
    desk.say("我来处理")
    for error in (TryLater("used up", reason="call_budget"), Unreachable("down"), KeyError("odd")):
        with monkeypatch.context() as patch:
            patch.setattr(FakeTracker, "replies", lambda *_, error=error: (_ for _ in ()).throw(error))
            assert not desk.run(moves=False)
    assert desk.events() == []
    desk.run(moves=False)
    assert desk.events() == [("acknowledged", "张伟")]


def test_who_dies_while_taking_takes_nothing_and_the_next_run_all(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.tell("2")
    desk.say("我来处理")
    desk.say("不是依赖")
    with monkeypatch.context() as patch:
        patch.setattr(Store, "put_cursor", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            desk.run()
    assert (desk.events(), desk.store.chat_answers(), desk.store.answers()) == ([], [], {})
    assert desk.run(moves=False)
    assert desk.events() == [("acknowledged", "张伟")]


def test_an_incident_of_the_task_is_taken_on_before_delays_and_solved(desk: Desk) -> None:
    desk.tell("2")
    task = desk.store.tasks_of([HERE])[HERE]
    open_incident(desk.store, task, "", Speaker(ZHANG, "张伟"), desk.tool.now, "s")
    desk.say("我来处理")
    desk.say("已解决")
    desk.run()
    said = [event.kind for event in desk.store.events_of_finding(f"incidents:incident:{HERE}")]
    assert (said, desk.events()) == (["opened", "acknowledged", "solved"], [])


def test_the_last_of_several_dates_counts_and_only_open_words_are_shown(desk: Desk) -> None:
    desk.tell("2")
    desk.say("新日期 12月9日", "zz")
    desk.say("新日期 12月8日", "aa")
    desk.say("资源不足", visibility="restricted")
    desk.run()
    assert [item.word for item in shown(desk)] == ["promised"]
    assert [item.day and item.day.day for item in shown(desk)] == [8]
    desk.say("目标不清楚")
    desk.run()
    assert [item.word for item in shown(desk)] == ["promised", "goal"]


def test_that_somebody_cannot_is_shown_where_they_said_it_in_the_tool(desk: Desk) -> None:
    desk.tell("2")
    key = f"delays:delay:{desk.dependency('2')}"
    desk.store.take_answer(FindingEvent(key, "declined", desk.now, "chat:wecom:1", ZHANG, "张伟"))
    assert shown(desk) == []
    desk.say("现在处理不了", "li")
    desk.run()
    assert [(item.word, item.name) for item in shown(desk)] == [("declined", "li")]


def shown(desk: Desk) -> list[Any]:
    ledger = desk.store.findings("open", "acknowledged")
    found = answered_of(ledger, desk.store.finding_events(datetime(2030, 1, 1, tzinfo=UTC)))
    return [item for items in found.values() for item in items]
