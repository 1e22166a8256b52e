"""Asana's REST API for one workspace, and what people do in the browser."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from sandbox.asana import html, pages, shapes
from sandbox.asana.events import Events
from sandbox.asana.lists import Lists, one
from sandbox.asana.refusal import Refusal
from sandbox.asana.state import Attachment, Field, Json, Project, Section, State, Story, Task, User
from sandbox.asana.task_api import TaskApi
from sandbox.asana.webhooks import Webhooks
from sandbox.faults import Faults
from sandbox.http import BadRequest, Request, Response, Router, html_response, json_response

TOKEN = "2/1201999/0c1d2e3f4a5b:asana-access-token"
BASE = "/api/1.0"


class AsanaSimulator:
    """One workspace in memory. ``me`` is who the token acts as; with ``turns_round`` every dependency is kept the wrong way."""

    def __init__(self, name: str = "asana", clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.name, self.clock, self.faults = name, clock, Faults()
        self.lock = threading.RLock()
        self.state = State()
        self.turns_round = self.is_free_plan = False
        self.me = self.add_user("Tieline", "tieline@company.example")
        self.lists = Lists(self)
        self.webhooks = Webhooks(self)
        self.events = Events(self)
        self._router = self._routes()

    # -- the simulator's own protocol

    def handle(self, request: Request) -> Response:
        with self.lock:
            if not request.path.startswith(BASE):
                found = pages.html(self.state, request.path) if request.method == "GET" else None
                return html_response(found) if found else html_response("<h1>Not Found</h1>", 404)
            try:
                return self._answer(request)
            except Refusal as refusal:
                return errors(refusal.status, refusal.message)
            except (BadRequest, html.BadText) as error:
                return errors(400, str(error))

    def _answer(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            raise Refusal(401, "Not Authorized")
        found = self._router.find(request)
        if found is None:
            raise Refusal(404, f"{request.path}: Not Found")
        handler, values = found
        return handler(request, **values)

    def rate_limited(self, request: Request, retry_after_s: int) -> Response:
        response = errors(429, "You have made too many requests recently. Please, be chill.")
        return Response(429, response.body, {**response.headers, "retry-after": str(retry_after_s)})

    def unauthorized(self, request: Request) -> Response:
        return errors(401, "Not Authorized")

    def server_error(self, request: Request) -> Response:
        return errors(500, "Server Error", "6 sad squid snuggle softly")

    def load(self, payload: Json) -> str:
        raise ValueError("this simulator takes no payloads")

    def pages(self) -> list[tuple[str, str]]:
        return pages.paths(self.state)

    # -- what people do

    def add_user(self, name: str, email: str = "") -> User:
        """Somebody of the workspace."""
        user = User(self.state.next_id(), name, email or f"{name}@company.example")
        self.state.users[user.gid] = user
        return user

    def add_project(
        self, name: str, sections: Sequence[str] = ("待办", "进行中"), privacy: str = "public_to_workspace"
    ) -> Project:
        made = [Section(self.state.next_id(), word) for word in sections]
        project = Project(self.state.next_id(), name, privacy, self.clock(), made)
        self.state.projects[project.gid] = project
        return project

    def add_field(self, project: Project, name: str, kind: str, options: Sequence[str] = ()) -> Field:
        """A custom field on a project."""
        field = Field(self.state.next_id(), name, kind, {word: self.state.next_id() for word in options})
        project.fields.append(field)
        return field

    def add_task(
        self,
        project: Project | None,
        name: str,
        section: str = "",
        parent: str | None = None,
        by: User | None = None,
        **details: Any,
    ) -> Task:
        """A new task, in a project or below another task."""
        now = self.clock()
        task = Task(self.state.next_id(), name, now, now, by or self._somebody(), parent=parent)
        if project:
            task.places[project.gid] = self.section(project, section).gid
        task.details = dict(details)
        self.state.tasks[task.gid] = task
        self.note(task, "added_to_project", "", task.by)
        return task

    def section(self, project: Project, name: str) -> Section:
        return next((one for one in project.sections if one.name == name), project.sections[0])

    def edit_task(self, gid: str, **changes: Any) -> None:
        """Somebody saves a task: ``name``, ``assignee`` and ``completed`` are its own, all else goes into its details."""
        task = self.state.tasks[gid]
        task.name = changes.pop("name", task.name)
        task.assignee = changes.pop("assignee", task.assignee)
        if "completed" in changes:
            is_done = changes.pop("completed")
            task.completed_at, task.completed_by = (self.clock(), self._somebody()) if is_done else (None, None)
        task.details |= changes
        task.modified_at = self.clock()
        self.tell(task, "changed")

    def delete_task(self, gid: str) -> None:
        """Into the trash, its subtasks with it."""
        for below in self.state.subtasks(gid):
            self.delete_task(below.gid)
        self.tell(self.state.tasks[gid], "deleted")
        self.state.trash[gid] = self.state.tasks.pop(gid)
        for task in self.state.tasks.values():
            task.dependencies = [other for other in task.dependencies if other != gid]

    def restore_task(self, gid: str) -> None:
        """Out of the trash again, as it was: its date does not move."""
        self.state.tasks[gid] = self.state.trash.pop(gid)
        self.tell(self.state.tasks[gid], "undeleted")

    def move_task(self, gid: str, project: Project) -> None:
        """Out of all its projects into another; a subtask leaves its parent."""
        task = self.state.tasks[gid]
        for left in list(task.places):
            self.take_out(gid, self.state.projects[left])
        task.places, task.parent = {project.gid: project.sections[0].gid}, None
        task.modified_at = self.clock()
        self.tell(task, "added", shapes.named("project", project))

    def take_out(self, gid: str, project: Project) -> None:
        """Out of one of its projects; no date moves."""
        task = self.state.tasks[gid]
        self.tell(task, "removed", shapes.named("project", project))
        del task.places[project.gid]

    def drag(self, gid: str, project: Project, section: str) -> None:
        """Into another section of a project that it lies in; no date moves."""
        task, to = self.state.tasks[gid], self.section(project, section)
        left = next(one for one in project.sections if one.gid == task.places[project.gid])
        self.tell(task, "removed", shapes.named("section", left))
        task.places[project.gid] = to.gid
        self.tell(task, "added", shapes.named("section", to))

    def set_privacy(self, project: Project, privacy: str) -> None:
        project.privacy, project.modified_at = privacy, self.clock()

    def depend(self, predecessor: str, successor: str, *, is_dated: bool = True) -> None:
        """The successor waits for the predecessor. Asana does not say whether that moves their dates."""
        task = self.state.tasks[successor]
        if predecessor not in task.dependencies:
            task.dependencies.append(predecessor)
        for end in (self.state.tasks[predecessor], task):
            before = end.modified_at
            self.note(end, "dependency_added", "", self._somebody())
            end.modified_at = end.modified_at if is_dated else before

    def comment(self, gid: str, text: str, by: User | None = None) -> Story:
        """Somebody writes below a task."""
        words = (
            json.dumps(text, ensure_ascii=False)[1:-1].replace("\\n", "\n").replace("&", "&amp;").replace("<", "&lt;")
        )
        return self.note(self.state.tasks[gid], "comment_added", words, by or self._somebody())

    def edit_comment(self, story_gid: str, text: str) -> None:
        _, story = self.story(story_gid)
        story.html, story.is_edited = f"<body>{text}</body>", True

    def delete_comment(self, story_gid: str) -> None:
        task, story = self.story(story_gid)
        task.stories.remove(story)
        self.events.tell_story(task, story, "deleted")

    def attach(self, gid: str, name: str, url: str) -> Attachment:
        """An address attached to a task."""
        made = Attachment(self.state.next_id(), name, "external", url)
        task = self.state.tasks[gid]
        task.attachments.append(made)
        self.note(task, "attachment_added", "", self._somebody())
        return made

    def note(self, task: Task, subtype: str, words: str, by: User) -> Story:
        """A line in a task's history; each changes when the task was last changed."""
        body = words if words.startswith("<body>") else f"<body>{words}</body>"
        html.parsed(body)
        story = Story(self.state.next_id(), subtype, body, by, self.clock())
        task.stories.append(story)
        task.modified_at = story.at
        self.events.tell_story(task, story, "added")
        if subtype == "added_to_project":
            self.tell(task, "added", shapes.place(self.state, task))
        else:
            self.tell(task, "changed")
        return story

    def tell(self, task: Task, action: str, parent: Json | None = None) -> None:
        """What happened to a task, to whoever asked for it. ``parent`` is what it was added to or taken out of."""
        self.webhooks.tell(task, action)
        self.events.tell(task, action, parent)

    def story(self, gid: str) -> tuple[Task, Story]:
        for task in self.state.tasks.values():
            for story in task.stories:
                if story.gid == gid:
                    return task, story
        raise Refusal(404, f"story: Unknown object: {gid}")

    def _somebody(self) -> User:
        others = [user for user in self.state.users.values() if user is not self.me]
        return others[0] if others else self.add_user("赵敏")

    # -- the API

    def _routes(self) -> Router:
        router = Router()
        add = cast("Callable[[str, str, Callable[..., Response]], None]", router.add)
        add("GET", f"{BASE}/users/me", self._who)
        add(
            "GET",
            f"{BASE}/users",
            lambda request: self.lists.of(request, list(map(shapes.user, self._members(request)))),
        )
        add("GET", f"{BASE}/projects", self._projects)
        add("GET", f"{BASE}/projects/{{project}}", self._project)
        add("GET", f"{BASE}/projects/{{project}}/sections", self._sections)
        add("GET", f"{BASE}/projects/{{project}}/custom_field_settings", self._field_settings)
        TaskApi(self).add_to(add, BASE)
        self.webhooks.add_to(add, BASE)
        self.events.add_to(add, BASE)
        return router

    def _who(self, request: Request) -> Response:
        workspace = {"gid": self.state.workspace, "resource_type": "workspace", "name": "公司"}
        return one(request, {**shapes.user(self.me), "workspaces": [workspace]})

    def _members(self, request: Request) -> list[User]:
        if request.get("workspace") not in ("", self.state.workspace):
            raise Refusal(404, f"workspace: Unknown object: {request.get('workspace')}")
        return list(self.state.users.values())

    def _projects(self, request: Request) -> Response:
        self._members(request)
        found = [shapes.project(self.state, item) for item in self.state.projects.values() if item.is_visible]
        return self.lists.of(request, found)

    def visible_project(self, gid: str) -> Project:
        found = self.state.projects.get(gid)
        if found is None:
            raise Refusal(404, f"project: Unknown object: {gid}")
        if not found.is_visible:
            raise Refusal(403, "Forbidden: You do not have access to this project")
        return found

    def _project(self, request: Request, project: str) -> Response:
        return one(request, shapes.project(self.state, self.visible_project(project)))

    def _sections(self, request: Request, project: str) -> Response:
        found = self.visible_project(project).sections
        return self.lists.of(
            request, [{"gid": item.gid, "resource_type": "section", "name": item.name} for item in found]
        )

    def _field_settings(self, request: Request, project: str) -> Response:
        found = [
            {
                "gid": f"{item.gid}1", "resource_type": "custom_field_setting",
                "custom_field": {"gid": item.gid, "resource_type": "custom_field", "name": item.name, "resource_subtype": item.kind},
            }
            for item in self.visible_project(project).fields
        ]  # fmt: skip
        return self.lists.of(request, found)


def errors(status: int, message: str, phrase: str = "") -> Response:
    more = {"phrase": phrase} if phrase else {"help": "For more information on API status codes, see the docs."}
    return json_response({"errors": [{"message": message, **more}]}, status)
