"""Callbacks to a public address as DingTalk makes them: pressed cards to registered routes, words said to the robot, sealed events."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from sandbox.courier import exchanged
from sandbox.dingtalk.state import CLIENT_ID, CLIENT_SECRET, Call, Json, Refusal, Said, State
from sandbox.faults import Faults

EVENT_TOKEN, EVENT_AES_KEY = "dingtalk-event-token", "Zm9yLXRoZS1zaW11bGF0b3Itb25seS0wMTIzNDU2Nzg"
JSON_HEADERS = {"content-type": "application/json; charset=utf-8"}


@dataclass
class Callbacks:
    """Where DingTalk calls back to. Each delivery waits for its answer, as DingTalk does; ``answers`` are (status, body), in order."""

    state: State
    faults: Faults
    now_ms: Callable[[], int]
    robot_url: str = ""
    event_url: str = ""
    answers: list[tuple[int, bytes]] = field(default_factory=list)

    def press(self, said: Said, by: str, parameters: Mapping[str, str]) -> None:
        """Somebody presses a button of a card that was delivered with a route; what the answer says of the card's variables is shown."""
        url, secret = self.state.routes[said.route]
        content = {"cardPrivateData": {"actionIds": ["press"], "params": dict(parameters)}}
        body = {
            "type": "actionCallback", "outTrackId": said.key, "corpId": "ding0001", "userId": by,
            "content": json.dumps(content, ensure_ascii=False),
        }  # fmt: skip
        at = str(self.now_ms())
        headers = {"x-ddpaas-signature-timestamp": at, "x-ddpaas-signature": keyed(secret, at)}
        for status, answer in self._deliver(url, body, headers if secret else {}, "card"):
            data = json.loads(answer or b"{}") if status == 200 else {}
            said.content |= data.get("cardData", {}).get("cardParamMap", {})

    def say(self, words: str, by: str, room: str) -> None:
        """Somebody names the robot in a group."""
        at = str(self.now_ms())
        body = {
            "conversationId": room, "conversationType": "2", "msgId": f"msg{secrets.token_hex(8)}", "msgtype": "text",
            "createAt": int(at), "senderStaffId": by, "senderId": "$:LWCP_v1:$x", "text": {"content": f" {words} "},
        }  # fmt: skip
        headers = {"timestamp": at, "sign": keyed(CLIENT_SECRET, f"{at}\n{CLIENT_SECRET}")}
        self._deliver(self.robot_url, body, headers, "robot")

    def event(self, event: Json) -> bool:
        """Send an event; whether it was acknowledged in the way that DingTalk wants."""
        at, nonce = str(self.now_ms()), secrets.token_hex(8)
        text = sealed(json.dumps(event), EVENT_AES_KEY, CLIENT_ID)
        query = {"msg_signature": signed(EVENT_TOKEN, at, nonce, text), "timestamp": at, "nonce": nonce}
        answers = self._deliver(f"{self.event_url}?{urlencode(query)}", {"encrypt": text}, {}, "event")
        return bool(answers) and all(status == 200 and _is_success(answer) for status, answer in answers)

    def save_event_url(self, url: str) -> bool:
        """What an admin does in the console: the address is taken only when it passes the check."""
        before, self.event_url = self.event_url, url
        is_good = self.event({"EventType": "check_url"})
        if not is_good:
            self.event_url = before
        return is_good

    def _deliver(self, url: str, body: Json, headers: Mapping[str, str], kind: str) -> list[tuple[int, bytes]]:
        fault = self.faults.take("POST", f"/deliveries/{kind}", ("lost_delivery", "repeated_delivery"))
        times = {"lost_delivery": 0, "repeated_delivery": 2}.get(fault.kind if fault else "", 1)
        data = json.dumps(body, ensure_ascii=False).encode()
        made = [exchanged("POST", url, data, {**JSON_HEADERS, **headers}) for _ in range(times)]
        found = [(status, answer) for status, _, answer in made]
        self.answers += found
        return found


def register(call: Call) -> Json:
    """A route: a second registration of the same key only tells the first, unless it is forced."""
    key, url = str(call.body.get("callbackRouteKey") or ""), str(call.body.get("callbackUrl") or "")
    if not url.startswith(("http://", "https://")):
        raise Refusal(400, "param.callbackUrl.invalid", "callbackUrl 不合法")
    if key not in call.state.routes or call.body.get("forceUpdate"):
        call.state.routes[key] = (url, str(call.body.get("apiSecret") or ""))
    url, secret = call.state.routes[key]
    return {"success": True, "result": {"callbackUrl": url, "apiSecret": secret}}


def keyed(secret: str, text: str) -> str:
    """HMAC-SHA256 in Base64."""
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()


def signed(token: str, timestamp: str, nonce: str, text: str) -> str:
    """An event's signature."""
    return hashlib.sha1("".join(sorted((token, timestamp, nonce, text))).encode()).hexdigest()


def sealed(text: str, aes_key: str, owner: str) -> str:
    """DingTalk's envelope (DingCallbackCrypto), written for the simulator alone."""
    key, message = base64.b64decode(aes_key + "="), text.encode()
    plain = secrets.token_bytes(16) + struct.pack(">I", len(message)) + message + owner.encode()
    plain += bytes([32 - len(plain) % 32]) * (32 - len(plain) % 32)
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain) + encryptor.finalize()).decode()


def unsealed(text: str, aes_key: str) -> tuple[str, str]:
    """(message, owner)."""
    key = base64.b64decode(aes_key + "=")
    decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    plain = decryptor.update(base64.b64decode(text)) + decryptor.finalize()
    end = 20 + struct.unpack(">I", plain[16:20])[0]
    return plain[20:end].decode(), plain[end : -plain[-1]].decode()


def _is_success(answer: bytes) -> bool:
    try:
        said: Any = json.loads(answer)
        right = signed(EVENT_TOKEN, said["timeStamp"], said["nonce"], said["encrypt"])
        return bool(
            said["msg_signature"] == right and unsealed(said["encrypt"], EVENT_AES_KEY) == ("success", CLIENT_ID)
        )
    except (ValueError, KeyError, TypeError, struct.error):
        return False
