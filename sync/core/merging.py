"""Several messages said as one, in a room where nothing that was said can be changed anyway. Nothing of them is left out. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec

from sync.core.messages import Message
from sync.core.rich_text import Anchor, Block, Colour, Paragraph, Rule, Text

T = TypeVar("T")
LOUDNESS: tuple[Colour, ...] = ("grey", "green", "blue", "yellow", "red")
_ESCAPED = re.compile(rb"[^\w\s\x80-\xff]")
MARKUP = 16  # bytes: bold signs, a bullet, a line end
FEW = 4  # a quarter of what a room takes in a minute comes one by one; more at once is told together


def comes_together(count: int, per_minute: int) -> bool:
    """Whether so many messages at once are better said together in a room that takes so many a minute (0: as many as you like)."""
    return per_minute > 0 and count > max(1, per_minute // FEW)


def batches(items: Sequence[tuple[T, Message]], most_bytes: int) -> Iterator[list[tuple[T, Message]]]:
    """The items in their order, each batch within the bytes; one that is too long by itself stands alone."""
    batch: list[tuple[T, Message]] = []
    size = 0
    for item in items:
        own = longest_spelling(item[1])
        if batch and size + own > most_bytes:
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += own
    if batch:
        yield batch


def longest_spelling(message: Message) -> int:
    """More bytes than any vendor's spelling of a message has: its texts, five more for each sign that may be escaped, and some for the
    markup of each part.
    """
    return _bytes_of(msgspec.to_builtins(message))


def _bytes_of(node: object) -> int:
    if isinstance(node, str):
        data = node.encode("utf-8", "surrogatepass")
        return len(data) + 5 * len(_ESCAPED.findall(data))
    if isinstance(node, dict):
        return MARKUP + sum(_bytes_of(value) for name, value in node.items() if name != "type")
    return sum(map(_bytes_of, node)) if isinstance(node, list | tuple) else 0


def merged(messages: Sequence[Message]) -> Message:
    """All of them under the first one's title with their number, as loud as the loudest; titles stand in the text, addresses of buttons
    as links. Buttons that answer are left out: where messages are merged nobody hears them.
    """
    first = messages[0]
    blocks: list[Block] = []
    for number, message in enumerate(messages):
        blocks += [Rule()] if number else []
        blocks += [Paragraph((Text(message.title, is_bold=True),))] if message.title else []
        blocks += message.body
        links = tuple(Anchor(button.text, button.url) for button in message.buttons if button.url)
        blocks += [Paragraph((link,)) for link in links]
    title = f"{first.title} ×{len(messages)}" if first.title else ""
    return Message(tuple(blocks), title, max((message.colour for message in messages), key=LOUDNESS.index))
