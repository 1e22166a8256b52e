"""The plain pages of a project and a task: what a team would see in the browser."""

from __future__ import annotations

from html import escape

from sandbox.asana import html as rich
from sandbox.asana.state import State, Task
from sandbox.look import page


def paths(state: State) -> list[tuple[str, str]]:
    """(title, path) of every project and its tasks."""
    found = []
    for project in state.projects.values():
        found.append((project.name, f"/1/{state.workspace}/project/{project.gid}"))
        found += [
            (task.name, f"/1/{state.workspace}/task/{task.gid}")
            for task in state.tasks.values()
            if project.gid in task.places
        ]
    return found


def html(state: State, path: str) -> str | None:
    """The page of a project or a task; None for anything else."""
    kind, _, gid = path.removeprefix(f"/1/{state.workspace}/").partition("/")
    if kind == "project" and gid in state.projects:
        found = state.projects[gid]
        tasks = [task for task in state.tasks.values() if gid in task.places]
        items = "".join(
            f'<li><a href="/1/{state.workspace}/task/{task.gid}">{escape(task.name)}</a></li>' for task in tasks
        )
        return page(found.name, f"<h1>{escape(found.name)}</h1><ul>{items}</ul>")
    if kind == "task" and gid in state.tasks:
        return page(state.tasks[gid].name, _task_page(state, state.tasks[gid]))
    return None


def _task_page(state: State, task: Task) -> str:
    names = {user.gid: user.name or "" for user in state.users.values()}
    waits = [state.tasks[gid].name for gid in task.dependencies if gid in state.tasks]
    said = f"<p>等待：{escape('、'.join(waits))}</p>" if waits else ""
    links = "".join(f'<li><a href="{escape(item.url)}">{escape(item.name)}</a></li>' for item in task.attachments)
    comments = "".join(
        f'<div class="box"><small>{escape(story.by.name or "")}</small><pre>{_inner(rich.shown(story.html, names))}</pre></div>'
        for story in task.stories
        if story.subtype == "comment_added"
    )
    due = task.details.get("due_on") or ""
    return f"<h1>{escape(task.name)}</h1><p><small>{escape(due)}</small></p>{said}<ul>{links}</ul>{comments}"


def _inner(body: str) -> str:
    return body.removeprefix("<body>").removesuffix("</body>")
