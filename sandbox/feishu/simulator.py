"""One simulated Feishu tenant with one application."""

from __future__ import annotations

import hashlib
import html
import re
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.faults import Faults
from sandbox.feishu import contact_api, im_api, robots, table_api, task_api, wiki_api
from sandbox.feishu.call import Call
from sandbox.feishu.long_connection import LongConnections
from sandbox.feishu.people_at_work import PeopleAtWork
from sandbox.feishu.state import APP_ID, APP_SECRET, Chat, Department, Person, Refusal, Robot, Said, State
from sandbox.http import Request, Response, html_response, json_response
from sandbox.sockets import Channel

Answering = Callable[[Call], dict[str, Any]]
LIVES_S = 7200
API = "/open-apis"
ROUTES: tuple[tuple[str, str, Answering], ...] = (
    ("POST", "/im/v1/messages", im_api.send),
    ("PATCH", "/im/v1/messages/{message_id}", im_api.patch),
    ("PUT", "/im/v1/messages/{message_id}", im_api.put),
    ("GET", "/im/v1/chats", im_api.list_chats),
    ("POST", "/im/v1/chats", im_api.make_chat),
    ("POST", "/im/v1/chats/{chat_id}/members", im_api.add_members),
    ("POST", "/contact/v3/users/batch_get_id", contact_api.batch_get_id),
    ("GET", "/contact/v3/departments/{department_id}/children", contact_api.children),
    ("GET", "/contact/v3/users/find_by_department", contact_api.find_by_department),
    ("GET", "/wiki/v2/spaces", wiki_api.spaces),
    ("GET", "/wiki/v2/spaces/get_node", wiki_api.get_node),
    ("GET", "/wiki/v2/spaces/{space_id}/nodes", wiki_api.nodes),
    ("GET", "/docx/v1/documents/{document_id}/raw_content", wiki_api.raw_content),
    ("GET", "/drive/v2/permissions/{token}/public", wiki_api.permissions),
    ("GET", "/bitable/v1/apps/{app_token}", table_api.get_base),
    ("GET", "/bitable/v1/apps/{app_token}/tables/{table_id}/fields", table_api.fields),
    ("POST", "/bitable/v1/apps/{app_token}/tables/{table_id}/records/search", table_api.search),
    ("POST", "/bitable/v1/apps/{app_token}/tables/{table_id}/records/batch_get", table_api.batch_get),
    ("PUT", "/bitable/v1/apps/{app_token}/tables/{table_id}/records/{record_id}", table_api.update),
    ("GET", "/task/v2/tasklists", task_api.lists),
    ("GET", "/task/v2/tasklists/{tasklist_guid}/tasks", task_api.tasks_of_list),
    ("GET", "/task/v2/sections", task_api.sections),
    ("GET", "/task/v2/tasks/{task_guid}", task_api.get_task),
    ("GET", "/task/v2/tasks/{task_guid}/subtasks", task_api.subtasks),
    ("POST", "/task/v2/tasks/{task_guid}/add_dependencies", task_api.add_dependencies),
    ("POST", "/task/v2/tasks/{task_guid}/remove_dependencies", task_api.remove_dependencies),
    ("GET", "/task/v2/comments", task_api.comments),
    ("POST", "/task/v2/comments", task_api.add_comment),
    ("GET", "/task/v2/comments/{comment_id}", task_api.get_comment),
    ("PATCH", "/task/v2/comments/{comment_id}", task_api.edit_comment),
    ("DELETE", "/task/v2/comments/{comment_id}", task_api.delete_comment),
)


