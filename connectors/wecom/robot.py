"""A robot of one group: it speaks by a webhook, and hears, finds and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

import msgspec

from connectors.wecom.cards import markdown_of, task_id_of
from sync.core.errors import CannotExpress
from sync.core.messages import Contact, Found, Message, NewRoom
from sync.core.ports import Written
from sync.core.values import Ref
from sync.remote import Remote

PER_MINUTE = 18  # 20 are allowed


def key_of(webhook: str) -> str:
    """The key, whether the whole address or only its end was copied."""
    text = webhook.strip()
    return (parse_qs(urlsplit(text).query).get("key") or [text])[0]


class RobotMessenger:
    """The Messenger port of a robot. The room is the group that it sits in, whatever the room's key says."""

    remote: Remote
    key: str

    def find_message(self, room: Ref, mark: str) -> Written | None:
        """A robot cannot look."""
        raise CannotExpress("a WeCom robot cannot look up what it said")

    def send_message(self, room: Ref, mark: str, message: Message) -> Written:
        """Markdown; its answer tells no id."""
        body = msgspec.json.encode({"msgtype": "markdown", "markdown": {"content": markdown_of(message)}})
        headers = {"content-type": "application/json; charset=utf-8"}
        self.remote.send("POST", "/cgi-bin/webhook/send", params={"key": self.key}, content=body, headers=headers)
        return Written(task_id_of(mark, message), "", is_untouched=True)

    def edit_message(self, room: Ref, written: Written, mark: str, message: Message) -> Written:
        """A robot cannot."""
        raise CannotExpress("a WeCom robot cannot change what it said")

    def repeatable_s(self, room: Ref, message: Message) -> float:
        """WeCom says whatever a robot sends, however often."""
        return 0.0

    def per_minute(self, room: Ref) -> int:
        """Of 20."""
        return PER_MINUTE

    def make_room(self, mark: str, title: str, members: Sequence[str], owner: str = "") -> NewRoom:
        """A robot cannot."""
        raise CannotExpress("a WeCom robot makes no groups; use the variant app")

    def invite(self, room: Ref, members: Sequence[str]) -> tuple[str, ...]:
        """A robot cannot."""
        raise CannotExpress("a WeCom robot brings nobody in; use the variant app")

    def find_people(self, contacts: Sequence[Contact]) -> Found:
        """A robot sees no directory."""
        return {}
