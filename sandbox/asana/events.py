"""``/events``: what happened to a project or task since a token, a hundred at a time; tokens that are forgotten within a day."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.asana import shapes
from sandbox.asana.refusal import Refusal
from sandbox.asana.state import Json, Story, Task
from sandbox.http import Request, Response, json_response

if TYPE_CHECKING:
    from sandbox.asana.simulator import AsanaSimulator

PAGE, LIFE = 100, timedelta(hours=24)
MOST_KEPT = 1000  # Asana names no number, only that a token may expire sooner under load
Add = Callable[[str, str, Callable[..., Response]], None]


@dataclass
class Token:
    """A place in the events of one thing. Asked again it gives the same; once its successor was asked, nothing any more."""

    resource: str
    place: int
    made_at: datetime
    before: str = ""
    answer: Json | None = None


class Events:
    """Tells at most once; with ``is_deaf`` nothing at all (an outage of events alone), and to an app that is not allowed 403."""

    def __init__(self, simulator: AsanaSimulator) -> None:
        self.simulator = simulator
        self.is_deaf, self.is_allowed = False, True
        self._told: list[tuple[frozenset[str], Json]] = []  # whom it concerns, and the event
        self._tokens: dict[str, Token] = {}

    def add_to(self, add: Add, base: str) -> None:
        add("GET", f"{base}/events", self._get)

    # -- what happens

    def tell(self, task: Task, action: str, parent: Json | None = None) -> None:
        self._tell(task, {"resource": shapes.named("task", task), "type": "task", "action": action, "parent": parent})

    def tell_story(self, task: Task, story: Story, action: str) -> None:
        resource, parent = shapes.named("story", story), shapes.named("task", task)
        self._tell(task, {"resource": resource, "type": "story", "action": action, "parent": parent})

    def _tell(self, task: Task, event: Json) -> None:
        if self.is_deaf:
            return
        change = {"change": {"field": "notes", "action": "changed"}} if event["action"] == "changed" else {}
        at = shapes.instant(self.simulator.clock())
        self._told.append((self._concerned(task), {"user": None, **event, "created_at": at, **change}))

    def _concerned(self, task: Task) -> frozenset[str]:
        """What happens to a task happens to its parents, and to the projects in which these lie."""
        state = self.simulator.state
        found, at = {project.gid for project in state.home(task)}, task
        while at.parent in state.tasks:
            found.add(at.gid)
            at = state.tasks[at.parent]
        return frozenset({*found, at.gid})

    # -- the API

    def _get(self, request: Request) -> Response:
        resource = request.get("resource")
        if not resource:
            raise Refusal(400, "resource: Missing input")
        if not self.is_allowed:
            raise Refusal(403, "Forbidden: Your app may not read events")
        if resource not in self.simulator.state.tasks:
            self.simulator.visible_project(resource)
        token = self._tokens.get(request.get("sync"))
        if token is None or not self._is_good(token, resource):
            message = "Sync token invalid or too old. If you are attempting to keep resources in sync, you must fetch the full dataset."
            return json_response({"errors": [{"message": message}], "sync": self._made(resource, len(self._told))}, 412)
        self._tokens.pop(token.before, None)  # there is no way back
        if token.answer is None:
            token.answer = self._answer(token, request.get("sync"))
        return json_response(token.answer)

    def _is_good(self, token: Token, resource: str) -> bool:
        is_young = self.simulator.clock() - token.made_at < LIFE
        return token.resource == resource and is_young and len(self._after(token)) <= MOST_KEPT

    def _after(self, token: Token) -> list[tuple[int, Json]]:
        told = enumerate(self._told[token.place :], token.place + 1)
        return [(place, event) for place, (concerned, event) in told if token.resource in concerned]

    def _answer(self, token: Token, name: str) -> Json:
        after = self._after(token)
        has_more = len(after) > PAGE
        data: list[Any] = [event for _, event in after[:PAGE]]
        place = after[PAGE - 1][0] if has_more else len(self._told)
        return {"data": data, "sync": self._made(token.resource, place, name), "has_more": has_more}

    def _made(self, resource: str, place: int, before: str = "") -> str:
        name = secrets.token_hex(16)
        self._tokens[name] = Token(resource, place, self.simulator.clock(), before)
        return name
