"""An AI bot (智能机器人): it speaks with whoever spoke to it, in groups and to people, and cannot look up or change what it said."""

from __future__ import annotations

from typing import Any

from connectors.wecom.answers import DUPLICATE_TASK
from connectors.wecom.cards import card_from, has_buttons, markdown_of, task_id_of
from sync.core.errors import CannotExpress, Refused
from sync.core.messages import Message
from sync.core.ports import Written
from sync.core.robots import Robot
from sync.core.values import Ref
from sync.remote import Remote

SEND = "aibot_send_msg"
PER_MINUTE, PER_HOUR = 27, 900  # 30 and 1000 are allowed in one conversation
TALK_FIRST = "在群里 @ 机器人说一句话（单聊则直接发一句），它才能往这个会话发消息"


class BotMessenger(Robot):
    """What is an AI bot's own of a robot: cards with buttons, and rooms by their id."""

    vendor, largest = "WeCom", 0

    remote: Remote

    def send_message(self, room: Ref, mark: str, message: Message) -> Written:
        """A card where there are buttons to press, else Markdown. The answer tells no id."""
        message_id = task_id_of(mark, message)
        kind, content = _content(mark, message)
        body = {"chatid": room.key, "chat_type": 1 if room.kind == "person" else 2, "msgtype": kind, kind: content}
        try:
            self.remote.send("POST", f"/{SEND}", json=body)
        except Refused as error:
            if error.vendor_code == str(DUPLICATE_TASK):  # this very card was said before
                return Written(message_id, "", is_untouched=True)
            raise Refused(
                f"{error}; 如果还没有人和它说过话：{TALK_FIRST}", error.status, error.vendor_code, error.vendor_message
            ) from error
        return Written(message_id, "", is_untouched=True)

    def edit_message(self, room: Ref, written: Written, mark: str, message: Message) -> Written:
        """Only the answer to a pressed button changes its card, within five seconds."""
        raise CannotExpress("a WeCom AI bot changes a card only in the five seconds after a button of it was pressed")

    def per_minute(self, room: Ref) -> int:
        """Of 30."""
        return PER_MINUTE

    def mergeable_bytes(self, room: Ref) -> int:
        """Each has a button of its own to press."""
        return 0


def _content(mark: str, message: Message) -> tuple[str, dict[str, Any]]:
    if has_buttons(message):
        return "template_card", card_from(mark, message)
    return "markdown", {"content": markdown_of(message)}
