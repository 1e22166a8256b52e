"""DingTalk's two APIs for one organisation behind one door: the new one answers with HTTP statuses, the old one with errcodes."""

from __future__ import annotations

import hashlib
import html
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from sandbox.dingtalk import callbacks, contacts, messages, todos
from sandbox.dingtalk.state import (
    CLIENT_ID,
    CLIENT_SECRET,
    ROOT,
    Call,
    Department,
    Json,
    OldRefusal,
    Person,
    Refusal,
    Robot,
    Said,
    State,
    Todo,
)
from sandbox.dingtalk.stream import StreamConnections
from sandbox.faults import Faults
from sandbox.http import BadRequest, Request, Response, html_response, json_response
from sandbox.sockets import Channel

LIVES_S, PER_MINUTE = 7200, 20
NEW: dict[tuple[str, str], Callable[[Call], Json]] = {
    ("POST", "/v1.0/card/instances/createAndDeliver"): messages.deliver_card,
    ("PUT", "/v1.0/card/instances"): messages.update_card,
    ("POST", "/v1.0/robot/groupMessages/send"): messages.say_in_group,
    ("POST", "/v1.0/robot/oToMessages/batchSend"): messages.say_to_people,
    ("POST", "/v1.0/card/callbacks/register"): callbacks.register,
    ("POST", "/v1.0/im/sceneGroup/create"): messages.make_group,
    ("POST", "/v1.0/im/sceneGroup/member/add"): messages.add_members,
}
TODOS: tuple[tuple[str, str, Callable[[Call], Json]], ...] = (
    ("POST", r"/v1.0/todo/users/([^/]+)/tasks", todos.create),
    ("GET", r"/v1.0/todo/users/([^/]+)/tasks/([^/]+)", todos.get),
    ("PUT", r"/v1.0/todo/users/([^/]+)/tasks/([^/]+)", todos.update),
    ("DELETE", r"/v1.0/todo/users/([^/]+)/tasks/([^/]+)", todos.delete),
    ("POST", r"/v1.0/todo/users/([^/]+)/org/tasks/query", todos.query_own),
    ("POST", r"/v1.0/todo/users/([^/]+)/organizations/tasks/query", todos.query_all),
)
OLD: Mapping[str, Callable[[Call], Json]] = {
    "/topapi/v2/department/listsub": contacts.below,
    "/topapi/v2/department/get": contacts.department,
    "/topapi/v2/user/list": contacts.users,
    "/topapi/v2/user/get": contacts.user,
    "/topapi/v2/user/getbymobile": contacts.by_mobile,
}


