"""Saying things in groups and to people as an application, and making groups."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from connectors.dingtalk.cards import card_id_of, id_of, named_in, parameters_of, text_of, title_of
from connectors.dingtalk.people import CompanyDirectory
from connectors.dingtalk.site import Site
from sync.core.errors import CannotExpress, LostAnswer, Nonsense, NotFound, Refused, TryLater
from sync.core.messages import Contact, Found, Message, NewRoom
from sync.core.ports import Written
from sync.core.values import Ref

IS_CARD = "card"  # the version of what can be changed
GROUP_TITLE = 20
A_DAY_S = 86_400.0
PER_MINUTE = 40


class ChatMessenger(CompanyDirectory):
    """The Messenger port of an application. With a card template everything is a card, which has buttons and can be changed; without one
    everything is Markdown, which has neither."""

    site: Site
    robot_code: str
    card_template: str
    group_template: str
    callback_route: str
    _people_lock: threading.Lock
    _by_email: dict[str, str]
    _listed_at: float | None

    def find_message(self, room: Ref, mark: str) -> Written | None:
        """DingTalk lets nobody look at what was said."""
        raise CannotExpress("DingTalk does not let an application look up what it said")

    def send_message(self, room: Ref, mark: str, message: Message) -> Written:
        """A card, or Markdown where no template is configured."""
        return self._card(room, mark, message) if self.card_template else self._plain(room, mark, message)

    def _card(self, room: Ref, mark: str, message: Message) -> Written:
        key, title = card_id_of(room.key, mark, message), title_of(message)
        body: dict[str, Any] = {
            "cardTemplateId": self.card_template,
            "outTrackId": key,
            **self._way_back(),
            "userIdType": 1,
            "cardData": {"cardParamMap": parameters_of(mark, message)},
        }
        space = {"supportForward": False, "lastMessageI18n": {"ZH_CN": title}}
        if room.kind == "person":
            body["openSpaceId"] = f"dtv1.card//IM_ROBOT.{room.key}"
            body["imRobotOpenSpaceModel"] = space
            body["imRobotOpenDeliverModel"] = {"spaceType": "IM_ROBOT", "robotCode": self.robot_code}
        else:
            at = named_in(message.body)
            body["openSpaceId"] = f"dtv1.card//IM_GROUP.{room.key}"
            body["imGroupOpenSpaceModel"] = space
            body["imGroupOpenDeliverModel"] = {"robotCode": self.robot_code, **({"atUserIds": at} if at else {})}
        _require_delivered(self.site.ask("POST", "card/instances/createAndDeliver", body), room.key)
        return Written(key, IS_CARD, is_untouched=True)

    def _way_back(self) -> dict[str, Any]:
        """How a press comes back; it is said for each card, as the console's switch does not cover cards."""
        route = self.callback_route
        return {"callbackType": "HTTP", "callbackRouteKey": route} if route else {"callbackType": "STREAM"}

    def _plain(self, room: Ref, mark: str, message: Message) -> Written:
        parameters = msgspec.json.encode(
            {"title": title_of(message), "text": f"**{title_of(message)}**\n\n{text_of(message)}"}
        )
        body = {"robotCode": self.robot_code, "msgKey": "sampleMarkdown", "msgParam": parameters.decode()}
        if room.kind == "person":
            said = self.site.ask("POST", "robot/oToMessages/batchSend", {**body, "userIds": [room.key]})
            if said.get("flowControlledStaffIdList"):
                raise TryLater(f"DingTalk: too much was said to {room.key}", reason="rate_limited", scope="item")
            if missing := [*(said.get("invalidStaffIdList") or []), *(said.get("filteredStaffIdList") or [])]:
                raise Refused(f"DingTalk reached nobody: {', '.join(map(str, missing))}; 应用的可见范围里要有这个人")
        else:
            self.site.ask("POST", "robot/groupMessages/send", {**body, "openConversationId": room.key})
        return Written(card_id_of(room.key, mark, message), "", is_untouched=True)

    def edit_message(self, room: Ref, written: Written, mark: str, message: Message) -> Written:
        """Other variables in the same card. To put the same twice changes nothing, so a lost answer is asked for again."""
        if written.version != IS_CARD:
            raise CannotExpress("DingTalk changes cards only: set card_template_id")
        body = {
            "outTrackId": written.id,
            "userIdType": 1,
            "cardData": {"cardParamMap": parameters_of(mark, message)},
            "cardUpdateOptions": {"updateCardDataByKey": True},
        }
        self.site.ask("PUT", "card/instances", body, is_safe=True)
        return Written(written.id, IS_CARD, is_untouched=True)

    def repeatable_s(self, room: Ref, message: Message) -> float:
        """What DingTalk does with a card id that it has already is not published, so nothing is sent again."""
        return 0.0

    def per_minute(self, room: Ref) -> int:
        """The limit of a group is not published; this is well below what was seen to be taken."""
        return PER_MINUTE

    def mergeable_bytes(self, room: Ref) -> int:
        """Each is changed in place by itself."""
        return 0

    # -- groups

    def make_room(self, mark: str, title: str, members: Sequence[str], owner: str = "") -> NewRoom:
        """A group from the admin's template, made once under an id that follows from the mark."""
        if not self.group_template:
            raise CannotExpress(
                "DingTalk makes groups from a template only: set group_template_id (开发者后台 > 场景群模板)"
            )
        wanted = tuple(dict.fromkeys(members))
        known = [member for member in wanted if self._is_known(member)]
        if not known:
            raise Refused(f"nobody of these is known to DingTalk: {', '.join(wanted)}")
        body = {
            "title": " ".join(title.split())[:GROUP_TITLE],
            "template_id": self.group_template,
            "owner_user_id": owner if owner in known else known[0],
            "user_ids": known,
            "uuid": id_of(mark),
        }
        said = self.site.ask("POST", "im/sceneGroup/create", body, is_safe=True)
        key = said.get("open_conversation_id")
        if not isinstance(key, str) or not key:
            raise Nonsense(expected="an open_conversation_id", sample=said)
        return NewRoom(key, tuple(member for member in wanted if member not in known))

    def invite(self, room: Ref, members: Sequence[str]) -> tuple[str, ...]:
        """Those who are known."""
        wanted = tuple(dict.fromkeys(members))
        known = [member for member in wanted if self._is_known(member)]
        if known:
            body = {"open_conversation_id": room.key, "user_ids": known}
            self.site.ask("POST", "im/sceneGroup/member/add", body, is_safe=True)
        return tuple(member for member in wanted if member not in known)

    def _is_known(self, account_id: str) -> bool:
        try:
            self.site.look("v2/user/get", {"userid": account_id})
        except NotFound:
            return False
        return True

    # -- finding people

    def find_people(self, contacts: Sequence[Contact]) -> Found:
        """By mobile number; by e-mail out of the directory, which is read once a day at most: DingTalk has no such question, and
        counts every call of the organisation's month."""
        found = {}
        for contact in contacts:
            account = self._by_mobile(contact.mobile) if contact.mobile else ""
            account = account or (self._emails().get(contact.email.lower(), "") if contact.email else "")
            if account:
                found[contact] = account
        return found

    def _by_mobile(self, mobile: str) -> str:
        try:
            said = self.site.look("v2/user/getbymobile", {"mobile": mobile.removeprefix("+86").removeprefix("+")})
        except NotFound:
            return ""
        return str(said.get("userid") or "") if isinstance(said, Mapping) else ""

    def _emails(self) -> Mapping[str, str]:
        with self._people_lock:
            if self._listed_at is None or time.monotonic() - self._listed_at >= A_DAY_S:
                everybody = [item for page in self.employees() for item in page]
                self._by_email = {
                    item.account.email.lower(): item.account.id for item in everybody if item.account.email
                }
                self._listed_at = time.monotonic()
            return self._by_email


def _require_delivered(said: Mapping[str, Any], room: str) -> None:
    """A success may hold that the card came nowhere; one that tells nothing of it leaves open whether it came."""
    result = said.get("result")
    results = result.get("deliverResults") if isinstance(result, Mapping) else None
    if said.get("success") is False or not isinstance(results, list) or not results:
        raise LostAnswer(f"DingTalk took a card for {room} and tells nothing of where it came")
    failed = [
        str(item.get("errorMsg") or "") for item in results if isinstance(item, Mapping) and not item.get("success")
    ]
    if len(failed) == len(results):
        cure = "把应用机器人加进群（群设置 > 机器人），或把人加进应用的可见范围"
        raise Refused(
            f"DingTalk reached nobody in {room}: {'; '.join(failed)}; {cure}", vendor_message="; ".join(failed)
        )
