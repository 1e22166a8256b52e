"""Saying things to people and in groups of our own as an application, and making such groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from connectors.wecom.answers import DUPLICATE_TASK
from connectors.wecom.cards import card_from, chat_id_of, has_buttons, markdown_of, task_id_of
from connectors.wecom.site import Site
from sync.core.errors import AccessDenied, CannotExpress, Nonsense, NotFound, Refused
from sync.core.messages import Contact, Found, Message, NewRoom
from sync.core.ports import Written
from sync.core.values import Ref

REPEATABLE_S = 4 * 3600.0  # as long as WeCom looks for duplicates at most
GROUP_NAME = 50
LEAST_MEMBERS = 2
MOST_MISSES = 20  # a fifth of the company's numbers wrong, and WeCom blocks looking for a day
log = structlog.get_logger()


class ChatMessenger:
    """The Messenger port of an application. A person's chat takes cards with buttons, a group Markdown only."""

    site: Site
    agent_id: int
    room_keepers: tuple[str, ...]
    people_known: dict[Contact, str]

    def find_message(self, room: Ref, mark: str) -> Written | None:
        """WeCom lets nobody look at what was said."""
        raise CannotExpress(
            "WeCom keeps no mark of ours on a message; a card with buttons to a person is said once within four hours"
        )

    def send_message(self, room: Ref, mark: str, message: Message) -> Written:
        """Markdown, or to a person a card where there are buttons to press."""
        if room.kind != "person":
            body = {"chatid": room.key, "msgtype": "markdown", "markdown": {"content": markdown_of(message)}, "safe": 0}
            self.site.ask("POST", "appchat/send", json=body)
            return Written(task_id_of(mark, message), "", is_untouched=True)
        kind, content = self._for_person(mark, message)
        body = {"touser": room.key, "agentid": self.agent_id, "msgtype": kind, kind: content, "safe": 0}
        if kind == "template_card":
            body |= {"enable_duplicate_check": 1, "duplicate_check_interval": int(REPEATABLE_S)}
        return self._sent(mark, message, body)

    def _for_person(self, mark: str, message: Message) -> tuple[str, dict[str, Any]]:
        if has_buttons(message):
            return "template_card", card_from(mark, message)
        return "markdown", {"content": markdown_of(message)}

    def _sent(self, mark: str, message: Message, body: Mapping[str, Any]) -> Written:
        message_id = task_id_of(mark, message)
        try:
            said = self.site.ask("POST", "message/send", json=body)
        except Refused as error:
            if error.vendor_code != str(DUPLICATE_TASK):
                raise
            return Written(
                message_id, "", is_untouched=True
            )  # this very card was said before; its code is not told again
        missing = [name for field in ("invaliduser", "unlicenseduser") for name in _listed(said.get(field))]
        if str(body["touser"]).lower() in missing:
            raise Refused(f"WeCom reached nobody: {', '.join(missing)}; 应用的可见范围里要有这个人，并且有接口许可")
        return Written(message_id, str(said.get("response_code") or ""), is_untouched=True)

    def edit_message(self, room: Ref, written: Written, mark: str, message: Message) -> Written:
        """Another card in its place: once after it was sent, and once after each press of a button, within 72 hours."""
        if room.kind != "person" or not written.version:
            raise CannotExpress(
                "WeCom changes a card to a person once only, within 72 hours, and nothing said in a group"
            )
        card = {**card_from(mark, message), "task_id": written.id}
        body = {
            "userids": [room.key],
            "agentid": self.agent_id,
            "response_code": written.version,
            "template_card": card,
        }
        try:
            self.site.ask("POST", "message/update_template_card", json=body)
        except Refused as error:  # which errcode a used or old code has is not published
            raise CannotExpress(f"WeCom does not change this card (once, within 72 hours): {error}") from error
        return Written(written.id, "", is_untouched=True)

    def repeatable_s(self, room: Ref, message: Message) -> float:
        """A card to a person: its id is taken once."""
        return REPEATABLE_S if room.kind == "person" and has_buttons(message) else 0.0

    def per_minute(self, room: Ref) -> int:
        """30 a minute reach one person; what is above is dropped in silence."""
        return 25 if room.kind == "person" else 150

    def mergeable_bytes(self, room: Ref) -> int:
        """Each is changed in place by itself."""
        return 0

    # -- groups

    def make_room(self, mark: str, title: str, members: Sequence[str], owner: str = "") -> NewRoom:
        """A group under an id that follows from the mark. WeCom wants two people at least: ``room_keepers`` are in each. It stays unseen
        until something is said in it, so its title is."""
        key, name = chat_id_of(mark), title.replace("\n", " ").strip()[:GROUP_NAME]
        wanted = tuple(dict.fromkeys([*members, *self.room_keepers]))
        there = self._group(key)
        if there is not None:
            return NewRoom(key, self._join(key, wanted, there))
        known = [member for member in wanted if self._is_member(member)]
        if len(known) < LEAST_MEMBERS:
            text = f"a WeCom group has two people at least, and only {len(known)} of these may be brought in: {', '.join(wanted)}"
            raise Refused(f"{text}; name room_keepers who are always in")
        body: dict[str, Any] = {"name": name, "userlist": known, "chatid": key}
        if owner in known:
            body["owner"] = owner
        try:
            self.site.ask("POST", "appchat/create", json=body, is_safe=True)  # its id is taken once
        except Refused:  # which errcode an id that is taken has is not published
            if (there := self._group(key)) is None:
                raise
            return NewRoom(key, self._join(key, wanted, there))
        self.site.ask(
            "POST", "appchat/send", json={"chatid": key, "msgtype": "text", "text": {"content": name}, "safe": 0}
        )
        return NewRoom(key, tuple(item for item in wanted if item not in known))

    def invite(self, room: Ref, members: Sequence[str]) -> tuple[str, ...]:
        """Those who may be brought in."""
        there = self._group(room.key)
        if there is None:
            raise NotFound(f"the group {room.key} is none that this application made")
        return self._join(room.key, tuple(dict.fromkeys(members)), there)

    def _join(self, key: str, wanted: Sequence[str], there: set[str]) -> tuple[str, ...]:
        absent = [member for member in wanted if member.lower() not in there]
        known = [member for member in absent if self._is_member(member)]
        if known:
            self.site.ask("POST", "appchat/update", json={"chatid": key, "add_user_list": known}, is_safe=True)
        return tuple(member for member in absent if member not in known)

    def _group(self, key: str) -> set[str] | None:
        """Who is in a group of ours, in small letters; None when there is none."""
        try:
            said = self.site.ask("GET", "appchat/get", {"chatid": key})
        except NotFound:
            return None
        except Refused as error:
            if error.vendor_code in ("86001", "86003"):
                return None
            raise
        info = said.get("chat_info")
        if not isinstance(info, dict):
            raise Nonsense(expected="chat_info", sample=said)
        return {str(member).lower() for member in info.get("userlist") or ()}

    def _is_member(self, account_id: str) -> bool:
        """Whether somebody may be brought in: known, and in the application's range."""
        try:
            self.site.ask("GET", "user/get", {"userid": account_id})
        except NotFound:
            return False
        except AccessDenied as error:
            if error.data.get("code") in (60011, 50002):
                return False
            raise
        return True

    # -- finding people

    def find_people(self, contacts: Sequence[Contact]) -> Found:
        """By mobile number, then by the company's e-mail. Nobody is asked for twice, and asking ends after too many misses: WeCom blocks
        whoever guesses for a day."""
        for contact in contacts:
            if contact not in self.people_known and self._misses() < MOST_MISSES:
                self.people_known[contact] = self._found(contact)
        if self._misses() >= MOST_MISSES:
            log.warning("wecom_asks_no_more", connection=self.site.settings.name, misses=self._misses())
        return {contact: account for contact in contacts if (account := self.people_known.get(contact, ""))}

    def _misses(self) -> int:
        return sum(not account for account in self.people_known.values())

    def _found(self, contact: Contact) -> str:
        asked: list[tuple[str, dict[str, Any]]] = []
        if contact.mobile:
            asked.append(("user/getuserid", {"mobile": contact.mobile.removeprefix("+86")}))
        if contact.email:
            asked.append(("user/get_userid_by_email", {"email": contact.email, "email_type": 1}))
        for path, body in asked:
            try:
                return str(self.site.ask("POST", path, json=body, is_safe=True).get("userid") or "")
            except NotFound:
                continue
        return ""


def _listed(value: object) -> list[str]:
    """Ids as WeCom joins them, in small letters."""
    items = value if isinstance(value, list) else str(value or "").split("|")
    return [str(item).lower() for item in items if item]