class DingTalkSimulator:
    """One organisation in memory. ``monotonic`` is the clock of its tokens and of what a robot may say in a minute."""

    def __init__(
        self,
        name: str = "dingtalk",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        enforce_limits: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.clock, self.faults = name, clock, Faults()
        self.lock = threading.RLock()
        self.state = State()
        self.stream = StreamConnections()
        self.callbacks = callbacks.Callbacks(self.state, self.faults, self.now_ms)
        self.enforce_limits, self._monotonic = enforce_limits, monotonic
        self._tokens: dict[str, tuple[str, float]] = {}  # token: (which API, until)
        self._robot_times: dict[str, list[float]] = {}

    # -- what people and admins do

    def add_department(self, name: str, parent: int = ROOT) -> int:
        key = 100_000 + len(self.state.departments)
        self.state.departments[key] = Department(key, name, parent)
        return key

    def add_person(self, userid: str, name: str, departments: tuple[int, ...] = (ROOT,), **values: Any) -> Person:
        unionid = hashlib.sha256(userid.encode()).hexdigest()[:24]
        self.state.people[userid] = Person(userid, unionid, name, list(departments), **values)
        return self.state.people[userid]

    def add_robot(self, token: str, room: str, secret: str = "") -> None:
        self.state.robots[token] = Robot(token, room, secret)

    def drop_tokens(self) -> None:
        """Every token ends before its time."""
        self._tokens.clear()

    def now_ms(self) -> int:
        return int(self.clock().timestamp() * 1000)

    def add_todo(self, subject: str, executors: Sequence[str], creator: str = "", **values: Any) -> Todo:
        """People are user ids; what is no field of its own is a detail as the API names it."""
        union = {key: one.unionid for key, one in self.state.people.items()}
        now, known = self.now_ms(), {name: values.pop(name) for name in ("made_by", "finished_ms") if name in values}
        key = hashlib.sha256(f"{subject} {len(self.state.todos)} {now}".encode()).hexdigest()[:24]
        made_by = [union[one] for one in executors]
        todo = Todo(key, subject, union[creator or executors[0]], made_by, now, now, details=values, **known)
        self.state.todos[key] = todo
        return todo

    def edit_todo(self, key: str, **details: Any) -> None:
        todo = self.state.todos[key]
        todo.subject = details.pop("subject", todo.subject)
        todo.executors = details.pop("executors", todo.executors)
        todo.details |= details
        todo.modified_ms = self.now_ms()

    def finish_todo(self, key: str) -> None:
        todo = self.state.todos[key]
        todo.finished_ms = todo.modified_ms = self.now_ms()

    def said_in(self, room: str) -> list[Said]:
        return [one for one in self.state.said if one.room == room]

    # -- the simulator's own protocol

    def handle(self, request: Request) -> Response:
        with self.lock:
            try:
                body = request.json() if request.body else {}
                if request.path.startswith("/v1.0/"):
                    return json_response(self._new(request, body))
                if request.path in OLD or request.path in ("/gettoken", "/robot/send"):
                    return _old_answer(0, "ok", self._old(request, body))
            except Refusal as refusal:
                said = {"code": refusal.code, "message": refusal.words, "requestid": "r-1", **refusal.more}
                return json_response(said, refusal.status)
            except OldRefusal as refused:
                return _old_answer(refused.code, refused.words, refused.more)
            except BadRequest:
                return json_response({"code": "invalidParameter", "message": "not JSON"}, 400)
            return self._page(request.path)

    def _new(self, request: Request, body: Json) -> Json:
        key = (request.method, request.path)
        if key == ("POST", "/v1.0/oauth2/accessToken"):
            if (body.get("appKey"), body.get("appSecret")) != (CLIENT_ID, CLIENT_SECRET):
                raise Refusal(400, "invalidClientIdOrSecret", "无效的clientId或者clientSecret")
            return {"accessToken": self._token("new"), "expireIn": LIVES_S}
        if key == ("POST", "/v1.0/gateway/connections/open"):
            if (body.get("clientId"), body.get("clientSecret")) != (CLIENT_ID, CLIENT_SECRET):
                raise Refusal(401, "authFailed", "鉴权失败")
            return self.stream.open(request.base_url, body)
        answer, ids = _routed(*key)
        if answer is None:
            raise Refusal(404, "InvalidAction.NotFound", "Specified api is not found")
        if not self._is_good(request.headers.get("x-acs-dingtalk-access-token", ""), "new"):
            raise Refusal(401, "InvalidAuthentication", "不合法的access_token")
        if self.state.is_quota_used:
            raise Refusal(403, "Forbidden.AccessDenied.ApiCountLimitForOrg", "当月调用次数已用完")
        return answer(Call(self.state, request, body, ids, self.faults, self.now_ms()))

    def _old(self, request: Request, body: Json) -> Json:
        if request.path == "/gettoken":
            if (request.get("appkey"), request.get("appsecret")) != (CLIENT_ID, CLIENT_SECRET):
                raise OldRefusal(40089, "不合法的corpid或corpsecret")
            return {"access_token": self._token("old"), "expires_in": LIVES_S}
        if request.path == "/robot/send":
            self._count_robot(request.get("access_token"))
            return messages.speak(Call(self.state, request, body), int(self.clock().timestamp() * 1000))
        if not self._is_good(request.get("access_token"), "old"):
            raise OldRefusal(40014, "不合法的access_token")
        if self.state.is_quota_used:
            raise OldRefusal(90020, "当月调用次数已用完")
        return OLD[request.path](Call(self.state, request, body))

    def _token(self, which: str) -> str:
        now = self._monotonic()
        for token, (api, until) in self._tokens.items():
            if api == which and until > now:
                return token
        token = hashlib.sha256(f"{which} {now} {len(self._tokens)} {id(self)}".encode()).hexdigest()[:32]
        self._tokens[token] = (which, now + LIVES_S)
        return token

    def _is_good(self, token: str, which: str) -> bool:
        api, until = self._tokens.get(token, ("", 0.0))
        return api == which and until > self._monotonic()

    def _count_robot(self, token: str) -> None:
        now = self._monotonic()
        times = [at for at in self._robot_times.get(token, ()) if now - at < 60]
        if self.enforce_limits and len(times) >= PER_MINUTE:
            raise OldRefusal(
                130101, "send too fast, exceed 20 times per minute", status=1111, wait=5, source="x5", punish="deny"
            )
        self._robot_times[token] = [*times, now]

    async def websocket(self, path: str, query: Mapping[str, tuple[str, ...]], channel: Channel) -> None:
        """Stream mode."""
        await self.stream.serve(query, channel)

    def rate_limited(self, request: Request, retry_after_s: int) -> Response:
        if request.path.startswith("/v1.0/"):
            return json_response({"code": "Throttling.Api", "message": "请求过于频繁", "requestid": "r-1"}, 429)
        return _old_answer(
            88,
            "ding talk error",
            {"sub_code": "90018", "sub_msg": "您的服务器调用钉钉开放平台所有接口的请求都被暂时禁用了"},
        )

    def unauthorized(self, request: Request) -> Response:
        if request.path.startswith("/v1.0/"):
            return json_response({"code": "InvalidAuthentication", "message": "不合法的access_token"}, 401)
        return _old_answer(40014, "不合法的access_token", {})

    def server_error(self, request: Request) -> Response:
        if request.path.startswith("/v1.0/"):
            return json_response({"code": "ServiceUnavailable", "message": "busy"}, 503)
        return _old_answer(-1, "系统繁忙", {})

    def load(self, payload: dict[str, Any]) -> str:
        """A user of topapi/v2/user/get."""
        self.add_person(payload["userid"], payload["name"], tuple(payload.get("dept_id_list") or (ROOT,)))
        return "user"

    def pages(self) -> list[tuple[str, str]]:
        return [(group.title, f"/room/{group.key}") for group in self.state.groups.values()]

    def _page(self, path: str) -> Response:
        """What people see in a chat."""
        lines = "".join(
            f"<pre>{html.escape(messages.shown(one))}</pre>" for one in self.said_in(path.removeprefix("/room/"))
        )
        return html_response(f"<!doctype html><html><body>{lines}</body></html>")


def _routed(method: str, path: str) -> tuple[Callable[[Call], Json] | None, Mapping[str, str]]:
    if answer := NEW.get((method, path)):
        return answer, {}
    for wanted, pattern, answer in TODOS:
        if method == wanted and (found := re.fullmatch(pattern, path)):
            return answer, dict(zip(("union_id", "task_id"), map(unquote, found.groups()), strict=False))
    return None, {}


def _old_answer(code: int, words: str, more: Mapping[str, Any]) -> Response:
    return json_response({"errcode": code, "errmsg": words, "request_id": "r-1", **more})
