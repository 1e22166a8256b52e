"""A custom bot of one group: it speaks by a webhook, and hears, finds and changes nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from typing import Any

from connectors.feishu.cards import ROBOT_BYTES, card_from, id_of
from sync.core.errors import CannotExpress
from sync.core.messages import Contact, Found, Message, NewRoom
from sync.core.ports import Written
from sync.core.values import Ref
from sync.remote import Remote

PER_MINUTE = 90  # 100 a minute and 5 a second are allowed


def signature(timestamp: int, secret: str) -> str:
    """Feishu's own way round: the words are the key, and nothing is signed."""
    return base64.b64encode(hmac.new(f"{timestamp}\n{secret}".encode(), b"", hashlib.sha256).digest()).decode()


def token_of(webhook: str) -> str:
    """The token, whether the whole address or only its end was copied."""
    return webhook.strip().rstrip("/").rpartition("/")[2]


class RobotMessenger:
    """The Messenger port of a robot. The room is the group that it sits in, whatever the room's key says."""

    remote: Remote
    token: str
    secret: str
    clock: Callable[[], float] = staticmethod(time.time)

    def find_message(self, room: Ref, mark: str) -> Written | None:
        """A robot cannot look."""
        raise CannotExpress("a Feishu robot cannot look up what it said")

    def send_message(self, room: Ref, mark: str, message: Message) -> Written:
        """A card; its answer tells no id."""
        card = card_from(mark, message, ROBOT_BYTES, is_robot=True)
        body: dict[str, Any] = {"msg_type": "interactive", "card": card}
        if self.secret:
            now = int(self.clock())
            body = {"timestamp": str(now), "sign": signature(now, self.secret), **body}
        self.remote.send("POST", f"/open-apis/bot/v2/hook/{self.token}", json=body)
        return Written(id_of(room.key, mark, str(card)), "")

    def edit_message(self, room: Ref, written: Written, mark: str, message: Message) -> Written:
        """A robot cannot."""
        raise CannotExpress("a Feishu robot cannot change what it said")

    def repeatable_s(self, room: Ref, message: Message) -> float:
        """Feishu says whatever a robot sends, however often."""
        return 0.0

    def per_minute(self, room: Ref) -> int:
        """Of 100."""
        return PER_MINUTE

    def make_room(self, mark: str, title: str, members: Sequence[str], owner: str = "") -> NewRoom:
        """A robot cannot."""
        raise CannotExpress("a Feishu robot makes no groups; use the variant app")

    def invite(self, room: Ref, members: Sequence[str]) -> tuple[str, ...]:
        """A robot cannot."""
        raise CannotExpress("a Feishu robot brings nobody in; use the variant app")

    def find_people(self, contacts: Sequence[Contact]) -> Found:
        """A robot sees no directory."""
        return {}
