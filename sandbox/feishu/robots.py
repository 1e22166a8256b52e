"""The webhook of a group's robot (bot/v2/hook)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from sandbox.feishu.call import Call
from sandbox.feishu.im_api import check_card
from sandbox.feishu.state import Refusal, Said

BODY_BYTES = 20 * 1024
VALID_S = 3600


def speak(call: Call) -> dict[str, Any]:
    robot = call.state.robots.get(call.ids["token"])
    if robot is None:
        raise Refusal(19001, "param invalid: incoming webhook access token invalid", 200)
    if len(call.request.body) > BODY_BYTES:
        raise Refusal(9499, "Bad Request", 200)
    body = call.body()
    if robot.secret:
        _check_sign(call, body, robot.secret)
    if body.get("msg_type") == "interactive":
        content = body.get("card")
        if not isinstance(content, dict):
            raise Refusal(9499, "Bad Request", 200)
        check_card(content)
    elif body.get("msg_type") in ("text", "post") and isinstance(body.get("content"), dict):
        content = body["content"]
    else:
        raise Refusal(9499, "Bad Request", 200)
    said = Said(call.state.new_id("om"), robot.chat, body["msg_type"], content, call.state.now())
    call.state.messages[said.id] = said
    return {"StatusCode": 0, "StatusMessage": "success", "data": {}}


def _check_sign(call: Call, body: dict[str, Any], secret: str) -> None:
    """The words are the key and nothing is signed."""
    at = str(body.get("timestamp") or "")
    right = base64.b64encode(hmac.new(f"{at}\n{secret}".encode(), b"", hashlib.sha256).digest()).decode()
    is_fresh = at.isdigit() and abs(call.state.now().timestamp() - int(at)) <= VALID_S
    if not is_fresh or not hmac.compare_digest(str(body.get("sign") or "").encode(), right.encode()):
        raise Refusal(19021, "sign match fail or timestamp is not within one hour from current time", 200)
