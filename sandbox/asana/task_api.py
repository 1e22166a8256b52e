"""The calls about tasks: reading, writing, stories, dependencies and attachments."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from sandbox.asana import html, shapes
from sandbox.asana.lists import one
from sandbox.asana.refusal import Refusal
from sandbox.asana.state import Attachment, Json, Story, Task
from sandbox.http import Request, Response, json_response
from sandbox.multipart import is_multipart, parts_of

if TYPE_CHECKING:
    from sandbox.asana.simulator import AsanaSimulator

MOST_DEPENDENCIES, LONGEST = 30, 65_535
PLAIN = ("resource_subtype", "notes", "due_on", "due_at", "start_on", "start_at")
Add = Callable[[str, str, Callable[..., Response]], None]


class TaskApi:
    def __init__(self, simulator: AsanaSimulator) -> None:
        self.simulator, self.state = simulator, simulator.state

    def add_to(self, add: Add, base: str) -> None:
        path = f"{base}/tasks/{{task}}"
        add("GET", f"{base}/tasks", self._list)
        add("POST", f"{base}/tasks", self._create)
        add("GET", path, lambda request, task: one(request, shapes.task(self.state, self.task(task))))
        add("PUT", path, self._update)
        add("DELETE", path, self._delete)
        add("GET", f"{path}/subtasks", self._subtasks)
        self._add_dependencies_to(add, path)
        add("GET", f"{path}/stories", self._stories)
        add("POST", f"{path}/stories", self._comment)
        story = f"{base}/stories/{{story}}"
        add("GET", story, lambda request, story: one(request, self._shown(*self.simulator.story(story))))
        add("PUT", story, self._edit_story)
        add("DELETE", story, self._delete_story)
        add("GET", f"{base}/attachments", self._attachments)
        add("POST", f"{base}/attachments", self._attach)
        add("DELETE", f"{base}/attachments/{{attachment}}", self._detach)

    def _add_dependencies_to(self, add: Add, path: str) -> None:
        def changing(name: str, *, is_adding: bool) -> Callable[..., Response]:
            return lambda request, task: self._depend(request, task, name, is_adding=is_adding)

        add("GET", f"{path}/dependencies", lambda request, task: self._named(request, self.task(task).dependencies))
        add(
            "GET",
            f"{path}/dependents",
            lambda request, task: self._named(request, self.state.dependents(self.task(task).gid)),
        )
        for name in ("dependencies", "dependents"):
            add("POST", f"{path}/add{name.capitalize()}", changing(name, is_adding=True))
            add("POST", f"{path}/remove{name.capitalize()}", changing(name, is_adding=False))

    def task(self, gid: str) -> Task:
        found = self.state.tasks.get(gid)
        if found is None or not self.state.is_visible(found):
            raise Refusal(
                404 if found is None else 403, f"task: Unknown object: {gid}" if found is None else "Forbidden"
            )
        return found

    def _list(self, request: Request) -> Response:
        if not (project := request.get("project")):
            raise Refusal(
                400, "You should specify one of project, tag, section, user task list, or assignee + workspace"
            )
        self.simulator.visible_project(project)
        since = request.get("modified_since")
        found = [task for task in self.state.tasks.values() if project in task.places]
        return self._tasks(request, (task for task in found if (shapes.instant(task.modified_at) or "") >= since))

    def _subtasks(self, request: Request, task: str) -> Response:
        return self._tasks(request, self.state.subtasks(self.task(task).gid))

    def _tasks(self, request: Request, tasks: Iterable[Task]) -> Response:
        return self.simulator.lists.of(request, [shapes.task(self.state, task) for task in tasks])

    def _named(self, request: Request, gids: list[str]) -> Response:
        return self._tasks(request, [self.state.tasks[gid] for gid in gids if gid in self.state.tasks])

    def _create(self, request: Request) -> Response:
        data = _data(request)
        projects = [self.simulator.visible_project(str(gid)) for gid in data.get("projects") or ()]
        if not projects and not data.get("workspace") and not data.get("parent"):
            raise Refusal(400, "workspace: You should specify one of workspace, parent, projects")
        task = self.simulator.add_task(
            projects[0] if projects else None, str(data.get("name") or ""), by=self.simulator.me
        )
        self._write(task, data)
        return one(request, shapes.task(self.state, task), 201)

    def _update(self, request: Request, task: str) -> Response:
        found = self.task(task)
        self._write(found, _data(request))
        return one(request, shapes.task(self.state, found))

    def _write(self, task: Task, data: Json) -> None:
        if "start_on" in data and not ({"due_on", "due_at"} & data.keys()):
            raise Refusal(400, "start_on: must be set together with due_on")
        if data.get("due_on") and data.get("due_at"):
            raise Refusal(400, "due_on: cannot be set together with due_at")
        known = {field.gid for gid in task.places for field in self.state.projects[gid].fields}
        if unknown := set(data.get("custom_fields") or {}) - known:
            raise Refusal(400, f"Custom field with ID {min(unknown)} is not on given object")
        changes: Json = {name: data[name] for name in PLAIN if name in data}
        if "custom_fields" in data:
            changes["custom_fields"] = {**task.details.get("custom_fields", {}), **data["custom_fields"]}
        for name in ("name", "completed"):
            if name in data:
                changes[name] = data[name]
        if "assignee" in data:
            changes["assignee"] = self.state.users.get(str(data["assignee"]))
        if data.get("parent"):
            task.parent = self.task(str(data["parent"])).gid
        self.simulator.edit_task(task.gid, **changes)

    def _delete(self, request: Request, task: str) -> Response:
        self.simulator.delete_task(self.task(task).gid)
        return json_response({"data": {}})

    # -- stories

    def _shown(self, task: Task, story: Story) -> Json:
        return shapes.story(self.state, story, task)

    def _stories(self, request: Request, task: str) -> Response:
        found = self.task(task)
        return self.simulator.lists.of(request, [self._shown(found, story) for story in found.stories])

    def _comment(self, request: Request, task: str) -> Response:
        found = self.task(task)
        story = self.simulator.note(found, "comment_added", _text(_data(request)), self.simulator.me)
        return one(request, self._shown(found, story), 201)

    def _mine(self, gid: str) -> tuple[Task, Story]:
        task, story = self.simulator.story(gid)
        self.task(task.gid)
        if story.by is not self.simulator.me or story.subtype != "comment_added":
            raise Refusal(403, "Forbidden: only the author may change a comment")
        return task, story

    def _edit_story(self, request: Request, story: str) -> Response:
        task, found = self._mine(story)
        found.html, found.is_edited = _text(_data(request)), True
        return one(request, self._shown(task, found))

    def _delete_story(self, request: Request, story: str) -> Response:
        task, found = self._mine(story)
        task.stories.remove(found)
        self.simulator.events.tell_story(task, found, "deleted")
        return json_response({"data": {}})

    # -- dependencies

    def _depend(self, request: Request, task: str, name: str, *, is_adding: bool) -> Response:
        found, others = self.task(task), _data(request).get(name)
        if self.simulator.is_free_plan:
            raise Refusal(402, "Payment Required: dependencies are not available in this plan")
        if not isinstance(others, list):
            raise Refusal(400, f"{name}: Missing input")
        for gid in others:
            other = self.task(str(gid))
            predecessor, successor = (other, found) if name == "dependencies" else (found, other)
            if is_adding:
                self._add_dependency(predecessor, successor)
            elif predecessor.gid in successor.dependencies:
                successor.dependencies.remove(predecessor.gid)
                self.simulator.note(successor, "dependency_removed", "", self.simulator.me)
        return json_response({"data": {}})

    def _add_dependency(self, predecessor: Task, successor: Task) -> None:
        if self.simulator.turns_round:
            predecessor, successor = successor, predecessor
        if predecessor.gid in successor.dependencies:
            return
        for end in (predecessor, successor):
            if len(end.dependencies) + len(self.state.dependents(end.gid)) >= MOST_DEPENDENCIES:
                raise Refusal(400, "A task can have at most 30 dependencies and dependents")
        self.simulator.depend(predecessor.gid, successor.gid)

    # -- attachments

    def _attachments(self, request: Request) -> Response:
        found = self.task(request.get("parent"))
        return self.simulator.lists.of(request, list(map(shapes.attachment, found.attachments)))

    def _attach(self, request: Request) -> Response:
        if not is_multipart(request):
            raise Refusal(400, "The request must be multipart/form-data")
        said = {part.name: part.data.decode() for part in parts_of(request)}
        found = self.task(said.get("parent", ""))
        if said.get("resource_subtype") != "external" or not said.get("url") or not said.get("name"):
            raise Refusal(400, "url: Missing input")
        made = Attachment(self.state.next_id(), said["name"], "external", said["url"])
        found.attachments.append(made)
        self.simulator.note(found, "attachment_added", "", self.simulator.me)
        return one(request, shapes.attachment(made))

    def _detach(self, request: Request, attachment: str) -> Response:
        for task in self.state.tasks.values():
            for item in task.attachments:
                if item.gid == attachment:
                    task.attachments.remove(item)
                    return json_response({"data": {}})
        raise Refusal(404, f"attachment: Unknown object: {attachment}")


def _data(request: Request) -> Json:
    body: Any = request.json()
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        raise Refusal(400, "Could not parse request data, invalid JSON" if body is None else "data: Missing input")
    return data


def _text(data: Json) -> str:
    """What a comment says, as HTML."""
    if "html_text" in data:
        text = str(data["html_text"])
    else:
        words = str(data.get("text") or "").replace("&", "&amp;").replace("<", "&lt;")
        text = f"<body>{words}</body>"
    if len(text) > LONGEST or text == "<body></body>":
        raise Refusal(400, "text: too long or empty")
    html.parsed(text)
    return text
