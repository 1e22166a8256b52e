"""Delays told in chat rooms: one card each, changed in place, and one word when the wait is over."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from jobs.delays.judge import judge
from jobs.delays.lateness import DelayRoom, DelaySettings
from sync.adoption import Pilot, withhold
from sync.core.answering import acknowledgement
from sync.core.markdown import markdown_from_rich_text
from sync.core.messages import Message
from sync.core.plan import Desired, Judgement, MessageContent, Published
from sync.core.rich_text import PersonMention, mapped
from sync.core.values import Language, Person, Ref
from sync.core.view import ConnectionFacts, View
from tests.jobs.story import API, AT, FLOW, WAITS, check_golden, publish, story

ROOM = DelayRoom("feishu-main", "oc_1")
ROBOT = DelayRoom("wecom-robot", "产品群", departments=("product",))
LANGUAGES: tuple[Language, ...] = ("zh-CN", "en")
MARKET_NOBODY = Ref.of("tieline", "department", "nobody")
KEY = f"delays:notice:{WAITS[0].key}@feishu-main:room:oc_1"


def with_chats(view: View, language: Language = "zh-CN") -> View:
    chats = {
        name: ConnectionFacts(name, "feishu", language=language, ports=("messenger",))
        for name in ("feishu-main", "wecom-robot")
    }
    return replace(view, connections={**view.connections, **chats})


def judged(view: View, published: dict[str, Published] | None = None, *rooms: DelayRoom) -> Judgement:
    return judge(view, DelaySettings(rooms=rooms or (ROOM,)), published or {})


def said(judgement: Judgement) -> dict[str, Message]:
    return {item.key: content_of(item).said for item in judgement.desired if item.kind == "message"}


def content_of(item: Desired) -> MessageContent:
    assert isinstance(item.content, MessageContent)
    return item.content


def text_of(message: Message) -> str:
    buttons = "".join(f"[{button.text}] " for button in message.buttons)
    return f"{message.title}\n\n{markdown_from_rich_text(message.body)}\n{buttons}".rstrip() + "\n"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_room_gets_one_card_that_reads_well(language: Language) -> None:
    view = with_chats(story(language), language)
    check_golden(f"delay-notice.{language}.md", text_of(said(judged(view))[KEY]).rstrip("\n"))


def test_the_card_has_a_button_that_names_the_finding_and_one_that_opens_the_task() -> None:
    view = with_chats(story())
    take, look = said(judged(view))[KEY].buttons
    assert (take.action, take.url) == (acknowledgement(f"delays:delay:{WAITS[0].key}"), "")
    assert len(take.action) <= 64
    assert look.url == view.tasks[API].url


def test_a_room_hears_of_its_departments_only() -> None:
    view = with_chats(story())
    both = said(judged(view, None, ROOM, ROBOT))
    assert {key for key in both if "wecom-robot" in key} < set(both)
    assert not said(judged(view, None, replace(ROBOT, departments=("sales",))))


def test_the_owner_is_named_so_that_the_chat_notifies_them_where_it_knows_them() -> None:
    view = with_chats(story())
    owner = view.tasks[API].owner
    assert owner
    known = replace(view.people[owner], accounts={"feishu-main": ("ou_1",)})
    mentions: list[PersonMention] = []

    def note(node: Any) -> Any:
        if isinstance(node, PersonMention):
            mentions.append(node)
        return node

    mapped(said(judged(replace(view, people={**view.people, owner: known})))[KEY].body, note)
    assert [item.account_id for item in mentions] == ["ou_1"]
    assert isinstance(known, Person)


def test_when_it_is_over_the_card_says_so_and_the_room_hears_once_that_work_can_start() -> None:
    published = publish([item for item in judged(with_chats(story())).desired if item.kind == "message"])
    view = with_chats(story(api={"status": "done", "finished": AT}))
    judgement = judged(view, published)
    told = f"delays:can_start:{WAITS[0].key}@feishu-main:room:oc_1"
    messages = {item.key: content_of(item) for item in judgement.desired if item.kind == "message"}
    assert not messages[KEY].is_news
    assert messages[KEY].said.buttons == ()
    assert messages[told].is_news
    assert text_of(messages[told].said).startswith("可以开始了\n\n可以开始了：")
    later = judged(view, {**published, **publish([item for item in judgement.desired if item.kind == "message"])})
    again = {item.key: item for item in later.desired if item.kind == "message"}
    assert {key: (item.message, item.facts) for key, item in again.items() if key in (KEY, told)} == {
        item.key: (item.message, item.facts) for item in judgement.desired if item.key in (KEY, told)
    }
    assert not content_of(again[told]).is_news


def test_a_restricted_task_is_not_named_in_a_room() -> None:
    view = with_chats(story(flow={"visibility": "restricted"}))
    text = text_of(said(judged(view))[KEY])
    assert view.tasks[FLOW].title not in text
    assert "受限任务" in text


def test_a_room_hears_only_of_what_takes_part_in_the_pilot() -> None:
    view = with_chats(story())
    desired = [item for item in judged(view).desired if item.kind == "message"]
    first = next(item for item in desired if item.key == KEY)
    assert first.about == (API, FLOW)
    for department, is_told in ((view.tasks[API].department, True), (None, True), (MARKET_NOBODY, False)):
        pilot = Pilot(departments=frozenset({department} if department else ()))
        allowed, skips = withhold([first], {}, view, pilot, ())
        assert ([first] if is_told else []) == allowed
        assert [skip.reason for skip in skips] == ([] if is_told else ["pilot"])
