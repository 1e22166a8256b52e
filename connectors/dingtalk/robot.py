"""A custom robot of one group: it speaks by a webhook, and hears, finds and changes nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from connectors.dingtalk.cards import MOST_BYTES, card_id_of, named_in, text_of, title_of
from sync.core.messages import Message
from sync.core.ports import Written
from sync.core.robots import Robot
from sync.core.values import Ref
from sync.remote import Remote

PER_MINUTE = 18  # 20 are allowed, and the next is punished with ten minutes of silence


def signature(timestamp_ms: int, secret: str) -> str:
    """DingTalk's way: the secret is the key, and signs the time and itself."""
    digest = hmac.new(secret.encode(), f"{timestamp_ms}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def token_of(webhook: str) -> str:
    """The token, whether the whole address or only its end was copied."""
    text = webhook.strip()
    return (parse_qs(urlsplit(text).query).get("access_token") or [text])[0]


class RobotMessenger(Robot):
    """What is DingTalk's own of a robot."""

    vendor, cure = "DingTalk", "群设置 > 机器人：重新复制 webhook 地址和「加签」密钥"
    largest = MOST_BYTES - 1_000

    remote: Remote
    token: str
    secret: str
    clock: Callable[[], float] = staticmethod(time.time)

    def send_message(self, room: Ref, mark: str, message: Message) -> Written:
        """Markdown; its answer tells no id."""
        title, at = title_of(message), list(named_in(message.body))
        body: dict[str, Any] = {
            "msgtype": "markdown",
            "markdown": {"title": title, "text": f"**{title}**\n\n{text_of(message, is_robot=True)}"},
            "at": {"atUserIds": at, "isAtAll": False},
        }
        params = {"access_token": self.token}
        if self.secret:
            now = int(self.clock() * 1000)
            params |= {"timestamp": str(now), "sign": signature(now, self.secret)}
        self.remote.send("POST", "/robot/send", params=params, json=body)
        return Written(card_id_of(room.key, mark, message), "", is_untouched=True)

    def per_minute(self, room: Ref) -> int:
        """Of 20."""
        return PER_MINUTE
