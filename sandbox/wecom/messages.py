"""Saying things: to people, in groups that the application made, and by robots of groups."""

from __future__ import annotations

import re
from typing import Any

from sandbox.wecom.state import AGENT, Call, Group, Json, Refusal, Said, State

NOT_PUBLISHED = 499999  # what the vendor says here is in no document, so nobody may depend on it
MENTION = re.compile(r"<@([^<>\s]+)>")
MOST = {"text": 2048, "markdown": 4096, "markdown_v2": 4096}


def send(call: Call) -> Json:
    """To people; who is out of range is told beside errcode 0, in small letters."""
    _check_agent(call.body)
    wanted = [one for one in str(call.body.get("touser") or "").split("|") if one]
    found = [one for name in wanted if (one := call.state.reachable(name))]
    invalid = [name.lower() for name in wanted if not call.state.reachable(name)]
    if not found:
        raise Refusal(81013, "user & party & tag all invalid", invaliduser="|".join(invalid))
    content = content_of(call.body, ("text", "markdown", "template_card"))
    task_id = str(content.get("task_id") or "") if call.body["msgtype"] == "template_card" else ""
    if task_id and any(one.task_id == task_id for one in call.state.said):
        raise Refusal(42014, "task id duplicate")
    if call.body.get("enable_duplicate_check") and _is_said(call.state, call.body, content):
        return {"msgid": "duplicate", "invaliduser": "|".join(invalid)}
    said = Said("", call.body["msgtype"], content, [one.userid for one in found], task_id)
    for one in found:
        call.state.said.append(Said(one.userid, said.kind, content, [one.userid], task_id))
    code = f"code-{len(call.state.codes) + 1}"
    call.state.codes[code] = len(call.state.said) - 1
    answer: Json = {"invaliduser": "|".join(invalid), "msgid": f"msg-{len(call.state.said)}"}
    return {**answer, "response_code": code} if task_id else answer


def _is_said(state: State, body: Json, content: Json) -> bool:
    return any(one.content == content and one.room == body.get("touser") for one in state.said)


def update_card(call: Call) -> Json:
    """Once for each code."""
    _check_agent(call.body)
    index = call.state.codes.pop(str(call.body.get("response_code")), None)
    if index is None:
        raise Refusal(NOT_PUBLISHED, "invalid response_code")
    said = call.state.said[index]
    if isinstance(call.body.get("template_card"), dict):
        check_card(call.body["template_card"])
        said.content = call.body["template_card"]
    elif name := (call.body.get("button") or {}).get("replace_name"):
        said.content = {**said.content, "button_list": [], "replaced": name}
    else:
        raise Refusal(40058, "button or template_card is needed")
    return {"invaliduser": []}


def _check_agent(body: Json) -> None:
    if str(body.get("agentid")) != AGENT or isinstance(body.get("agentid"), str):
        raise Refusal(40056, "invalid agentid")


def content_of(body: Json, kinds: tuple[str, ...]) -> Json:
    kind = body.get("msgtype")
    content = body.get(kind) if isinstance(kind, str) else None
    if kind not in kinds or not isinstance(content, dict):
        raise Refusal(40008, "invalid message type")
    if kind == "template_card":
        check_card(content)
        return content
    words = content.get("content")
    if not words:
        raise Refusal(44004, "text content is empty")
    if len(str(words).encode()) > MOST[str(kind)]:
        raise Refusal(45002, "content size out of limit")
    return content


def check_card(card: Json) -> None:
    kind, title = card.get("card_type"), card.get("main_title") or {}
    if kind not in ("text_notice", "button_interaction"):
        raise Refusal(40058, "invalid card_type")
    if not title.get("title") and not card.get("sub_title_text"):
        raise Refusal(40058, "main_title or sub_title_text is needed")
    if kind == "text_notice" and not (card.get("card_action") or {}).get("type"):
        raise Refusal(40058, "card_action is needed")
    buttons = card.get("button_list") or []
    if kind == "button_interaction" and not (1 <= len(buttons) <= 6 and card.get("task_id")):
        raise Refusal(40058, "1 to 6 buttons and a task_id are needed")
    if task_id := card.get("task_id"):
        _check_task_id(task_id)
    if len(card.get("jump_list") or []) > 3 or len(card.get("horizontal_content_list") or []) > 6:
        raise Refusal(40058, "too many entries")


