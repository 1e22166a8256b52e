"""A robot of one group: it speaks by a webhook, and hears, finds and changes nothing."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import msgspec

from connectors.wecom.cards import MARKDOWN_BYTES, markdown_of, task_id_of
from sync.core.messages import Message
from sync.core.ports import Written
from sync.core.robots import Robot
from sync.core.values import Ref
from sync.remote import Remote

PER_MINUTE = 18  # 20 are allowed


def key_of(webhook: str) -> str:
    """The key, whether the whole address or only its end was copied."""
    text = webhook.strip()
    return (parse_qs(urlsplit(text).query).get("key") or [text])[0]


class RobotMessenger(Robot):
    """What is WeCom's own of a robot."""

    vendor, cure = "WeCom", "群设置 > 消息推送：重新复制 webhook 地址"
    largest = MARKDOWN_BYTES - 200

    remote: Remote
    key: str

    def send_message(self, room: Ref, mark: str, message: Message) -> Written:
        """Markdown; its answer tells no id."""
        body = msgspec.json.encode({"msgtype": "markdown", "markdown": {"content": markdown_of(message)}})
        headers = {"content-type": "application/json; charset=utf-8"}
        self.remote.send("POST", "/cgi-bin/webhook/send", params={"key": self.key}, content=body, headers=headers)
        return Written(task_id_of(mark, message), "", is_untouched=True)

    def per_minute(self, room: Ref) -> int:
        """Of 20."""
        return PER_MINUTE
