"""Messages as WeCom's Markdown and template cards, within its lengths; and what a pressed button tells. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from connectors.wecom.markdown import COLOURS, escaped, markdown_from, plain_from
from sync.core.chat_text import cut, web_url
from sync.core.messages import Button, Message
from sync.core.rich_text import Anchor, BulletList, NumberedList, Panel, Paragraph, Quote, RichText

MARKDOWN_BYTES = 4096
TITLE, DESCRIPTION, BUTTON, JUMP = 26, 30, 10, 13  # characters that a card shows
CARD_TEXT = 112
MOST_BUTTONS, MOST_JUMPS = 6, 3
HOME = "https://work.weixin.qq.com"


def markdown_of(message: Message) -> str:
    """The message as Markdown: its title first, buttons that lead somewhere as links; others have no place here."""
    title = f"**{escaped(message.title)}**" if message.title else ""
    if title and message.colour != "grey":
        title = f'<font color="{COLOURS[message.colour]}">{title}</font>'
    links = [f"[{escaped(button.text)}]({url})" for button in message.buttons if (url := web_url(button.url))]
    foot = "\n" + "　".join(links) if links else ""
    room = MARKDOWN_BYTES - len(foot.encode())
    return cut("\n".join(part for part in (title, markdown_from(message.body)) if part), room) + foot


def card_from(mark: str, message: Message) -> dict[str, Any]:
    """A card with buttons that call back, or without any. Its task id follows from mark and words, so WeCom takes it once."""
    buttons = [_button(button, mark) for button in message.buttons if not web_url(button.url)][:MOST_BUTTONS]
    text = plain_from(message.body)
    title = message.title.replace("\n", " ") or text.split("\n", 1)[0]
    card: dict[str, Any] = {
        "card_type": "button_interaction" if buttons else "text_notice",
        "main_title": {"title": shortened(title, TITLE)},
        "sub_title_text": shortened(text, CARD_TEXT),
        "task_id": task_id_of(mark, message),
    }
    jumps = list(_jumps(message))[:MOST_JUMPS]
    if jumps:
        card["jump_list"] = jumps
    if buttons:
        card["button_list"] = buttons
    else:  # a card without buttons must lead somewhere
        card["card_action"] = {"type": 1, "url": jumps[0]["url"] if jumps else HOME}
    return card


def answered_card(mark: str, task_id: str, message: Message) -> dict[str, Any]:
    """The card in place of a pressed one. Its last paragraph, which tells who pressed, shows also where the text was cut."""
    card = {**card_from(mark, message), "task_id": task_id}
    if card["sub_title_text"].endswith("…"):
        last = plain_from(message.body[-1:]).replace("\n", " ")
        card["main_title"] = {**card["main_title"], "desc": shortened(last, DESCRIPTION)}
    return card


def has_buttons(message: Message) -> bool:
    """Whether it is said as a card, to be pressed: a button calls back, and what a card shows is enough for words that must be kept."""
    is_cut = message.keeps_words and len(plain_from(message.body)) > CARD_TEXT
    return not is_cut and any(not web_url(button.url) for button in message.buttons)


def _button(button: Button, mark: str) -> dict[str, Any]:
    style = 1 if button.is_primary else 2
    return {"text": shortened(button.text, BUTTON), "style": style, "key": f"{button.action} {mark}"}


def _jumps(message: Message) -> Iterator[dict[str, Any]]:
    links = [(button.text, web_url(button.url)) for button in message.buttons]
    links += [(anchor.text, web_url(anchor.url)) for anchor in _anchors(message.body)]
    for text, url in dict.fromkeys((text, url) for text, url in links if url):
        yield {"type": 1, "title": shortened(text or url, JUMP), "url": url}


def _anchors(blocks: RichText) -> Iterator[Anchor]:
    for block in blocks:
        match block:
            case Paragraph(content):
                yield from (item for item in content if isinstance(item, Anchor))
            case BulletList(items) | NumberedList(items):
                for item in items:
                    yield from _anchors(item.content)
            case Quote(content) | Panel(content=content):
                yield from _anchors(content)
            case _:
                pass


def shortened(text: str, most: int) -> str:
    """At most so many characters, the last an ellipsis where some were left out."""
    text = text.strip()
    return text if len(text) <= most else text[: most - 1] + "…"


def task_id_of(mark: str, message: Message) -> str:
    """An id that other words change."""
    return hashlib.sha256(mark.encode() + b"\0" + msgspec.json.encode(message)).hexdigest()[:40]


def pressed(key: str) -> tuple[str, str]:
    """(action, mark) of a pressed button's key; the mark is empty for a card of somebody else's."""
    action, _, mark = key.partition(" ")
    return action, mark


def chat_id_of(mark: str) -> str:
    """The id of the group under a mark: at most 32 letters and digits, so that it is made once."""
    return hashlib.sha256(mark.encode()).hexdigest()[:32]