def _check_task_id(task_id: Any) -> None:
    if not re.fullmatch(r"[0-9a-zA-Z_@-]{1,128}", str(task_id)):
        raise Refusal(40058, "invalid task_id")


# -- groups


def create_group(call: Call) -> Json:
    if call.state.is_visible_to is not None:
        raise Refusal(60011, "no privilege to access/modify contact/party/agent")
    chatid, members = (
        str(call.body.get("chatid") or f"made{len(call.state.groups)}"),
        list(call.body.get("userlist") or []),
    )
    if not re.fullmatch(r"[0-9a-zA-Z]{1,32}", chatid):
        raise Refusal(86001, "invalid chatid")
    if chatid in call.state.groups:
        raise Refusal(NOT_PUBLISHED, "chatid existed")
    if bad := [name for name in members if not call.state.reachable(name)]:
        raise Refusal(86216, f"invalid member id, invalid userids: {bad}")
    if not 2 <= len(members) <= 2000:
        raise Refusal(86006, "invalid chat member count")
    owner = str(call.body.get("owner") or members[0])
    if owner not in members:
        raise Refusal(86005, "invalid chat owner")
    call.state.groups[chatid] = Group(chatid, str(call.body.get("name") or "")[:50], owner, members)
    return {"chatid": chatid}


def _group(state: State, chatid: str) -> Group:
    if chatid not in state.groups:
        raise Refusal(86003, "chatid not exist")
    return state.groups[chatid]


def get_group(call: Call) -> Json:
    one = _group(call.state, call.request.get("chatid"))
    return {"chat_info": {"chatid": one.chatid, "name": one.name, "owner": one.owner, "userlist": one.members}}


def update_group(call: Call) -> Json:
    one = _group(call.state, str(call.body.get("chatid")))
    if bad := [name for name in call.body.get("add_user_list") or [] if not call.state.reachable(name)]:
        raise Refusal(86216, f"invalid member id, invalid userids: {bad}")
    one.members = list(dict.fromkeys([*one.members, *(call.body.get("add_user_list") or [])]))
    one.members = [name for name in one.members if name not in (call.body.get("del_user_list") or [])]
    return {}


def send_to_group(call: Call) -> Json:
    """Text and markdown; no cards, no buttons."""
    one = _group(call.state, str(call.body.get("chatid")))
    content = content_of(call.body, ("text", "markdown"))
    one.is_visible = True
    call.state.said.append(Said(one.chatid, call.body["msgtype"], content, list(one.members)))
    return {}


def speak(call: Call) -> Json:
    """A robot's webhook."""
    key = call.request.get("key")
    if key not in call.state.robots:
        raise Refusal(93000, "invalid webhook url, hint: [3]")
    content = content_of(call.body, ("text", "markdown", "markdown_v2", "template_card"))
    if call.body["msgtype"] == "template_card" and content.get("card_type") == "button_interaction":
        raise Refusal(40058, "invalid card_type")
    call.state.said.append(Said(key, call.body["msgtype"], content, []))
    return {}


# -- what people see


def shown(said: Said) -> str:
    """A message as people see it: title, words and what stands on the buttons."""
    if said.kind != "template_card":
        words = str(said.content.get("content") or "")
        return re.sub(r"</?font[^>]*>", "", words)
    card = said.content
    title = card.get("main_title") or {}
    parts = [title.get("title"), title.get("desc"), card.get("sub_title_text"), card.get("replaced")]
    parts += [f"{item.get('title')} {item.get('url')}" for item in card.get("jump_list") or []]
    parts += [button.get("text") for button in card.get("button_list") or []]
    return "\n".join(str(part) for part in parts if part)


def mentioned(said: Said) -> list[str]:
    """Whom a message notifies by name."""
    if said.kind == "markdown":
        return MENTION.findall(str(said.content.get("content") or ""))
    return list(said.content.get("mentioned_list") or []) if said.kind == "text" else []
