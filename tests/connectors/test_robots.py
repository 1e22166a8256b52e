"""What is told together by a group's robot fits into one message of its vendor's: nothing is cut."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.dingtalk.cards import text_of
from connectors.dingtalk.robot import RobotMessenger as DingTalk
from connectors.feishu.cards import ROBOT_BYTES, card_from
from connectors.feishu.robot import RobotMessenger as Feishu
from connectors.wecom.cards import markdown_of
from connectors.wecom.robot import RobotMessenger as WeCom
from sync.core.merging import batches, merged
from sync.core.messages import Message
from sync.core.rich_text import Paragraph, Text
from tests.conformance.subjects import MARK
from tests.conformance.texts import rich_texts

WORDS = st.text(st.sampled_from("支付接口 <>&*_`[]()#~\\|@!.-+=x"), min_size=40, max_size=80).map(
    lambda words: words * 3
)
WORDY = st.builds(Message, WORDS.map(lambda words: (Paragraph((Text(words),)),)), st.text(max_size=20))
MESSAGES = st.lists(WORDY, min_size=6, max_size=9).map(lambda messages: messages * 20) | st.lists(
    st.builds(Message, rich_texts(), st.text(max_size=20)), min_size=2, max_size=4
).map(lambda messages: messages * 8)
END = "最后一件事说完了"


def feishu(message: Message) -> str:
    card = card_from(MARK, message, ROBOT_BYTES, is_robot=True)
    return msgspec.json.encode(card).decode()


ROBOTS: dict[str, tuple[int, Callable[[Message], str]]] = {
    "feishu": (Feishu.largest, feishu),
    "dingtalk": (DingTalk.largest, lambda message: text_of(message, is_robot=True)),
    "wecom": (WeCom.largest, markdown_of),
}


@pytest.mark.parametrize("vendor", ROBOTS)
@settings(max_examples=20, deadline=None)
@given(messages=MESSAGES)
def test_the_last_word_of_a_batch_is_said(vendor: str, messages: list[Message]) -> None:
    most, spelled = ROBOTS[vendor]
    end = Paragraph((Text(END),))
    said = [msgspec.structs.replace(message, body=(*message.body, end)) for message in messages]
    found = list(batches(list(enumerate(said)), most))
    assert len(found) < len(said)
    for batch in found:
        if len(batch) > 1:
            assert spelled(merged([message for _, message in batch])).count(END) == len(batch)
