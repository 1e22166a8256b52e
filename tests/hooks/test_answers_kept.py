"""What people answer about findings, by buttons and by words: each once, kept for ever, shown in place of the buttons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from sync.answers import Ear
from sync.cli.listings import finding_shape
from sync.core.answering import Speaker, acknowledgement, promise, refusal, statement
from sync.core.markdown import markdown_from_rich_text
from sync.core.messages import Answer, Button, Message
from sync.core.plan import MessageContent, mark_of
from sync.core.ports import Written
from sync.core.rich_text import Paragraph, Text
from sync.core.talks import TALK
from sync.core.values import Department, Finding, Language, Person, Ref
from sync.core.view import View
from sync.incidents import incident_key
from sync.judging import events_of, talks_of
from sync.mapping.rules import Directory
from sync.store import Store
from sync.store.derived import Derived
from tests.store.samples import NOON, a_change, a_finding, a_task, published_from

ZHANG = Ref.of("tieline", "person", "zhang-wei")
SHANGHAI = "Asia/Shanghai"
AT = datetime(2026, 11, 26, 7, 4, tzinfo=UTC)  # 15:04 in Shanghai
BUTTONS = (
    Button("我来处理", acknowledgement("late"), is_primary=True),
    Button("现在处理不了", refusal("late")),
    Button("给新日期", promise("late")),
    Button("人手不够", statement("late", "resources")),
    Button("目标不清楚", statement("late", "goal")),
    Button("打开", "open", "https://jira.test/1"),
)


@dataclass
class Room:
    """One message about one finding, and people who answer."""

    store: Store
    language: Language = "zh-CN"
    minutes: int = 0
    answers: list[Answer] = field(default_factory=list)
    directory: Directory = field(default_factory=Directory)

    def __post_init__(self) -> None:
        self.store.sync_findings({"delays": [a_finding("late")]}, NOON, {"delays"})
        tasks = [a_task("1"), a_task("2", "核心商户赔付名单", visibility="restricted")]
        aliases = {task.ref: (task.key, task.url) for task in tasks}
        self.store.replace_derived([task.ref for task in tasks], Derived(tasks, (), (), aliases, {}, ()))
        change = a_change(
            "step:late", kind="message", content=MessageContent(Message((Paragraph((Text("晚了"),)),), buttons=BUTTONS))
        )
        change = replace(change, target=Ref.of("chat", "room", "oc_1"))
        self.store.put_published(replace(published_from(change), written=Written("om_1", "")))

    @property
    def ear(self) -> Ear:
        """A new one each time, as after a restart."""
        people = {
            "ou_zhang": Speaker(ZHANG, "张伟", SHANGHAI),
            "ou_li": Speaker(Ref.of("chat", "account", "ou_li"), "李娜", SHANGHAI),
            "ou_wang": Speaker(WANG, "王强", SHANGHAI),
        }
        nobody = Speaker(None, "", SHANGHAI)
        return Ear(self.store, "chat", "demo", self.language, SHANGHAI, lambda a: people.get(a, nobody), self.directory)

    def hear(self, answer: Answer) -> Message | None:
        self.minutes += 1
        self.answers.append(answer)
        return self.ear.hear(answer, AT + timedelta(minutes=self.minutes - 1))

    def press(self, action: str, who: str = "ou_zhang") -> tuple[str, list[str]]:
        """What stands there then: the last lines, and the buttons that are left."""
        said = self.hear(Answer(f"e{len(self.answers)}", who, action, mark=mark_of("demo", "step:late")))
        return shown(said)

    def type(self, text: str, who: str = "ou_zhang", message_id: str = "") -> str:
        said = self.hear(Answer(f"e{len(self.answers)}", who, text=text, message_id=message_id))
        return markdown_from_rich_text(said.body).strip() if said else ""

    def events(self, key: str = "late") -> list[tuple[str, str]]:
        return [(event.kind, event.name) for event in self.store.events_of_finding(key)]

    @property
    def outcomes(self) -> list[str]:
        return [item.outcome for item in reversed(self.store.chat_answers())]


def shown(said: Message | None) -> tuple[str, list[str]]:
    assert said
    return markdown_from_rich_text(said.body).replace("*", "").strip(), [button.text for button in said.buttons]


@pytest.fixture
def room(store: Store) -> Room:
    return Room(store)


def test_a_refusal_is_shown_and_kept_and_an_answer_after_it_counts(room: Room) -> None:
    text, left = room.press(refusal("late"))
    assert text == "晚了\n\n张伟：现在处理不了（11-26 15:04）"
    assert left == ["我来处理", "给新日期", "人手不够", "目标不清楚", "打开"]
    text, left = room.press(acknowledgement("late"), "ou_li")
    assert text == "晚了\n\n李娜 在处理（11-26 15:05）"
    assert left == ["现在处理不了", "给新日期", "人手不够", "目标不清楚", "打开"]
    assert room.events() == [("opened", ""), ("declined", "张伟"), ("acknowledged", "李娜")]
    assert [event.by for event in room.store.events_of_finding("late")][1] == ZHANG
    assert room.outcomes == ["declined:late", "acknowledged:late"]
    room.press(refusal("late"), "ou_li")
    assert [item.state for item in room.store.findings()] == ["open"]


def test_who_answered_about_a_restricted_task_is_not_named(room: Room) -> None:
    restricted = replace(a_finding("late"), subjects=(a_task("2").ref,))
    room.store.sync_findings({"delays": [restricted]}, NOON, {"delays"})
    assert room.press(acknowledgement("late"))[0] == "晚了\n\n有同事 在处理（11-26 15:04）"
    assert room.press(statement("late", "goal"))[0].endswith("有同事：目标不清楚（11-26 15:05）")
    assert room.press(refusal("late"))[0].endswith(
        "有同事：现在处理不了（11-26 15:06）\n\n有同事：目标不清楚（11-26 15:05）"
    )


TALK_KEY = f"escalations:talk:{ZHANG}#1-2"
WANG, ZHAO = Ref.of("tieline", "person", "wang-qiang"), Ref.of("tieline", "person", "zhao-min")


@pytest.fixture
def talked_of(room: Room) -> Room:
    """A talk with 张伟 of 技术部 is suggested; 王强 and 赵敏 are the group."""
    tech = Ref.of("tieline", "department", "tech")
    people = (
        Person(ZHANG, "张伟", tech, english_name="Zhang Wei", email="zw@example.com"),
        Person(WANG, "王强", tech, english_name="Wang Qiang"),
    )
    department = Department(tech, "技术部", coordination_group=(WANG, ZHAO, ZHANG))
    room.directory = Directory({item.ref: item for item in people}, {tech: department})
    finding = Finding(TALK_KEY, TALK, "info", (ZHANG,), "talk_suggested", {"name": "张伟", "count": 3})
    room.store.sync_findings({"escalations": [finding]}, NOON, {"escalations"})
    return room


@pytest.mark.parametrize(
    ("words", "said", "kept"),
    [
        ("Talk Zhang Wei 3 Dec", "定在 12月3日（周四）", ("talk_set", date(2026, 12, 3), "")),
        ("约谈 张伟 结论：先把联调交给陈洁", "记下了和张伟约谈的结论", ("talk_decided", None, "先把联调交给陈洁")),
    ],
)
def test_one_of_the_group_keeps_the_day_of_a_talk_and_what_was_decided(
    talked_of: Room, words: str, said: str, kept: tuple[Any, ...]
) -> None:
    assert said in talked_of.type(words, "ou_wang")
    event = talked_of.store.events_of_finding(TALK_KEY)[-1]
    assert ((event.kind, event.day, event.note), event.by) == (kept, WANG)
    assert [item.state for item in talked_of.store.findings() if item.finding.key == TALK_KEY] == ["acknowledged"]
    assert talked_of.outcomes == [f"{kept[0]}:"], "the log does not tell with whom"
    assert [event.kind for event in talks_of(talked_of.store.events_of_finding(TALK_KEY))[TALK_KEY]] == [kept[0]]
    assert events_of(talked_of.store.events_of_finding(TALK_KEY), ())[TALK_KEY][1:] == ()


def test_nobody_else_keeps_anything_of_a_talk_or_learns_of_it(talked_of: Room) -> None:
    unknown = talked_of.type("约谈 李娜 12月3日", "ou_wang")
    assert "没有找到可以由你来记的约谈" in unknown
    for account in ("ou_li", "ou_zhang", "ou_nobody"):
        assert talked_of.type("约谈 张伟 12月3日", account) == unknown
        assert talked_of.type("约谈 张伟 改天吧", account) == "", "no word to us"
    assert talked_of.type("talk to you later", "ou_wang") == ""
    assert "没看懂" in talked_of.type("约谈 张伟 改天吧", "ou_wang")
    assert [event.kind for event in talked_of.store.events_of_finding(TALK_KEY)] == ["opened"]


def test_a_reason_is_asked_once(room: Room) -> None:
    text, left = room.press(statement("late", "goal"))
    assert text == "晚了\n\n张伟：目标不清楚（11-26 15:04）"
    assert left == ["我来处理", "现在处理不了", "给新日期", "打开"]
    assert [(event.kind, event.reason) for event in room.store.events_of_finding("late")][1] == ("stated", "goal")


def test_whoever_wants_to_promise_types_the_date_next(room: Room) -> None:
    assert room.press(promise("late"))[0].endswith("张伟：请直接发新日期给我，例如 12月3日 或 2026-12-03")
    assert room.type("下周三吧", "ou_li") == "", "nobody asked her"
    assert "没看懂日期" in room.type("下周三吧")
    assert room.type("那我再想想") == "", "told once how to write it"
    assert room.type("12月3日") == "记下了：PAY-1 支付接口开发，新日期 12月3日（周四）。"
    [said] = [event for event in room.store.events_of_finding("late") if event.kind == "promised"]
    assert (said.by, said.day, said.until) == (ZHANG, date(2026, 12, 3), datetime(2026, 12, 3, 16, tzinfo=UTC))
    assert room.type("12月4日") == "", "the question was answered"
    text, left = room.press(promise("late"), "ou_li")
    assert "李娜：请直接发新日期" in text
    assert "我来处理" not in left
    assert room.outcomes[0] == "asked:late"
    assert room.outcomes[4] == "promised:late"


def test_what_is_typed_long_after_is_no_date(room: Room) -> None:
    room.press(promise("late"))
    room.minutes += 61
    assert room.type("12月3日") == ""
    assert "请先点那条消息里的按钮" in room.type("新日期 12月3日")
    assert room.events() == [("opened", "")]


def test_a_reply_to_the_message_tells_which_finding_it_is_about(room: Room) -> None:
    assert "新日期 12月3日" in room.type("新日期 2026-12-03", message_id="om_1")
    assert room.type("好的，谢谢", message_id="om_1") == ""
    assert room.type("12月5日", message_id="om_2") == ""
    assert room.events() == [("opened", ""), ("promised", "张伟")]
    assert room.press(acknowledgement("late"), "ou_li")[0].endswith("张伟：新日期 12月3日（周四）（11-26 15:04）")
    room.store.sync_findings({"delays": []}, AT + timedelta(days=1), {"delays"})
    assert room.type("12月5日", message_id="om_1") == ""
    assert room.hear(Answer("late", "ou_zhang", refusal("late"), mark=mark_of("demo", "step:late"))) is None


def test_a_reply_to_a_message_about_several_findings_tells_nothing(room: Room) -> None:
    room.store.sync_findings({"more": [a_finding("other")]}, NOON, ())
    both = (Button("1. 给新日期", promise("late")), Button("2. 给新日期", promise("other")))
    digest = a_change("digest", kind="message", content=MessageContent(Message((), buttons=both)))
    digest = replace(digest, target=Ref.of("chat", "room", "oc_1"))
    room.store.put_published(replace(published_from(digest), written=Written("om_3", "")))
    assert "请先点那条消息里的按钮" in room.type("新日期 12月3日", message_id="om_3")
    assert room.events() == room.events("other") == [("opened", "")]


def test_what_was_said_before_it_came_back_is_not_shown(room: Room) -> None:
    room.press(refusal("late"))
    room.press(statement("late", "goal"))
    for found in ([], [a_finding("late")]):
        room.minutes += 1
        room.store.sync_findings({"delays": found}, AT + timedelta(minutes=room.minutes), {"delays"})
    room.minutes += 1
    text, left = room.press(acknowledgement("late"), "ou_li")
    assert text == "晚了\n\n李娜 在处理（11-26 15:09）"
    assert left == ["现在处理不了", "给新日期", "人手不够", "目标不清楚", "打开"]


def test_every_answer_that_comes_again_does_nothing_and_shows_the_same(room: Room) -> None:
    actions = [refusal("late"), acknowledgement("late"), statement("late", "resources"), promise("late")]
    for action in actions:
        first = room.press(action)
        assert shown(room.ear.hear(room.answers[-1], AT + timedelta(days=1))) == first
    for text in ("12月3日", "突发 PAY-1 超时", "已解决 PAY-1", "突发 PAY-9", "新日期 明天"):
        assert room.type(text)
        assert room.ear.hear(room.answers[-1], AT + timedelta(days=1)) is None, "nobody is told twice"
    assert [kind for kind, _ in room.events()] == ["opened", "declined", "acknowledged", "stated", "promised"]
    assert [kind for kind, _ in room.events(incident_key(a_task("1").ref))] == ["opened", "solved"]


def test_an_answer_whose_work_failed_is_taken_when_it_comes_again(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Answer("e1", "ou_zhang", refusal("late"), mark=mark_of("demo", "step:late"))
    with monkeypatch.context() as patch, pytest.raises(OSError, match="pulled"):  # noqa: PT012

        def pulled(*_: Any) -> bool:
            raise OSError("the plug was pulled")

        patch.setattr(room.store, "take_answer", pulled)
        room.ear.hear(answer, AT)
    assert room.outcomes == []
    assert room.hear(answer)
    assert room.events() == [("opened", ""), ("declined", "张伟")]


def test_incidents_are_opened_and_solved_by_words(room: Room) -> None:
    key = incident_key(a_task("1").ref)
    assert room.type("突发：pay-1，接口全部超时") == "已记为突发：PAY-1 支付接口开发。解决后请发“已解决 PAY-1”。"
    [found] = [item for item in room.store.findings("open") if item.finding.kind == "incident"]
    assert (found.finding.key, found.finding.severity, found.finding.parameters["note"]) == (
        key,
        "critical",
        "接口全部超时",
    )
    assert "已经是突发了" in room.type("突发 https://jira.test/1", "ou_li")
    room.store.sync_findings({"delays": [a_finding("late")]}, AT + timedelta(hours=1), {"delays", "engine"})
    assert [item.state for item in room.store.findings() if item.finding.key == key] == ["open"], "no run resolves it"
    assert room.type("已解决 PAY-1", "ou_li") == "已解决：PAY-1 支付接口开发。"
    assert "没有打开的突发" in room.type("solved PAY-1")
    marked = replace(a_finding("of the tool", "critical"), kind="incident")
    room.store.sync_findings({"escalations": [marked]}, AT + timedelta(hours=1), ())
    assert "请在那里改状态" in room.type("已解决 PAY-1")
    room.language = "en"
    assert "An incident is open: PAY-1" in room.type("incident PAY-1 again")
    assert room.events(key) == [("opened", "张伟"), ("solved", "李娜"), ("reopened", "张伟")]


@pytest.mark.parametrize(
    "text",
    [
        "突发",
        "突发 PAY-9 超时",
        "突发 PAY-2 名单泄露",
        "突发 https://jira.test/2",
        "突发 jira-main:task:2",
        "已解决 PAY-2",
    ],
)
def test_a_restricted_task_is_answered_like_one_that_is_not_there(room: Room, text: str) -> None:
    said = room.type(text)
    assert said == room.type("突发 NO-1")
    assert "没找到这个任务" in said
    assert not [item for item in room.store.findings() if item.finding.kind == "incident"]


def test_of_a_task_that_became_restricted_nobody_is_told_who_said_what(room: Room) -> None:
    room.type("突发 PAY-1 名单泄露")
    [item] = [item for item in room.store.findings() if item.finding.kind == "incident"]
    events = room.store.events_of_finding(item.finding.key)
    for visibility, is_told in (("open", True), ("restricted", False)):
        task = a_task("1", visibility=visibility)
        shape = repr(finding_shape(View(AT, {task.ref: task}), item, "zh-CN", events))
        assert ("名单泄露" in shape, "张伟" in shape, str(ZHANG) in shape) == (is_told, is_told, is_told)


def test_other_words_get_no_reply(room: Room) -> None:
    said: Callable[[str], str] = room.type
    assert [said(text) for text in ("收到", "12月3日", "谢谢！", "incidents are bad")] == [""] * 4
    assert room.outcomes == [""] * 4


def test_in_english(store: Store) -> None:
    room = Room(store, "en")
    assert room.press(refusal("late"), "ou_nobody")[0].endswith("Somebody cannot do it now (11-26 15:04)")
    assert room.press(statement("late", "resources"))[0].endswith("张伟: too few people or means (11-26 15:05)")
    room.press(promise("late"))
    assert room.type("3 Dec") == "Noted: PAY-1 支付接口开发, new date Thu 3 Dec."
