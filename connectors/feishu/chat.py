"""Saying things in group chats and to people as an application, and making groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from connectors.feishu.cards import card_from, id_of, uuid_of
from connectors.feishu.site import Site
from sync.core.errors import CannotExpress, LostAnswer, Nonsense
from sync.core.messages import Contact, Found, Message, NewRoom
from sync.core.ports import Written
from sync.core.values import Ref

BATCH = 50
REPEATABLE_S = 3600.0
PER_MINUTE = 270  # 5 a second to one chat, shared by all robots of it, with some left for them


class ChatMessenger:
    """The Messenger port of an application."""

    site: Site

    def find_message(self, room: Ref, mark: str) -> Written | None:
        """Feishu tells of a card that was sent only that there was one, so ours cannot be told by its mark."""
        raise CannotExpress("Feishu keeps no mark of ours on a message; the same message is said once within an hour")

    def send_message(self, room: Ref, mark: str, message: Message) -> Written:
        """A card; Feishu itself drops a second one with the same uuid for an hour."""
        content = content_of(mark, message)
        kind = "open_id" if room.kind == "person" else "chat_id"
        uuid = uuid_of(room.key, mark, content)
        body = {"receive_id": room.key, "msg_type": "interactive", "content": content, "uuid": uuid}
        data = self.site.ask("POST", "/im/v1/messages", {"receive_id_type": kind}, body)
        return _written(data.get("message_id"), uuid)

    def edit_message(self, room: Ref, written: Written, mark: str, message: Message) -> Written:
        """Another card in its place, within 14 days."""
        content = content_of(mark, message)
        # To put the same card twice changes nothing, so an answer that was lost is simply asked for again.
        self.site.ask("PATCH", f"/im/v1/messages/{written.id}", json={"content": content}, is_safe=True)
        return _written(written.id, uuid_of(room.key, mark, content))

    def repeatable_s(self, room: Ref, message: Message) -> float:
        """An hour."""
        return REPEATABLE_S

    def per_minute(self, room: Ref) -> int:
        """5 a second in one chat."""
        return PER_MINUTE

    def mergeable_bytes(self, room: Ref) -> int:
        """Each is changed in place by itself."""
        return 0

    def make_room(self, mark: str, title: str, members: Sequence[str], owner: str = "") -> NewRoom:
        """Looked for by the mark in its description first; then made under a uuid that makes one group in 10 hours."""
        key = self._room_of(mark) or self._new_room(mark, title, owner)
        return NewRoom(key, self._join(key, members))

    def invite(self, room: Ref, members: Sequence[str]) -> tuple[str, ...]:
        """In batches of 50, one after the other: Feishu refuses two at once."""
        return self._join(room.key, members)

    def find_people(self, contacts: Sequence[Contact]) -> Found:
        """By account e-mail, then by mobile number."""
        emails = self._ids_by("emails", "email", [item.email for item in contacts if item.email])
        left = [item.mobile for item in contacts if item.mobile and item.email.lower() not in emails]
        mobiles = self._ids_by("mobiles", "mobile", [_mobile(item) for item in left])
        found = {item: emails.get(item.email.lower()) or mobiles.get(_mobile(item.mobile)) for item in contacts}
        return {contact: account for contact, account in found.items() if account}

    def _ids_by(self, many: str, one: str, values: Sequence[str]) -> dict[str, str]:
        wanted, found = list(dict.fromkeys(values)), dict[str, str]()
        for at in range(0, len(wanted), BATCH):
            body = {many: wanted[at : at + BATCH], "include_resigned": False}
            data = self.site.ask(
                "POST", "/contact/v3/users/batch_get_id", {"user_id_type": "open_id"}, body, is_safe=True
            )
            for item in data.get("user_list") or ():
                if isinstance(item, Mapping) and item.get("user_id"):
                    value = str(item.get(one) or "")
                    found[value.lower() if one == "email" else _mobile(value)] = str(item["user_id"])
        return found

    def _room_of(self, mark: str) -> str:
        for page in self.site.pages("/im/v1/chats", {"page_size": 100}):
            for item in page:
                if mark in str(item.get("description") or ""):
                    return str(item["chat_id"])
        return ""

    def _new_room(self, mark: str, title: str, owner: str) -> str:
        params = {"user_id_type": "open_id", "uuid": id_of(mark), **({"set_bot_manager": "true"} if owner else {})}
        body: dict[str, Any] = {
            "name": title[:60],
            "description": f"由 Tieline 建立（{mark}）",
            "chat_mode": "group",
            "chat_type": "private",
        }
        if owner:
            body["owner_id"] = owner
        data = self.site.ask("POST", "/im/v1/chats", params, body, is_safe=True)
        key = data.get("chat_id")
        if not isinstance(key, str) or not key:
            raise Nonsense(expected="a chat_id", sample=data)
        return key

    def _join(self, key: str, members: Sequence[str]) -> tuple[str, ...]:
        wanted, missing = list(dict.fromkeys(members)), list[str]()
        for at in range(0, len(wanted), BATCH):
            params = {"member_id_type": "open_id", "succeed_type": 1}
            body = {"id_list": wanted[at : at + BATCH]}
            data = self.site.ask("POST", f"/im/v1/chats/{key}/members", params, body, is_safe=True)
            for name in ("invalid_id_list", "not_existed_id_list", "pending_approval_id_list"):
                missing += data.get(name) or []
        return tuple(item for item in wanted if item in missing)


def content_of(mark: str, message: Message) -> str:
    """The card as the JSON string that ``content`` is."""
    return msgspec.json.encode(card_from(mark, message)).decode()


def _mobile(text: str) -> str:
    """Numbers of the mainland are known without their country code."""
    return text.removeprefix("+86")


def _written(message_id: object, version: str) -> Written:
    if not isinstance(message_id, str) or not message_id:
        raise LostAnswer(
            "Feishu took a message and tells no message_id"
        )  # it may stand there: said again, it may stand twice
    return Written(message_id, version, is_untouched=True)
