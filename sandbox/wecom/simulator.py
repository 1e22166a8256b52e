"""WeCom's server API for one company: every answer is 200 with an errcode."""

from __future__ import annotations

import hashlib
import html
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.faults import Faults
from sandbox.http import BadRequest, Request, Response, html_response, json_response
from sandbox.sockets import Channel
from sandbox.wecom import contacts, messages
from sandbox.wecom.ai_bot import AiBot
from sandbox.wecom.crypto import encrypted, signed
from sandbox.wecom.state import (
    AES_KEY,
    AGENT,
    CALLBACK_TOKEN,
    CORP,
    ROOT,
    SECRET,
    Call,
    Department,
    Json,
    Person,
    Refusal,
    Said,
    State,
)

LIVES_S, PER_MINUTE = 7200, 20
Answering = Callable[[Call], Json]
ROUTES: Mapping[tuple[str, str], Answering] = {
    ("POST", "message/send"): messages.send,
    ("POST", "message/update_template_card"): messages.update_card,
    ("POST", "appchat/create"): messages.create_group,
    ("GET", "appchat/get"): messages.get_group,
    ("POST", "appchat/update"): messages.update_group,
    ("POST", "appchat/send"): messages.send_to_group,
    ("POST", "user/getuserid"): contacts.by_mobile,
    ("POST", "user/get_userid_by_email"): contacts.by_email,
    ("GET", "user/get"): contacts.user,
    ("GET", "user/list"): contacts.users,
    ("GET", "department/list"): contacts.departments,
    ("GET", "department/simplelist"): contacts.departments,
    ("GET", "agent/get"): contacts.agent,
}


