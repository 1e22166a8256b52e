"""What the delay comments say of answers, and what people can write under them where that is heard."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from jobs.delays.text import WORDS
from jobs.digests.text import BUTTONS as DIGEST_BUTTONS
from jobs.escalations.text import BUTTONS
from sync.core.replies import said_in
from sync.core.said import Answered
from sync.core.values import Language
from sync.core.view import View
from tests.jobs.story import API, AT, FLOW, WAITS, check_golden, comments, digests, publish, story
from tests.jobs.test_delays import judged, texts

KEY = f"delays:delay:{WAITS[0].key}"
EARLIER = (Answered("taken_on", "李雷", AT - timedelta(minutes=1)),)
PROMISED = Answered("promised", "张伟", AT + timedelta(minutes=64), date(2026, 10, 9))


def heard(view: View, *answered: Answered) -> View:
    """The same view where both tools offer to read comments, and this was answered."""
    tools = {name: replace(facts, ports=(*facts.ports, "replies")) for name, facts in view.connections.items()}
    said = {KEY: answered, f"incidents:incident:{API}": answered, f"delays:delay:{API}>{API}9:finish_to_start": EARLIER}
    return replace(view, connections=tools, answered=said if answered else {})


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_comment_says_what_was_answered_and_what_can_be_written(language: Language) -> None:
    said = texts(judged(heard(story(language), PROMISED, Answered("resources", "", AT))))
    check_golden(f"delay-answered-predecessor.{language}.md", said[API])
    check_golden(f"delay-answered-successor.{language}.md", said[FLOW])


def test_what_can_be_written_is_no_fact_and_an_answer_is() -> None:
    plain, offered = judged(story()), judged(heard(story()))
    assert digests(plain) == digests(offered), "a tool that begins to offer it gets no new comments"
    taken = judged(heard(story(), Answered("taken_on", "张伟", AT)))
    changed = {key for key, digest in digests(taken).items() if digest != digests(offered)[key]}
    assert changed == {item.key for item in comments(taken).values()}
    assert digests(judged(heard(story(), Answered("taken_on", "张伟", AT)), publish(taken.desired))) == digests(taken)


@pytest.mark.parametrize("end", ["api", "flow"])
def test_nothing_is_told_of_who_is_on_what_is_restricted(end: str) -> None:
    hidden: dict[str, Any] = {"visibility": "restricted"}
    changes: dict[str, Any] = {end: hidden}
    view = heard(story(**changes), PROMISED)
    assert all("answered" not in item.facts for item in comments(judged(view)).values())
    before = publish(judged(heard(story(), PROMISED)).desired)
    changes = {"api": {"status": "unknown"}, end: {"status": "unknown", **hidden}}
    unknown = heard(story(**changes))
    kept = [item for key, item in before.items() if key in digests(judged(unknown, before)) and item.kind == "comment"]
    assert kept
    assert all("answered" not in item.facts for item in judged(unknown, before).desired)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_everything_that_people_are_told_to_write_is_understood(language: Language) -> None:
    today = AT.date()
    offered = re.split(r"[：:]|。|\. ", WORDS["reply_predecessor"][language])[1].split(" / ")
    assert len(offered) == 7
    assert len({said.action for words in offered if (said := said_in(words, today))}) == 7
    quoted = re.findall("“(.*?)”", WORDS["reply_successor"][language])
    buttons = [text[language] for name, text in BUTTONS.items() if name not in ("open", "promise")]
    for words in (*quoted, *buttons, DIGEST_BUTTONS["deny"][language]):
        assert said_in(words, today), words
