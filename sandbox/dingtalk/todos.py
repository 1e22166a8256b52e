"""Todos 待办: two lists of what a person has on, and each by itself. People are unionIds."""

from __future__ import annotations

import hashlib
from typing import Any

from sandbox.dingtalk.state import CLIENT_ID, Call, Json, Refusal, Todo

DAY_MS = 86_400_000
KEPT_DAYS = 180  # done ones stay in the lists for so long
ROLES = ("executor", "creator", "participant")
WRITTEN = ("description", "dueTime", "priority", "detailUrl", "sourceId", "participantIds", "isOnlyShowExecutor")


def query_own(call: Call) -> Json:
    """What applications made with an address to lead to; what people wrote in DingTalk itself is not in it."""
    call.state.require("Todo.Todo.Read")
    return _listed(
        call, [todo for todo in _on(call) if todo.made_by == CLIENT_ID and _shown(call, todo).get("detailUrl")], {}
    )


def query_all(call: Call) -> Json:
    """What any application made and, where it is asked for, what people wrote themselves."""
    call.state.require("Custom.Todo.Read")
    most = call.body.get("maxResults")
    if not isinstance(most, int) or most < 1:
        raise Refusal(400, "invalidParameter.maxResults", "maxResults 不合法")
    wanted = [todo for todo in _on(call) if todo.made_by or call.body.get("needPersonalTodo") is True]
    return _listed(call, wanted, {"maxResults": most}, most)


def _on(call: Call) -> list[Todo]:
    """Those that the person is on in one of the roles asked for, done or not as asked for."""
    union_id, body = _somebody(call), call.body
    groups = body.get("roleTypes") or [[role] for role in ROLES]
    if not isinstance(groups, list) or not all(isinstance(group, list) and set(group) <= {*ROLES} for group in groups):
        raise Refusal(400, "invalidParameter.roleTypes", "roleTypes 不合法")
    oldest = call.now_ms - KEPT_DAYS * DAY_MS
    found = [
        todo
        for todo in call.state.todos.values()
        if union_id not in todo.hidden_from
        and any(all(union_id in _people(todo, role) for role in group) for group in groups)
        and (not todo.finished_ms or todo.finished_ms >= oldest)
    ]
    return [todo for todo in found if body.get("isDone") in (None, bool(todo.finished_ms))]


def _people(todo: Todo, role: str) -> list[str]:
    participants: list[str] = todo.details.get("participantIds", [])
    return {"executor": todo.executors, "creator": [todo.creator], "participant": participants}[role]


def _somebody(call: Call) -> str:
    union_id = call.ids["union_id"]
    if all(one.unionid != union_id for one in call.state.people.values()):
        raise Refusal(400, "invalidParameter.unionId", "unionId 不合法")
    return union_id


def _listed(call: Call, todos: list[Todo], more: Json, most: int = 0) -> Json:
    """A page; the last one has no token. A page may be short, empty or the same again."""
    size, token = min(most or call.state.todo_page, call.state.todo_page), str(call.body.get("nextToken") or "0")
    if token != "0" and not token.startswith("1700000000"):
        raise Refusal(400, "invalidParameter.nextToken", "nextToken 不合法")
    begin = 0 if token == "0" else int(token.removeprefix("1700000000"))
    page, end = todos[begin : begin + size], begin + size
    has_more = end < len(todos)
    kinds: Any = ("short_page", "empty_page", "repeated_page")
    fault = call.faults.take(call.request.method, call.request.path, kinds) if has_more else None
    if fault and fault.kind == "short_page":
        page, end = page[: size // 2], begin + size // 2
    elif fault:
        page, end = ([] if fault.kind == "empty_page" else page), begin
    return {
        **more,
        "todoCards": [_card(call, todo) for todo in page],
        "nextToken": f"1700000000{end}" if has_more else None,
    }


def _card(call: Call, todo: Todo) -> Json:
    """As a list tells it: no description, and of people the creator only."""
    whole = _shown(call, todo)
    names = (
        "bizTag",
        "createdTime",
        "creatorId",
        "detailUrl",
        "dueTime",
        "modifiedTime",
        "priority",
        "sourceId",
        "subject",
    )
    card = {name: whole[name] for name in names if whole.get(name) is not None}
    return {**card, "taskId": todo.id, "isDone": whole["done"], "todoType": todo.details.get("todoType", "TODO")}


def _shown(call: Call, todo: Todo) -> Json:
    led = (
        {"appUrl": f"https://oa.example.com/m/{todo.id}", "pcUrl": f"https://oa.example.com/{todo.id}"}
        if todo.made_by
        else None
    )
    finished = {"finishTime": todo.finished_ms} if todo.finished_ms else {}
    number = hashlib.sha256(f"{call.now_ms} {id(call)}".encode()).hexdigest()[:16]
    return {
        "id": todo.id, "subject": todo.subject, "creatorId": todo.creator, "executorIds": list(todo.executors), "participantIds": [],
        "createdTime": todo.created_ms, "modifiedTime": todo.modified_ms, "modifierId": todo.creator, "done": bool(todo.finished_ms),
        "bizTag": "teambition", "source": "teambition", "tenantType": "org", "tenantId": "1", "isOnlyShowExecutor": False,
        "detailUrl": led, "priority": 20, **finished,
        **{name: value for name, value in todo.details.items() if name != "todoType"}, "requestId": number,
    }  # fmt: skip


def _todo(call: Call) -> Todo:
    """Whoever is on it may read it; to anybody else there is none, or it is not theirs: which of the two is not published."""
    union_id = _somebody(call)
    found = call.state.todos.get(call.ids["task_id"])
    is_on_it = found is not None and any(union_id in _people(found, role) for role in ROLES)
    if found and not is_on_it and call.state.refuses_strangers:
        raise Refusal(400, "todo.task.permissionError", "no permission")
    if found is None or not is_on_it:
        raise Refusal(400, "ResourceNotFound.TaskNotExist", "task not exist")
    return found


def get(call: Call) -> Json:
    call.state.require("Todo.Todo.Read")
    return _shown(call, _todo(call))


def create(call: Call) -> Json:
    """One with a ``sourceId`` that is there already is refused."""
    call.state.require("Todo.Todo.Write")
    body, creator = call.body, _somebody(call)
    if not body.get("subject"):
        raise Refusal(400, "todo.taskCreate.paramError", "subject is empty")
    source = body.get("sourceId")
    if source and any(todo.details.get("sourceId") == source for todo in call.state.todos.values()):
        raise Refusal(400, "todo.taskCreate.paramError", "task exist")
    key = hashlib.sha256(f"{body['subject']} {len(call.state.todos)}".encode()).hexdigest()[:24]
    details = {name: body[name] for name in WRITTEN if name in body}
    todo = Todo(
        key,
        body["subject"],
        creator,
        list(body.get("executorIds") or [creator]),
        call.now_ms,
        call.now_ms,
        details=details,
    )
    call.state.todos[key] = todo
    return _shown(call, todo)


def update(call: Call) -> Json:
    call.state.require("Todo.Todo.Write")
    todo, body = _todo(call), call.body
    todo.subject, todo.executors = body.get("subject", todo.subject), body.get("executorIds", todo.executors)
    todo.details |= {name: body[name] for name in WRITTEN if name in body}
    if "done" in body:
        todo.finished_ms = call.now_ms if body["done"] else 0
    todo.modified_ms = call.now_ms
    return {"requestId": "r-1", "result": True}


def delete(call: Call) -> Json:
    call.state.require("Todo.Todo.Write")
    del call.state.todos[_todo(call).id]
    return {"requestId": "r-1", "result": True}
