"""Cards, messages of the application's robot, groups made from a template, and robots of groups."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from typing import Any
from urllib.parse import unquote_plus

from sandbox.dingtalk.state import (
    CARD_TEMPLATE,
    CLIENT_ID,
    GROUP_TEMPLATE,
    Call,
    Group,
    Json,
    OldRefusal,
    Refusal,
    Said,
    State,
)

SPACE = re.compile(r"dtv1\.card//(IM_GROUP|IM_ROBOT)\.(.+)")
KINDS = {"sampleMarkdown": ("title", "text"), "sampleText": ("content",)}
LARGEST = 15_000


def deliver_card(call: Call) -> Json:
    """createAndDeliver: one card in one place; the place may refuse it within a success."""
    call.state.require("Card.Instance.Write")
    body = call.body
    if body.get("cardTemplateId") != CARD_TEMPLATE:
        raise Refusal(400, "param.cardTemplateId.notExist", "卡片模板不存在")
    if any(one.key == body.get("outTrackId") for one in call.state.said):
        raise Refusal(400, "param.outTrackIdDuplicated", "outTrackId 重复")
    parameters = _parameters(body)
    found = SPACE.fullmatch(str(body.get("openSpaceId")))
    if found is None:
        raise Refusal(400, "param.openSpaceId.invalid", "openSpaceId 不合法")
    kind, room = found.groups()
    route = _route(call)
    model = body.get("imGroupOpenDeliverModel" if kind == "IM_GROUP" else "imRobotOpenDeliverModel") or {}
    trouble = _trouble(call.state, kind, room, model)
    result = {"success": not trouble, "errorMsg": trouble, "spaceId": room, "spaceType": kind, "carrierId": ""}
    if not trouble:
        at = list(model.get("atUserIds") or ()) if kind == "IM_GROUP" else []
        call.state.said.append(Said(room, "card", parameters, str(body["outTrackId"]), at, route))
    return {"success": True, "result": {"outTrackId": body.get("outTrackId"), "deliverResults": [result]}}


def _route(call: Call) -> str:
    """Where a press goes: over Stream mode (""), or to a route that must be known."""
    if call.body.get("callbackType") == "STREAM":
        return ""
    route = str(call.body.get("callbackRouteKey") or "")
    if call.body.get("callbackType") != "HTTP" or route not in call.state.routes:
        raise Refusal(400, "param.callbackRouteKey.notExist", "callbackRouteKey 未注册")
    return route


def _trouble(state: State, kind: str, room: str, model: Json) -> str:
    if model.get("robotCode") != CLIENT_ID:
        return "robotCode 不存在"
    if kind == "IM_GROUP":
        group = state.groups.get(room)
        return "" if group and group.has_robot else "机器人不在群内"
    if model.get("spaceType") != "IM_ROBOT":
        return "spaceType 不合法"
    return "" if state.person(room) else "用户不存在"


def _parameters(body: Json) -> Json:
    found = (body.get("cardData") or {}).get("cardParamMap")
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise Refusal(400, "param.cardData.invalid", "cardParamMap 的值必须是字符串")
    if body.get("userIdType", 1) != 1:
        raise Refusal(400, "param.userIdType.invalid", "userIdType 不合法")
    return dict(found)


def update_card(call: Call) -> Json:
    call.state.require("Card.Instance.Write")
    one = next((item for item in call.state.said if item.key and item.key == call.body.get("outTrackId")), None)
    if one is None:
        raise Refusal(404, "card.notExist", "卡片不存在")
    parameters = _parameters(call.body)
    is_by_key = (call.body.get("cardUpdateOptions") or {}).get("updateCardDataByKey")
    one.content = {**one.content, **parameters} if is_by_key else parameters
    return {"success": True, "result": True}


def say_in_group(call: Call) -> Json:
    call.state.require("qyapi_robot_sendmsg")
    group = call.state.groups.get(str(call.body.get("openConversationId")))
    if call.body.get("robotCode") != CLIENT_ID or group is None or not group.has_robot:
        raise Refusal(400, "invalidParameter.robot.notInGroup", "机器人不在群内")
    call.state.said.append(Said(group.key, "message", _message(call.body)))
    return {"processQueryKey": f"key-{len(call.state.said)}"}


def say_to_people(call: Call) -> Json:
    """Success, with those who were not reached in three lists."""
    call.state.require("qyapi_robot_sendmsg")
    wanted = call.body.get("userIds") or []
    if call.body.get("robotCode") != CLIENT_ID or not 1 <= len(wanted) <= 20:
        raise Refusal(400, "invalidParameter.userIds", "userIds 不合法")
    message = _message(call.body)
    invalid = [one for one in wanted if not call.state.person(one)]
    controlled = [one for one in wanted if one in call.state.flow_controlled]
    for one in wanted:
        if one not in (*invalid, *controlled):
            call.state.said.append(Said(one, "message", message))
    lists = {"invalidStaffIdList": invalid, "flowControlledStaffIdList": controlled, "filteredStaffIdList": []}
    return {"processQueryKey": f"key-{len(call.state.said)}", **lists}


def _message(body: Json) -> Json:
    try:
        found = json.loads(body.get("msgParam") or "")
    except ValueError:
        raise Refusal(400, "invalidParameter.msgParam", "msgParam 不是 JSON") from None
    wanted = KINDS.get(str(body.get("msgKey")))
    if wanted is None or not all(found.get(name) for name in wanted):
        raise Refusal(400, "invalidParameter.msgKey", "msgKey 或 msgParam 不合法")
    if len(str(body["msgParam"]).encode()) > LARGEST:
        raise Refusal(400, "invalidParameter.msgParam", "msgParam 过长")
    return dict(found)


# -- groups


def make_group(call: Call) -> Json:
    call.state.require("qyapi_chat_manage")
    body, members = call.body, list(call.body.get("user_ids") or [])
    if body.get("template_id") != GROUP_TEMPLATE:
        raise Refusal(400, "invalidParameter.templateId", "模板不存在或未发布")
    known = next((one for one in call.state.groups.values() if one.uuid and one.uuid == body.get("uuid")), None)
    if known:
        return {"chat_id": f"chat{known.key}", "open_conversation_id": known.key}
    if not call.state.person(str(body.get("owner_user_id"))) or any(not call.state.person(one) for one in members):
        raise Refusal(400, "invalidParameter.userId", "用户不存在")
    if not body.get("title") or len(str(body["title"])) > 20:
        raise Refusal(400, "invalidParameter.title", "title 不合法")
    key = "cid" + hashlib.sha256(str(body.get("uuid")).encode()).hexdigest()[:20]
    everybody = list(dict.fromkeys([str(body["owner_user_id"]), *members]))
    call.state.groups[key] = Group(key, str(body["title"]), everybody, str(body.get("uuid") or ""))
    return {"chat_id": f"chat{key}", "open_conversation_id": key}


def add_members(call: Call) -> Json:
    call.state.require("qyapi_chat_manage")
    group = call.state.groups.get(str(call.body.get("open_conversation_id")))
    wanted = call.body.get("user_ids") or []
    if group is None or any(not call.state.person(one) for one in wanted):
        raise Refusal(400, "invalidParameter", "群或用户不存在")
    group.members = list(dict.fromkeys([*group.members, *wanted]))
    return {"success": True}


# -- robots of groups


def speak(call: Call, now_ms: int) -> Json:
    """A custom robot's webhook: an old API."""
    robot = call.state.robots.get(call.request.get("access_token"))
    if robot is None:
        raise OldRefusal(300005, "token is not exist")
    if robot.secret:
        _check_sign(call, robot.secret, now_ms)
    markdown = call.body.get("markdown")
    if call.body.get("msgtype") != "markdown" or not isinstance(markdown, dict) or not markdown.get("text"):
        raise OldRefusal(400602, "description:miss param : markdown->text")
    named = (call.body.get("at") or {}).get("atUserIds") or []
    at = [one for one in named if f"@{one}" in markdown["text"]]  # who is not named in the text is not told
    call.state.said.append(Said(robot.room, "message", dict(markdown), at=at))
    return {}


def _check_sign(call: Call, secret: str, now_ms: int) -> None:
    at = call.request.get("timestamp")
    right = base64.b64encode(hmac.new(secret.encode(), f"{at}\n{secret}".encode(), hashlib.sha256).digest()).decode()
    given = unquote_plus(call.request.get("sign")) if "%" in call.request.get("sign") else call.request.get("sign")
    if not at.isdigit() or abs(int(at) - now_ms) > 3_600_000 or given != right:
        raise OldRefusal(310000, "sign not match, more: [https://ding-doc.dingtalk.com]")


# -- what people see


def shown(said: Said) -> str:
    """A message as people see it: title, words, what stands on its buttons."""
    content: dict[str, Any] = said.content
    if said.kind != "card":
        return re.sub(r"</?font[^>]*>", "", f"{content.get('title', '')}\n{content.get('text', '')}")
    parts = [content.get("title", ""), re.sub(r"</?font[^>]*>", "", content.get("content", ""))]
    parts += [content.get(f"button{number}", "") for number in (1, 2, 3)]
    return "\n".join(part for part in parts if part)