class FeishuSimulator(PeopleAtWork):
    """A tenant in memory. ``monotonic`` is the clock of its rate limits and tokens."""

    def __init__(
        self,
        name: str = "feishu",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        enforce_limits: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.faults = name, Faults()
        self.state = State(clock)
        self.long = LongConnections()
        self.lock = threading.RLock()
        self.enforce_limits, self._monotonic = enforce_limits, monotonic
        self._tokens: dict[str, float] = {}
        self._times: dict[str, list[float]] = {}
        self._routes = [
            (method, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)), answer)
            for method, path, answer in ROUTES
        ]

    def add_department(self, name: str, parent: str = "0") -> str:
        key = f"od-{hashlib.sha256(f'{name} {parent}'.encode()).hexdigest()[:32]}"
        self.state.departments[key] = Department(key, name, parent)
        return key

    def add_person(self, name: str, email: str = "", mobile: str = "", departments: tuple[str, ...] = ()) -> str:
        key = f"ou_{hashlib.sha256(f'{name} {email}'.encode()).hexdigest()[:32]}"
        self.state.people[key] = Person(key, name, email=email, mobile=mobile, departments=list(departments))
        return key

    def resign(self, open_id: str) -> None:
        """They leave the company and every chat."""
        self.state.people[open_id].is_resigned = True
        for chat in self.state.chats.values():
            chat.members.discard(open_id)

    def add_chat(self, name: str, *, has_bot: bool = True) -> str:
        key = f"oc_{hashlib.sha256(name.encode()).hexdigest()[:32]}"
        self.state.chats[key] = Chat(key, name, has_bot=has_bot)
        return key

    def add_robot(self, chat: str, token: str, secret: str = "") -> None:
        self.state.robots[token] = Robot(token, chat, secret)

    def take_scopes(self, prefix: str) -> None:
        """An admin takes rights away from the application."""
        self.state.scopes = {one for one in self.state.scopes if not one.startswith(prefix)}

    def drop_tokens(self) -> None:
        """Every tenant token ends before its time."""
        self._tokens.clear()

    def said_in(self, room: str) -> list[Said]:
        return [one for one in self.state.messages.values() if one.room == room and not one.is_recalled]

    def handle(self, request: Request) -> Response:
        with self.lock:
            if request.method == "GET" and request.path.startswith("/chat/"):
                return self.page(request.path.removeprefix("/chat/"))
            try:
                return json_response(self._answer(request))
            except Refusal as refusal:
                headers = {"x-tt-logid": "20261124100000simulated", **refusal.headers}
                return json_response(refusal.body, refusal.status, headers)

    def _answer(self, request: Request) -> dict[str, Any]:
        path = request.path.removeprefix(API)
        if (request.method, path) == ("POST", "/auth/v3/tenant_access_token/internal"):
            return self._new_token(Call(self.state, self.faults, request, {}))
        if (request.method, path) == ("POST", "/callback/ws/endpoint"):
            return self._endpoint(request, Call(self.state, self.faults, request, {}).body())
        if request.method == "POST" and (found := re.fullmatch(r"/bot/v2/hook/([^/]+)", path)):
            call = Call(self.state, self.faults, request, {"token": found[1]})
            self._count(f"robot {found[1]}", 5, 11232, 200)
            return {"code": 0, "msg": "success", **robots.speak(call)}
        for method, pattern, answer in self._routes:
            if request.method == method and request.path.startswith(API) and (match := pattern.fullmatch(path)):
                self._require_token(request)
                return self._counted(Call(self.state, self.faults, request, match.groupdict()), answer)
        raise Refusal(1404, "404 page not found", 404)

    def _endpoint(self, request: Request, body: dict[str, Any]) -> dict[str, Any]:
        if (body.get("AppID"), body.get("AppSecret")) != (APP_ID, APP_SECRET):
            raise Refusal(514, "app_id or app_secret is invalid", 200)
        return {"code": 0, "msg": "", "data": self.long.endpoint(request.base_url)}

    async def websocket(self, path: str, query: Mapping[str, tuple[str, ...]], channel: Channel) -> None:
        """The long connection."""
        await self.long.serve(query, channel)

    def _counted(self, call: Call, answer: Answering) -> dict[str, Any]:
        self._count(f"{call.request.method} {answer.__name__}", 50, 99991400)
        if answer is im_api.send:
            self._count(f"room {call.body().get('receive_id')}", 5, 230020)
        return {"code": 0, "msg": "success", "data": answer(call)}

    def _new_token(self, call: Call) -> dict[str, Any]:
        body = call.body()
        if body.get("app_id") != APP_ID:
            raise Refusal(10003, "invalid param", 400)
        if body.get("app_secret") != APP_SECRET:
            raise Refusal(10014, "app secret invalid", 400)
        now = self._monotonic()
        token = next((one for one, until in self._tokens.items() if until - now > 1800), "")
        if not token:
            token = f"t-{hashlib.sha256(f'{now} {len(self._tokens)} {id(self)}'.encode()).hexdigest()[:40]}"
            self._tokens[token] = now + LIVES_S
        return {"code": 0, "msg": "ok", "tenant_access_token": token, "expire": int(self._tokens[token] - now)}

    def _require_token(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        if not given:
            raise Refusal(99991661, "Missing access token for authorization.")
        if self._tokens.get(given.removeprefix("Bearer "), 0.0) <= self._monotonic():
            raise Refusal(
                99991663, "Invalid access token for authorization. Please make a request with token attached."
            )

    def _count(self, name: str, most: int, code: int, status: int = 400) -> None:
        now = self._monotonic()
        times = [at for at in self._times.get(name, ()) if now - at < 1.0]
        if self.enforce_limits and len(times) >= most:
            raise _throttled(code, 1, status)
        self._times[name] = [*times, now]

    def rate_limited(self, request: Request, retry_after_s: int) -> Response:
        """Older APIs throttle with HTTP 400; how long to wait stands in a header of the gateway."""
        refusal = _throttled(99991400, retry_after_s)
        return json_response(refusal.body, refusal.status, refusal.headers)

    def unauthorized(self, request: Request) -> Response:
        return json_response({"code": 99991663, "msg": "Invalid access token for authorization."}, 400)

    def server_error(self, request: Request) -> Response:
        return json_response({"code": 1500, "msg": "internal error"}, 500)

    def load(self, payload: dict[str, Any]) -> str:
        """A user of contact/v3 as Feishu tells one."""
        if not str(payload.get("open_id", "")).startswith("ou_"):
            raise ValueError("not a user of contact/v3")
        one = Person(payload["open_id"], payload["name"], payload.get("en_name", ""), payload.get("email", ""))
        self.state.people[one.open_id] = one
        return "user"

    def pages(self) -> list[tuple[str, str]]:
        told = {said.room for said in self.state.messages.values()}
        people = [(f"{one.name}的消息", f"/chat/{key}") for key, one in self.state.people.items() if key in told]
        return [(chat.name, f"/chat/{chat.id}") for chat in self.state.chats.values()] + people

    def page(self, chat: str) -> Response:
        """What people see in a chat."""
        lines = "".join(f"<pre>{html.escape(shown(one))}</pre>" for one in self.said_in(chat))
        return html_response(f"<!doctype html><html><body>{lines}</body></html>")


def shown(said: Said) -> str:
    """A message as people see it: title, words and buttons."""
    card = said.content
    parts = [card.get("header", {}).get("title", {}).get("content", "")]
    for element in card.get("body", {}).get("elements", ()):
        words = element.get("content") or element.get("text", {}).get("content", "")
        parts.append(html.unescape(re.sub(r"</?(font|at)[^>]*>", "", words)))
    return "\n".join(parts if said.msg_type == "interactive" else [str(card.get("text", card))])


def mentioned(said: Said) -> list[str]:
    """Whom a message notifies."""
    words = [str(one.get("content", "")) for one in said.content.get("body", {}).get("elements", ())]
    words.append(str(said.content.get("text", "")))
    return [found for text in words for found in re.findall(r"<at (?:user_)?id=[\"']?([^\"'>\s]+)[\"']?></at>", text)]


def _throttled(code: int, wait_s: int, status: int = 400) -> Refusal:
    refusal = Refusal(code, "request trigger frequency limit", status)
    refusal.headers = {"x-ogw-ratelimit-limit": "50", "x-ogw-ratelimit-reset": str(wait_s)}
    return refusal
