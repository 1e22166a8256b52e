"""Task lists, tasks, comments and dependencies (task/v2)."""

from __future__ import annotations

from typing import Any

from sandbox.feishu.call import Call
from sandbox.feishu.state import APP_ID, Refusal
from sandbox.feishu.work_state import Comment, Json, Task, TaskList

READ, WRITE = ("task:task:read", "task:task:write"), ("task:task:write",)
LISTS, SAY = ("task:tasklist:read", "task:tasklist:write"), ("task:comment:write", "task:task:write")
APP: Json = {"id": APP_ID, "type": "app", "name": "Tieline"}
LONGEST = 3_000


def lists(call: Call) -> dict[str, Any]:
    call.state.require_scope(*LISTS)
    return call.page(
        [{"guid": one.guid, "name": one.name} for one in call.state.work.lists.values() if one.is_shared], 100
    )


def _list(call: Call, guid: str) -> TaskList:
    call.state.require_scope(*LISTS)
    found = call.state.work.lists.get(guid)
    if found is None:
        raise Refusal(1470404, "tasklist not found", 404)
    if not found.is_shared:
        raise Refusal(1470403, "no permission of the tasklist", 403)
    return found


def tasks_of_list(call: Call) -> dict[str, Any]:
    found = _list(call, call.ids["tasklist_guid"])
    tasks = [task for task in call.state.work.tasks.values() if found.guid in task.lists]
    brief = ("guid", "summary", "completed_at", "start", "due", "members", "subtask_count")
    return call.page(
        [{name: value for name, value in shown(call, task).items() if name in brief} for task in tasks], 100
    )


def sections(call: Call) -> dict[str, Any]:
    found = _list(call, call.request.get("resource_id"))
    return call.page([{"guid": guid, "name": name} for guid, name in found.sections.items()], 100)


def _task(call: Call, guid: str) -> Task:
    call.state.require_scope(*READ)
    work = call.state.work
    found = work.tasks.get(guid)
    if found is None:
        raise Refusal(1470404, "task not found", 404)
    if not any(work.lists[place].is_shared for place in work.places(found)):
        raise Refusal(1470403, "no permission of the task", 403)
    return found


def get_task(call: Call) -> dict[str, Any]:
    return {"task": shown(call, _task(call, call.ids["task_guid"]))}


def subtasks(call: Call) -> dict[str, Any]:
    parent = _task(call, call.ids["task_guid"])
    return call.page([shown(call, task) for task in call.state.work.tasks.values() if task.parent == parent.guid], 100)


def shown(call: Call, task: Task) -> Json:
    """A task as its details are told; all times are milliseconds as text."""
    work = call.state.work
    after = [one.guid for one in work.tasks.values() if task.guid in one.waits_for]
    return {
        "guid": task.guid, "task_id": f"t{100_000 + list(work.tasks).index(task.guid)}", "summary": task.summary,
        "completed_at": task.details.get("completed_at", "0"), "start": task.details.get("start"), "due": task.details.get("due"),
        "members": task.details.get("members", []), "subtask_count": sum(one.parent == task.guid for one in work.tasks.values()),
        "description": task.details.get("description", ""), "creator": {"id": "ou_x", "type": "user", "name": "赵敏"},
        "created_at": str(task.created_ms), "updated_at": str(task.updated_ms), "parent_task_guid": task.parent,
        "url": f"https://applink.feishu.cn/client/todo/detail?guid={task.guid}", "is_milestone": False,
        "tasklists": [{"tasklist_guid": place, "section_guid": section} for place, section in task.lists.items()],
        "custom_fields": task.details.get("custom_fields", []),
        "dependencies": [{"type": "prev", "task_guid": guid} for guid in task.waits_for]
        + [{"type": "next", "task_guid": guid} for guid in after],
    }  # fmt: skip


def add_dependencies(call: Call) -> dict[str, Any]:
    return _depend(call, is_adding=True)


def remove_dependencies(call: Call) -> dict[str, Any]:
    return _depend(call, is_adding=False)


def _depend(call: Call, *, is_adding: bool) -> dict[str, Any]:
    call.state.require_scope(*WRITE)
    work, task = call.state.work, _task(call, call.ids["task_guid"])
    for item in call.body().get("dependencies") or ():
        other = _task(call, str(item.get("task_guid") or ""))
        if not is_adding:
            other.waits_for = [guid for guid in other.waits_for if guid != task.guid]
            task.waits_for = [guid for guid in task.waits_for if guid != other.guid]
            continue
        if item.get("type") not in ("prev", "next"):
            raise Refusal(1470400, "invalid dependency type")
        successor, predecessor = (task, other) if (item["type"] == "prev") != work.turns_round else (other, task)
        if predecessor.guid not in successor.waits_for:
            successor.waits_for.append(predecessor.guid)
        task.updated_ms = other.updated_ms = _now(call)
    return {"dependencies": shown(call, task)["dependencies"]}


def _now(call: Call) -> int:
    return int(call.state.now().timestamp() * 1000)


def comments(call: Call) -> dict[str, Any]:
    found = _task(call, call.request.get("resource_id"))
    return call.page([_comment(one, found) for one in found.comments], 100)


def _comment(one: Comment, task: Task) -> Json:
    return {
        "id": one.id, "content": one.content, "creator": one.creator, "reply_to_comment_id": "0", "created_at": str(one.created_ms),
        "updated_at": str(one.updated_ms), "resource_type": "task", "resource_id": task.guid,
    }  # fmt: skip


def _text(content: object) -> str:
    if not isinstance(content, str) or not content or len(content) > LONGEST:
        raise Refusal(1470400, "invalid content")
    return content


def add_comment(call: Call) -> dict[str, Any]:
    call.state.require_scope(*SAY)
    body = call.body()
    task, now = _task(call, str(body.get("resource_id") or "")), _now(call)
    made = Comment(call.state.work.new("7"), _text(body.get("content")), APP, now, now)
    task.comments.append(made)
    task.updated_ms = now
    return {"comment": _comment(made, task)}


def _found(call: Call) -> tuple[Task, Comment]:
    for task in call.state.work.tasks.values():
        for one in task.comments:
            if one.id == call.ids["comment_id"]:
                return _task(call, task.guid), one
    raise Refusal(1470404, "comment not found", 404)


def get_comment(call: Call) -> dict[str, Any]:
    task, one = _found(call)
    return {"comment": _comment(one, task)}


def edit_comment(call: Call) -> dict[str, Any]:
    call.state.require_scope(*SAY)
    (task, one), body = _found(call), call.body()
    if one.creator != APP:
        raise Refusal(1470403, "only the creator may edit a comment", 403)
    if "content" in (body.get("update_fields") or ()):
        one.content, one.updated_ms = _text((body.get("comment") or {}).get("content")), _now(call)
    return {"comment": _comment(one, task)}


def delete_comment(call: Call) -> dict[str, Any]:
    call.state.require_scope(*SAY)
    task, one = _found(call)
    task.comments.remove(one)
    return {}
