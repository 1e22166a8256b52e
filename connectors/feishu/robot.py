"""A custom bot of one group: it speaks by a webhook, and hears, finds and changes nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any

from connectors.feishu.cards import ROBOT_BYTES, card_from, id_of
from sync.core.messages import Message
from sync.core.ports import Written
from sync.core.robots import Robot
from sync.core.values import Ref
from sync.remote import Remote

PER_MINUTE = 90  # 100 a minute and 5 a second are allowed


def signature(timestamp: int, secret: str) -> str:
    """Feishu's own way round: the words are the key, and nothing is signed."""
    return base64.b64encode(hmac.new(f"{timestamp}\n{secret}".encode(), b"", hashlib.sha256).digest()).decode()


def token_of(webhook: str) -> str:
    """The token, whether the whole address or only its end was copied."""
    return webhook.strip().rstrip("/").rpartition("/")[2]


class RobotMessenger(Robot):
    """What is Feishu's own of a robot."""

    vendor, cure = "Feishu", "群设置 > 群机器人：重新复制 webhook 地址和「签名校验」密钥"
    largest = ROBOT_BYTES - 1_000

    remote: Remote
    token: str
    secret: str
    clock: Callable[[], float] = staticmethod(time.time)

    def send_message(self, room: Ref, mark: str, message: Message) -> Written:
        """A card; its answer tells no id."""
        card = card_from(mark, message, ROBOT_BYTES, is_robot=True)
        body: dict[str, Any] = {"msg_type": "interactive", "card": card}
        if self.secret:
            now = int(self.clock())
            body = {"timestamp": str(now), "sign": signature(now, self.secret), **body}
        self.remote.send("POST", f"/open-apis/bot/v2/hook/{self.token}", json=body)
        return Written(id_of(room.key, mark, str(card)), "")

    def per_minute(self, room: Ref) -> int:
        """Of 100."""
        return PER_MINUTE
