"""Messages as the parameters of our card template, and as Markdown; and what a pressed button tells. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.dingtalk.markdown import CARD, ROBOT, escaped, is_account, markdown_from
from sync.core.chat_text import cut, web_url
from sync.core.messages import Button, Message
from sync.core.rich_text import PersonMention, RichText, mapped

MOST_BYTES = 14_000  # 15,000 are taken, the frame among them
TITLE, MOST_BUTTONS = 60, 3


def parameters_of(mark: str, message: Message) -> dict[str, str]:
    """The card's variables: all of them each time, as text, so that what is no longer said goes away."""
    found = {"title": title_of(message), "content": text_of(message), "colour": message.colour, "mark": mark}
    buttons = [button for button in message.buttons if not web_url(button.url)][:MOST_BUTTONS]
    for number in range(1, MOST_BUTTONS + 1):
        button = buttons[number - 1] if number <= len(buttons) else Button("", "")
        found |= {f"button{number}": button.text[:20], f"action{number}": button.action}
    return found


def text_of(message: Message, is_robot: bool = False) -> str:
    """The body as Markdown, buttons that lead somewhere as links below it."""
    links = [f"[{escaped(button.text)}]({url})" for button in message.buttons if (url := web_url(button.url))]
    foot = "\n\n" + " · ".join(links) if links else ""
    return cut(markdown_from(message.body, ROBOT if is_robot else CARD), MOST_BYTES - len(foot.encode())) + foot


def title_of(message: Message) -> str:
    """What a notification shows, on one line."""
    text = " ".join((message.title or "Tieline").split())
    return text if len(text) <= TITLE else text[: TITLE - 1] + "…"


def named_in(blocks: RichText) -> dict[str, str]:
    """Who is named, by account id."""
    found: dict[str, str] = {}

    def look(node: Any) -> Any:
        if isinstance(node, PersonMention) and is_account(node.account_id):
            found[node.account_id] = node.name
        return node

    mapped(blocks, look)
    return found


def id_of(*words: str) -> str:
    """An id that other words change."""
    return "tl-" + hashlib.sha256("\0".join(words).encode("utf-8", "surrogatepass")).hexdigest()[:40]


def card_id_of(room: str, mark: str, message: Message) -> str:
    """Our own id of a card: the same message in the same room is the same card."""
    return id_of(room, mark, msgspec.json.encode(message).decode())


def update_of(mark: str, message: Message) -> dict[str, Any]:
    """What a callback of a card is answered with, so that it shows this message."""
    return {
        "cardUpdateOptions": {"updateCardDataByKey": True},
        "cardData": {"cardParamMap": parameters_of(mark, message)},
    }


def pressed(content: object) -> tuple[str, str]:
    """(action, mark) of a card callback's ``content``, which is JSON in a text."""
    said = _object(content)
    private = said.get("cardPrivateData")
    params = private.get("params") if isinstance(private, Mapping) else None
    if not isinstance(params, Mapping):
        return "", ""
    return str(params.get("action") or ""), str(params.get("mark") or "")


def _object(text: object) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(str(text or "").encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
