"""Messages as cards (JSON 2.0) and the ids that Feishu knows them by. Pure."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from connectors.feishu.markdown import cut, markdown_from
from sync.core.chat_text import web_url
from sync.core.messages import Button, Message

CARD_BYTES = 29_000  # 30 KB are allowed, ours and the platform's own frame together
ROBOT_BYTES = 19_000
TEMPLATES = {"grey": "grey", "green": "green", "yellow": "yellow", "red": "red", "blue": "blue"}
TITLE_BYTES = 300


def card_from(mark: str, message: Message, most: int = CARD_BYTES, is_robot: bool = False) -> dict[str, Any]:
    """The card within so many bytes of JSON. Both the old and the new card must be shared ones (``update_multi``)."""
    buttons = [found for button in message.buttons if (found := _button(button, mark, is_robot))]
    frame = _card(message, "", buttons)
    body = markdown_from(message.body)
    room = most - len(msgspec.json.encode(frame))
    while body and (over := len(msgspec.json.encode(body)) - 2 - room) > 0:
        body = cut(body, max(len(body.encode()) - over, 3) - 1)
        if body == "…":
            break
    return _card(message, body, buttons)


def _card(message: Message, body: str, buttons: list[dict[str, Any]]) -> dict[str, Any]:
    words = [{"tag": "markdown", "content": body}]
    card: dict[str, Any] = {
        "schema": "2.0",
        "config": {"update_multi": True},
        "body": {"elements": [*words, *buttons]},
    }
    if message.title:
        title = {"tag": "plain_text", "content": cut(message.title.replace("\n", " "), TITLE_BYTES)}
        card["header"] = {"title": title, "template": TEMPLATES[message.colour]}
        card["config"]["summary"] = {"content": title["content"]}
    return card


def _button(button: Button, mark: str, is_robot: bool) -> dict[str, Any] | None:
    """A button that calls back, or one that leads somewhere; a robot's that leads nowhere is left out."""
    target = web_url(button.url)
    if target:
        behavior: dict[str, Any] = {"type": "open_url", "default_url": target}
    elif is_robot:
        return None
    else:
        behavior = {"type": "callback", "value": {"action": button.action, "mark": mark}}
    kind = "primary" if button.is_primary else "default"
    return {
        "tag": "button",
        "type": kind,
        "text": {"tag": "plain_text", "content": cut(button.text, 100)},
        "behaviors": [behavior],
    }


def id_of(*words: str) -> str:
    """An id of at most 50 characters that other words change."""
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:40]


def uuid_of(room: str, mark: str, content: str) -> str:
    """Feishu says the same uuid at most once an hour, so another text is another uuid."""
    return id_of(room, mark, content)
