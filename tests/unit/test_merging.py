"""Many messages at once become few, and nothing of them is left out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sync.core.merging import batches, comes_together, longest_spelling, merged
from sync.core.messages import Button, Message
from sync.core.rich_text import Anchor, Paragraph, Rule, Text
from tests.conformance.texts import rich_texts

MESSAGES = st.builds(
    Message, rich_texts(), st.text(max_size=5), st.sampled_from(("grey", "green", "blue", "yellow", "red"))
)


def said(words: str, title: str = "延期", **values: object) -> Message:
    return Message((Paragraph((Text(words),)),), title, **values)  # type: ignore[arg-type]


@given(st.lists(MESSAGES, min_size=1, max_size=8))
def test_every_block_of_every_message_is_in_it_in_order(messages: list[Message]) -> None:
    whole = merged(messages)
    there = iter(whole.body)
    assert all(block in there for message in messages for block in message.body)
    assert sum(isinstance(block, Rule) for block in whole.body) >= len(messages) - 1
    assert whole.colour in {message.colour for message in messages}


def test_the_whole_is_called_after_the_first_and_as_loud_as_the_loudest() -> None:
    whole = merged([said("一", colour="green"), said("二", "可以开始了", colour="red"), said("三", "")])
    assert (whole.title, whole.colour) == ("延期 ×3", "red")
    assert [block.content[0].text for block in whole.body if isinstance(block, Paragraph) and isinstance(block.content[0], Text)] == [
        "延期", "一", "可以开始了", "二", "三",
    ]  # fmt: skip


def test_buttons_that_lead_somewhere_stay_as_links_and_others_go() -> None:
    buttons = (Button("我来处理", "ack:1"), Button("打开", "open", "https://x.example/1"))
    whole = merged([said("一", buttons=buttons), said("二")])
    assert whole.buttons == ()
    assert Paragraph((Anchor("打开", "https://x.example/1"),)) in whole.body


@given(st.lists(MESSAGES, max_size=12), st.integers(1, 3_000))
def test_batches_keep_order_and_size_and_lose_nobody(messages: list[Message], most: int) -> None:
    items = list(enumerate(messages))
    found = list(batches(items, most))
    assert [item for batch in found for item in batch] == items
    for batch in found:
        assert batch
        assert len(batch) == 1 or sum(longest_spelling(message) for _, message in batch) <= most


def test_a_few_come_one_by_one() -> None:
    assert [count for count in range(1, 12) if comes_together(count, 20)] == [6, 7, 8, 9, 10, 11]
    assert not comes_together(1, 1)
    assert comes_together(2, 1)
    assert not comes_together(1_000, 0)
