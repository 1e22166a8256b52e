"""The Source port over task lists 任务清单: the tasks of the admin's lists and their subtasks.

A list tells neither when a task was changed nor who waits for whom, so each task that may have changed is read by itself: all that are not
done, and those done since. Everything is read once a day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal
from urllib.parse import quote

from connectors.feishu.site import Site
from connectors.feishu.table_rows import TASK
from connectors.feishu.task_values import DONE, OPEN, raw_from_task, task_from
from sync.core.errors import AccessDenied, ConfigError, Nonsense, NotFound, Problem, Refused
from sync.core.instants import instant_from_ms
from sync.core.ports import ConnectionSettings, Cursor, Probe, Shard, SiteIdentity, Stream
from sync.core.probing import tried
from sync.core.values import Account, RawRecord
from sync.core.vocabulary import Vocabulary

TASKS = "tasks"
IDS = {"user_id_type": "open_id"}
PAGE, FEW, DEEPEST = 100, 20, 8
SEE = "任务清单 > 分享：把这个应用加成清单成员，可编辑；名字重了就写清单的编号（清单链接里 guid= 后面那一段）"
SCOPE = "开发者后台 > 权限管理：开通 task:task:write、task:tasklist:read、task:comment:write，再发布版本"


class TaskSource:
    """Reads the lists that were shared with the application."""

    site: Site
    settings: ConnectionSettings

    def identify(self) -> SiteIdentity:
        """The application; ids of people are its own, so another application is another site."""
        self.site.token(is_fresh=True)
        app = self.site.app_id
        return SiteIdentity(f"feishu-tasks:{self.site.remote.base_url}:{app}", Account(app, app), self.settings.zone)

    def vocabulary(self) -> Vocabulary:
        """The lists that are visible, and the sections of those that are collected."""
        lists = self._lists()
        names = {str(item.get("name") or item["guid"]): str(item["guid"]) for item in lists}
        states = [name for scope in self.settings.scopes for name in self._sections(self._guid(scope, lists)).values()]
        return Vocabulary(
            statuses=(*dict.fromkeys(states), DONE, OPEN), scopes={guid: name for name, guid in names.items()}
        )

    def probes(self) -> Iterator[Probe]:
        """The sign-in, and each list with its tasks."""
        yield tried(
            "sign in",
            "核对 App ID 和 App Secret",
            lambda: f"application {self.site.token(is_fresh=True) and self.site.app_id}",
        )
        for scope in self.settings.scopes:
            yield tried(f"read task list {scope}", f"{SEE}；{SCOPE}", partial(self._look, scope))
        yield Probe("write comments and dependencies", None, "cannot be told without writing", SCOPE)

    def _look(self, scope: str) -> str:
        return f"{len(next(self._summaries(self._guid(scope)), []))} or more tasks"

    def streams(self) -> Sequence[Stream]:
        """One. A done task that is edited moves nothing that a list tells, so all are read again once a day."""
        return (Stream(TASKS, TASK, rereads_after_h=float(self.settings.options.get("reread_hours", 24))),)

    def shards(self, stream: str, cursor: Cursor | None, scope: str) -> Iterator[Shard]:
        """The tasks that may have changed, in groups."""
        _check_stream(stream)
        overlap = timedelta(minutes=float(self.settings.options.get("overlap_minutes", 10)))
        since = cursor.since - overlap if cursor else None
        guid = self._guid(scope)
        position = {"since": since.isoformat() if since else "", "sections": self._sections(guid)}
        for page in self._everything(guid):
            ids = [str(item["guid"]) for item in page if since is None or _may_have_changed(item, since)]
            for start in range(0, len(ids), FEW):
                yield Shard(stream, scope, ids=tuple(ids[start : start + FEW]), position=position)

    def fetch(self, shard: Shard) -> Iterator[Sequence[RawRecord]]:
        """The tasks of a shard. One that is gone or hidden is left out; the census will tell."""
        _check_stream(shard.stream)
        at, names = datetime.now(UTC), shard.position.get("sections")
        if not isinstance(names, dict):  # picked by id
            names = self._sections(self._guid(shard.scope))
        since = datetime.fromisoformat(text) if (text := str(shard.position.get("since") or "")) else None
        found = []
        for guid in dict.fromkeys(shard.ids):
            try:
                task = self._task(guid)
            except NotFound:
                continue
            raw = raw_from_task(task, names, self.settings.name, shard.scope, at)
            if since is None or raw.updated_at >= since:
                found.append(raw)
        yield found

    def pick(self, stream: str, scope: str, ids: Sequence[str]) -> Iterator[Shard]:
        """Shards that read exactly these tasks by id."""
        _check_stream(stream)
        wanted = list(dict.fromkeys(ids))
        for start in range(0, len(wanted), FEW):
            yield Shard(stream, scope, ids=tuple(wanted[start : start + FEW]))

    def census(self, stream: str, scope: str) -> Iterator[Sequence[str]]:
        """The ids of the list's tasks, subtasks among them."""
        _check_stream(stream)
        for page in self._everything(self._guid(scope)):
            yield [str(item["guid"]) for item in page]

    def look_up(self, stream: str, item_id: str) -> Literal["here", "moved", "archived", "deleted", "hidden"]:
        """Why a task is missing, by a direct read of it and of what it is a part of."""
        _check_stream(stream)
        guids = {self._guid(scope) for scope in self.settings.scopes}
        guid = item_id
        for _ in range(DEEPEST):
            try:
                task = self._task(guid)
            except NotFound:
                return "deleted" if guid == item_id else "moved"
            except AccessDenied as error:
                if not error.data.get("code"):
                    raise
                return "hidden"
            if guids & {
                str(place.get("tasklist_guid")) for place in task.get("tasklists") or () if isinstance(place, dict)
            }:
                return "here"
            guid = str(task.get("parent_task_guid") or "")
            if not guid:
                return "moved"
        return "moved"

    def _task(self, guid: str) -> dict[str, Any]:
        return task_from(self.site.ask("GET", f"/task/v2/tasks/{quote(guid, safe='')}", IDS))

    def _everything(self, list_guid: str) -> Iterator[list[dict[str, Any]]]:
        """The list's tasks as it tells them, and below each its subtasks; each once."""
        seen: set[str] = set()
        for page in self._summaries(list_guid):
            found = [item for task in page for item in (task, *self._below(task, 0))]
            yield [item for item in found if item["guid"] not in seen and not seen.add(str(item["guid"]))]  # type: ignore[func-returns-value]

    def _summaries(self, list_guid: str) -> Iterator[list[dict[str, Any]]]:
        path = f"/task/v2/tasklists/{quote(list_guid, safe='')}/tasks"
        for items in self.site.pages(path, {**IDS, "page_size": PAGE}):
            yield _tasks(items)

    def _below(self, task: dict[str, Any], depth: int) -> Iterator[dict[str, Any]]:
        if not task.get("subtask_count") or depth >= DEEPEST or not self.settings.options.get("subtasks", True):
            return
        path = f"/task/v2/tasks/{quote(str(task['guid']), safe='')}/subtasks"
        try:
            found = [item for items in self.site.pages(path, {**IDS, "page_size": PAGE}) for item in _tasks(items)]
        except NotFound:
            return  # gone since it was listed
        for item in found:
            yield item
            yield from self._below(item, depth + 1)

    def _sections(self, list_guid: str) -> dict[str, str]:
        params = {**IDS, "resource_type": "tasklist", "resource_id": list_guid, "page_size": PAGE}
        pages = self.site.pages("/task/v2/sections", params)
        return {
            str(item.get("guid")): str(item.get("name") or "")
            for page in pages
            for item in page
            if isinstance(item, dict)
        }

    def _lists(self) -> list[dict[str, Any]]:
        return [
            item for page in self.site.pages("/task/v2/tasklists", {**IDS, "page_size": PAGE}) for item in _tasks(page)
        ]

    def _guid(self, scope: str, lists: list[dict[str, Any]] | None = None) -> str:
        """The list of this guid or exact name. Raises NotFound naming it, ConfigError where a name means several."""
        found = [
            item for item in (self._lists() if lists is None else lists) if scope in (item["guid"], item.get("name"))
        ]
        if not found:
            raise NotFound(f"task list {scope} is not visible to the application; {SEE}")
        if len(found) > 1:
            guids = ", ".join(str(item["guid"]) for item in found)
            file = f"mappings/{self.settings.name}.yaml"
            problem = Problem(
                file, 0, "scope", f"{len(found)} task lists are called {scope!r}", f"write the guid of one: {guids}"
            )
            raise ConfigError([problem])
        return str(found[0]["guid"])


def _may_have_changed(item: dict[str, Any], since: datetime) -> bool:
    """A subtask tells its own date; of the others all that are not done, or were done since."""
    if at := instant_from_ms(item.get("updated_at")):
        return at >= since
    done = str(item.get("completed_at") or "0")
    at = instant_from_ms(done) if done != "0" else None
    return at is None or at >= since


def _tasks(items: object) -> list[dict[str, Any]]:
    if not isinstance(items, Sequence) or not all(isinstance(item, dict) and item.get("guid") for item in items):
        raise Nonsense(expected="things with a guid", sample=items)
    return list(items)


def _check_stream(stream: str) -> None:
    if stream != TASKS:
        raise Refused(f"tasks of Feishu have no stream {stream!r}, only {TASKS!r}")
