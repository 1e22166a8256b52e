"""What is told in chat rooms: one card for each delay, changed in place as the delay changes, and one word when the wait is over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jobs.delays.lateness import NAME, Delay, DelayRoom
from jobs.delays.text import BUTTONS, WORDS, comment_body
from sync.core.answering import acknowledgement
from sync.core.messages import Button, Message
from sync.core.plan import Desired, MessageContent, Published, digest_of
from sync.core.projection import without_projection
from sync.core.rich_text import Colour, RichText
from sync.core.values import Language, Task, ends_of
from sync.core.view import View

PREFIX = f"{NAME}:notice:"


def hears_of(room: DelayRoom, before: Task, after: Task) -> bool:
    """Whether a delay between these two is told there."""
    keys = {task.department.key for task in (before, after) if task.department}
    return not room.departments or bool(keys & set(room.departments))


def language_of(view: View, room: DelayRoom) -> Language:
    """What is spoken there."""
    return room.language or view.connections[room.connection].language


def notices(
    rooms: tuple[DelayRoom, ...],
    delay: Delay,
    facts_in: Mapping[Language, Mapping[str, Any]],
    view: View,
    published: Mapping[str, Published],
) -> Iterator[Desired]:
    """One card in each room that hears of this delay; ``facts_in`` is what is said, by language."""
    for room in rooms:
        if not hears_of(room, delay.predecessor, delay.successor):
            continue
        language = language_of(view, room)
        facts = {**facts_in[language], "mention": mention_of(view, delay.predecessor, room.connection)}
        key = f"{PREFIX}{delay.dependency.key}@{room.target}"
        content = notice_content("delay", facts, language, delay.dependency.key)
        yield Desired(
            key=key,
            job=NAME,
            target=room.target,
            message="delay",
            facts=facts,
            content=MessageContent(content.said, is_news=_is_news(published.get(key), facts)),
            reason=f"delay:{delay.dependency.key}",
            rests_on=tuple(sorted({delay.predecessor.ref.connection, delay.successor.ref.connection})),
            about=(delay.predecessor.ref, delay.successor.ref),
        )


def _is_news(last: Published | None, facts: Mapping[str, Any]) -> bool:
    """False where only the note on holidays that are not published came or went: no date moved."""
    if last is None or last.message != "delay":
        return True
    return digest_of("delay", without_projection(facts)) != digest_of("delay", without_projection(last.facts))


def notice_content(message: str, facts: Mapping[str, Any], language: Language, dependency: str) -> MessageContent:
    """The card for a message id and its facts. While the delay lasts somebody can take it on and open the task that is waited for."""
    body: RichText = comment_body(message, facts, language)
    if message != "delay":
        return MessageContent(Message(body, WORDS["notice_over"][language], "green"), is_news=False)
    colour: Colour = "red" if facts["slip_days"] is None else "yellow"
    buttons = [Button(BUTTONS["acknowledge"][language], acknowledgement(f"{NAME}:delay:{dependency}"), is_primary=True)]
    if url := facts["predecessor"]["url"]:
        buttons.append(Button(BUTTONS["open"][language], "open", url))
    return MessageContent(Message(body[1:], WORDS["delay_headline"][language], colour, tuple(buttons)))


def can_start(
    last: Published, facts: Mapping[str, Any], dependency: str, published: Mapping[str, Published]
) -> Desired:
    """The word, in the room of a card, that the wait is over: said once, and changed only in place."""
    key, language = f"{NAME}:can_start:{dependency}@{last.target}", facts["language"]
    body = comment_body("can_start", facts, language)
    said = Message(body, WORDS["notice_can_start"][language], "green")
    content = MessageContent(said, is_news=key not in published)
    about = ends_of(dependency)
    return Desired(key, NAME, last.target, "can_start", facts, content, "the wait is over", last.rests_on, about)


def mention_of(view: View, task: Task, connection: str) -> Mapping[str, str]:
    """Who is named so that the chat notifies them: the owner of what is waited for, where the chat knows them."""
    person = view.people.get(task.owner) if task.owner and task.visibility == "open" else None
    accounts = person.accounts.get(connection, ()) if person else ()
    return {"name": person.name, "account": accounts[0]} if person and accounts else {}
