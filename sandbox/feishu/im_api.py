"""Messages and groups (im/v1)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from sandbox.feishu.call import Call, texts
from sandbox.feishu.state import Chat, Refusal, Said

CARD_BYTES, TEXT_BYTES = 30 * 1024, 150 * 1024
HOUR, TEN_HOURS, FORTNIGHT = timedelta(hours=1), timedelta(hours=10), timedelta(days=14)


def send(call: Call) -> dict[str, Any]:
    call.state.require_scope("im:message:send", "im:message", "im:message:send_as_bot")
    kind = call.request.get("receive_id_type")
    if kind not in ("open_id", "user_id", "union_id", "email", "chat_id"):
        raise Refusal(99992402, "field validation failed: receive_id_type is required")
    body = call.body()
    uuid = body.get("uuid") or ""
    if not isinstance(uuid, str) or len(uuid) > 50:
        raise Refusal(230001, "Your request contains an invalid request parameter, ext=uuid")
    room = _room(call, kind, body.get("receive_id"))
    content = content_of(body)
    known = call.state.uuids.get(uuid) if uuid else None
    if known and call.state.now() - known[0] < HOUR:
        return _shown(call.state.messages[known[1]])
    said = Said(call.state.new_id("om"), room, body["msg_type"], content, call.state.now())
    call.state.messages[said.id] = said
    if uuid:
        call.state.uuids[uuid] = (said.at, said.id)
    return _shown(said)


def _room(call: Call, kind: str, receive_id: object) -> str:
    if kind == "chat_id":
        chat = call.state.chats.get(str(receive_id))
        if chat is None:
            raise Refusal(230001, "Your request contains an invalid request parameter, ext=invalid receive_id")
        if not chat.has_bot:
            raise Refusal(230002, "The bot can not be outside the group.")
        return chat.id
    people = call.state.people.values()
    found = next((one for one in people if receive_id in (one.open_id, one.email) and not one.is_resigned), None)
    if found is None:
        raise Refusal(230013, "Bot has NO availability to this user.")
    return found.open_id


def content_of(body: dict[str, Any]) -> dict[str, Any]:
    """The decoded content: a JSON text, within its size, and a card that its client could draw."""
    kind, text = body.get("msg_type"), body.get("content")
    if kind not in ("text", "post", "interactive") or not isinstance(text, str):
        raise Refusal(
            230001, "Your request contains an invalid request parameter, ext=content is not a string in json format"
        )
    if len(text.encode()) > (TEXT_BYTES if kind == "text" else CARD_BYTES):
        raise Refusal(230025, "The length of the message content reaches its limit.")
    try:
        content = json.loads(text)
    except ValueError as error:
        raise Refusal(230001, "Your request contains an invalid request parameter, ext=content") from error
    if kind == "interactive":
        check_card(content)
    return content  # type: ignore[no-any-return]


def check_card(card: Any) -> None:
    """Refuse what is no card of JSON 2.0 with elements that it knows."""
    elements = card.get("body", {}).get("elements") if isinstance(card, dict) else None
    if not isinstance(card, dict) or card.get("schema") != "2.0" or not isinstance(elements, list):
        raise Refusal(230099, "Failed to create card content, ext=ErrCode: 200621; ErrMsg: parse card json err")
    for element in elements:
        if element.get("tag") not in ("markdown", "button", "hr", "div"):
            raise Refusal(230099, f"Failed to create card content, ext=unknown tag {element.get('tag')}")
        for behavior in element.get("behaviors", ()):
            if behavior.get("type") == "callback" and not isinstance(behavior.get("value"), dict):
                raise Refusal(230099, "Failed to create card content, ext=value must be an object")


def patch(call: Call) -> dict[str, Any]:
    call.state.require_scope("im:message:update", "im:message", "im:message:send_as_bot")
    said = _message(call)
    if said.msg_type != "interactive":
        raise Refusal(230001, "This message is NOT a card.")
    card = content_of({"msg_type": "interactive", "content": call.body().get("content")})
    if not all(one.get("config", {}).get("update_multi") is True for one in (said.content, card)):
        raise Refusal(230099, "update_multi must be true in both cards")
    said.content = card
    return {}


def put(call: Call) -> dict[str, Any]:
    call.state.require_scope("im:message:update", "im:message", "im:message:send_as_bot")
    said, body = _message(call), call.body()
    if body.get("msg_type") not in ("text", "post") or said.msg_type not in ("text", "post"):
        raise Refusal(230054, "This operation is unavailable for the message type.")
    said.content = content_of(body)
    return _shown(said)


def _message(call: Call) -> Said:
    said = call.state.messages.get(call.ids["message_id"])
    if said is None:
        raise Refusal(230001, "Your request contains an invalid request parameter, ext=open_message_id")
    if said.is_recalled:
        raise Refusal(230011, "The message is recalled.")
    if call.state.now() - said.at > FORTNIGHT:
        raise Refusal(230031, "The message was sent more than 14 days ago.")
    return said


def _shown(said: Said) -> dict[str, Any]:
    at = str(int(said.at.timestamp() * 1000))
    return {"message_id": said.id, "chat_id": said.room, "msg_type": said.msg_type, "create_time": at, "deleted": False}


def list_chats(call: Call) -> dict[str, Any]:
    call.state.require_scope("im:chat:readonly", "im:chat", "im:chat.group_info:readonly", "im:chat:read")
    mine = [chat for chat in call.state.chats.values() if chat.has_bot]
    shown = [
        {"chat_id": one.id, "name": one.name, "description": one.description, "owner_id": one.owner} for one in mine
    ]
    return call.page(shown, 100)


def make_chat(call: Call) -> dict[str, Any]:
    call.state.require_scope("im:chat", "im:chat:create")
    call.params(user_id_type=("open_id", "user_id", "union_id"), set_bot_manager=("true", "false"))
    body, state = call.body(), call.state
    members, owner = texts(body.get("user_id_list"), "user_id_list"), str(body.get("owner_id") or "")
    uuid = f"{call.request.get('uuid')} {owner}" if call.request.get("uuid") else ""
    known = state.chat_uuids.get(uuid)
    if known and state.now() - known[0] < TEN_HOURS:
        return {"chat_id": known[1]}
    if any(one not in state.people for one in (*members, *([owner] if owner else []))):
        raise Refusal(232043, "Your request contains unavailable ids.")
    chat = Chat(
        state.new_id("oc"), str(body.get("name") or ""), str(body.get("description") or ""), owner,
        {*members, *([owner] if owner else [])}, is_made_by_app=True,
    )  # fmt: skip
    if len(chat.description) > 100:
        raise Refusal(232001, "Your request contains an invalid request parameter: description")
    state.chats[chat.id] = chat
    if uuid:
        state.chat_uuids[uuid] = (state.now(), chat.id)
    return {"chat_id": chat.id, "name": chat.name, "description": chat.description}


def add_members(call: Call) -> dict[str, Any]:
    call.state.require_scope("im:chat", "im:chat.members:write_only")
    call.params(member_id_type=("open_id", "user_id", "union_id", "app_id"), succeed_type=("0", "1", "2"))
    chat = call.state.chats.get(call.ids["chat_id"])
    if chat is None:
        raise Refusal(232006, "Your request specifies a chat_id which is invalid.")
    if not chat.has_bot:
        raise Refusal(232011, "Operator can NOT be out of the chat.")
    wanted = texts(call.body().get("id_list"), "id_list")
    people = call.state.people
    invalid = [one for one in wanted if not one.startswith("ou_")]
    unknown = [one for one in wanted if one not in invalid and (one not in people or people[one].is_resigned)]
    if (invalid or unknown) and call.request.get("succeed_type") != "1":
        raise Refusal(232043, "Your request contains unavailable ids.")
    chat.members |= set(wanted) - {*invalid, *unknown}
    return {"invalid_id_list": invalid, "not_existed_id_list": unknown, "pending_approval_id_list": []}