class WeComSimulator:
    """One company in memory. ``monotonic`` is the clock of its tokens and of what a robot may say in a minute."""

    def __init__(
        self,
        name: str = "wecom",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        enforce_limits: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.clock, self.faults = name, clock, Faults()
        self.lock = threading.RLock()
        self.state = State()
        self.state.departments[ROOT] = Department(ROOT, "某某科技", 0)
        self.enforce_limits, self._monotonic = enforce_limits, monotonic
        self.bot = AiBot(self.state, self.faults, self.lock, monotonic, enforce_limits)
        self._tokens: dict[str, float] = {}
        self._robot_times: dict[str, list[float]] = {}

    # -- what people and admins do

    def add_department(self, name: str, parent: int = ROOT) -> int:
        key = max(self.state.departments) + 1
        self.state.departments[key] = Department(key, name, parent)
        return key

    def add_person(self, userid: str, name: str, departments: tuple[int, ...] = (ROOT,), **values: Any) -> Person:
        self.state.people[userid] = Person(userid, name, list(departments), **values)
        return self.state.people[userid]

    def drop_tokens(self) -> None:
        """WeCom ends tokens before their time."""
        self._tokens.clear()

    def said_in(self, room: str) -> list[Said]:
        """What stands in a group, or in somebody's own chat."""
        return [one for one in self.state.said if one.room == room]

    def press(self, said: Said, key: str, by: str, nonce: str = "nonce-1") -> tuple[dict[str, str], bytes]:
        """Somebody presses a button: the query and the body of the callback."""
        code = f"click-{len(self.state.codes) + 1}"
        self.state.codes[code] = self.state.said.index(said)
        inner = (
            f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><FromUserName><![CDATA[{by}]]></FromUserName>"
            f"<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[template_card_event]]></Event>"
            f"<CreateTime>{int(self.clock().timestamp())}</CreateTime><EventKey><![CDATA[{key}]]></EventKey>"
            f"<TaskId><![CDATA[{said.task_id}]]></TaskId><CardType><![CDATA[button_interaction]]></CardType>"
            f"<ResponseCode><![CDATA[{code}]]></ResponseCode><AgentID>{AGENT}</AgentID></xml>"
        )
        return self.delivery(inner, nonce)

    def delivery(self, inner: str, nonce: str = "nonce-1", receiver: str = CORP) -> tuple[dict[str, str], bytes]:
        """A callback around this XML, as WeCom sends it."""
        text, at = encrypted(inner.encode(), AES_KEY, receiver), str(int(self.clock().timestamp()))
        query = {"msg_signature": signed(CALLBACK_TOKEN, at, nonce, text), "timestamp": at, "nonce": nonce}
        own = f"<ToUserName><![CDATA[{CORP}]]></ToUserName><AgentID><![CDATA[{AGENT}]]></AgentID>"
        return query, f"<xml>{own}<Encrypt><![CDATA[{text}]]></Encrypt></xml>".encode()

    def check(self, word: str = "7654321") -> dict[str, str]:
        """The query with which WeCom checks an address before it is saved."""
        text, at = encrypted(word.encode(), AES_KEY, CORP), str(int(self.clock().timestamp()))
        return {"msg_signature": signed(CALLBACK_TOKEN, at, "n", text), "timestamp": at, "nonce": "n", "echostr": text}

    # -- the simulator's own protocol

    def handle(self, request: Request) -> Response:
        with self.lock:
            if not request.path.startswith("/cgi-bin/"):
                return self._page(request.path)
            try:
                return _answer(0, "ok", self._answered(request))
            except Refusal as refusal:
                return _answer(refusal.code, refusal.words, refusal.more)
            except BadRequest:
                return _answer(47001, "data format error", {})

    def _answered(self, request: Request) -> Json:
        path = request.path.removeprefix("/cgi-bin/")
        body = request.json() if request.body else {}
        if re.search(rb"\\u[0-9a-f]{4}", request.body):
            raise Refusal(40033, "invalid charset")
        if (request.method, path) == ("GET", "gettoken"):
            return self._new_token(request)
        if (request.method, path) == ("POST", "webhook/send"):
            self._count_robot(request.get("key"))
            return messages.speak(Call(self.state, request, body))
        if (request.method, path) not in ROUTES:
            raise Refusal(40066, "invalid url")
        self._require_token(request)
        if not self.state.trusted:
            raise Refusal(60020, "not allow to access from your ip, hint: [1], from ip: 203.0.113.7")
        return ROUTES[request.method, path](Call(self.state, request, body))

    def _new_token(self, request: Request) -> Json:
        if request.get("corpid") != CORP:
            raise Refusal(40013, "invalid corpid")
        if request.get("corpsecret") != SECRET:
            raise Refusal(40001, "invalid credential, hint: [2]")
        now = self._monotonic()
        token = next((one for one, until in self._tokens.items() if until - now > 60), "")
        if not token:
            token = "tok_" + hashlib.sha256(f"{now} {len(self._tokens)} {id(self)}".encode()).hexdigest()
            self._tokens[token] = now + LIVES_S
        return {"access_token": token, "expires_in": int(self._tokens[token] - now)}

    def _require_token(self, request: Request) -> None:
        token = request.get("access_token")
        if not token:
            raise Refusal(41001, "access_token missing")
        if token not in self._tokens:
            raise Refusal(40014, "invalid access_token")
        if self._tokens[token] <= self._monotonic():
            raise Refusal(42001, "access_token expired")

    def _count_robot(self, key: str) -> None:
        now = self._monotonic()
        times = [at for at in self._robot_times.get(key, ()) if now - at < 60]
        if self.enforce_limits and len(times) >= PER_MINUTE:
            raise Refusal(45009, "api freq out of limit")
        self._robot_times[key] = [*times, now]

    async def websocket(self, path: str, query: Mapping[str, tuple[str, ...]], channel: Channel) -> None:
        """The AI bot's gateway."""
        await self.bot.serve(channel)

    def rate_limited(self, request: Request, retry_after_s: int) -> Response:
        """WeCom says 200, and nothing of how long."""
        return _answer(45009, "api freq out of limit", {})

    def unauthorized(self, request: Request) -> Response:
        return _answer(40014, "invalid access_token", {})

    def server_error(self, request: Request) -> Response:
        return _answer(-1, "system busy", {})

    def load(self, payload: dict[str, Any]) -> str:
        """A user of user/get as WeCom tells one."""
        self.add_person(payload["userid"], payload["name"], tuple(payload.get("department") or (ROOT,)))
        return "user"

    def pages(self) -> list[tuple[str, str]]:
        rooms = dict.fromkeys(one.room for one in self.state.said)
        return [(room, f"/room/{room}") for room in rooms]

    def _page(self, path: str) -> Response:
        """What people see in a chat."""
        lines = "".join(
            f"<pre>{html.escape(messages.shown(one))}</pre>" for one in self.said_in(path.removeprefix("/room/"))
        )
        return html_response(f"<!doctype html><html><body>{lines}</body></html>")


def _answer(code: int, words: str, more: Mapping[str, Any]) -> Response:
    return json_response(json.loads(json.dumps({"errcode": code, "errmsg": words, **more})))
