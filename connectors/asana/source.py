"""The Source port: tasks and subtasks of the admin's projects.

A task may lie in several projects; it is collected in the first of them that the mapping names. A subtask lies in its parent's project,
unless it was added to one itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta
from typing import Literal

from msgspec import Raw

from connectors.asana.answers import is_signed_out
from connectors.asana.doctor import probes_of
from connectors.asana.people import identity_of, vocabulary_of
from connectors.asana.records import FIELDS, TASK, THIN_FIELDS, Head, head_from, raw_from_task
from connectors.asana.shapes import ATTACHMENT_FIELDS, Project
from connectors.asana.site import Site, part
from sync.core.errors import AccessDenied, NotFound, Refused
from sync.core.instants import instant_from_text
from sync.core.ports import Cursor, Probe, Shard, SiteIdentity, Stream
from sync.core.values import RawRecord
from sync.core.vocabulary import Vocabulary

TASKS = "tasks"
FEW = 20  # tasks read one by one in a shard, or parents whose subtasks are
DEEPEST = 12  # subtasks of subtasks; Asana itself allows five


class TaskSource:
    """Reads projects. Nothing is remembered between calls but which project a name means."""

    site: Site

    def identify(self) -> SiteIdentity:
        """Who and where we are."""
        return identity_of(self.site)

    def vocabulary(self) -> Vocabulary:
        """Custom fields, section names and projects."""
        return vocabulary_of(self.site)

    def probes(self) -> Iterator[Probe]:
        """Each operation this connection needs."""
        return probes_of(self.site)

    def streams(self) -> Sequence[Stream]:
        """One. Renamed sections and new dependencies may move no date, so all tasks are read again once a day."""
        hours = float(self.site.settings.options.get("reread_hours", 24))
        return (Stream(TASKS, TASK, rereads_after_h=hours),)

    def shards(self, stream: str, cursor: Cursor | None, scope: str) -> Iterator[Shard]:
        """The project's list, then the subtasks of whoever has some: a changed subtask does not change its parent."""
        _check_stream(stream)
        project = self.site.project(scope, is_fresh=True)
        since = self._since(project, cursor)
        yield Shard(stream, scope, position={"since": since})
        if self._has_subtasks():
            parents = (head.gid for page in self._thin(project) for _, head in page if head.has_subtasks)
            for group in _groups(parents):
                yield Shard(stream, scope, position={"since": since, "parents": group})

    def _since(self, project: Project, cursor: Cursor | None) -> str:
        """From when; the whole project once more when it was changed itself: who may see it changes no task."""
        changed_at = instant_from_text(project.modified_at)
        minutes = float(self.site.settings.options.get("overlap_minutes", 10))
        if cursor is None or (changed_at is not None and changed_at >= cursor.since - timedelta(minutes=minutes)):
            return ""
        return (cursor.since - timedelta(minutes=minutes)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def _has_subtasks(self) -> bool:
        return bool(self.site.settings.options.get("subtasks", True))

    def _thin(self, project: Project, since: str = "", fields: str = THIN_FIELDS) -> Iterator[list[tuple[Raw, Head]]]:
        """The project's own tasks, page by page, each once; sections drawn as separators are no tasks."""
        seen: set[str] = set()
        for page in self.site.pages("/tasks", project=project.gid, modified_since=since, opt_fields=fields):
            found = [(raw, head) for raw in page if not (head := head_from(raw)).is_separator and head.gid not in seen]
            seen.update(head.gid for _, head in found)
            yield found

    def fetch(self, shard: Shard) -> Iterator[Sequence[RawRecord]]:
        """The records of a shard. A task that is gone, hidden or no longer in the project is left out; the census will tell."""
        _check_stream(shard.stream)
        project = self.site.project(shard.scope)
        since = str(shard.position.get("since") or "")
        if shard.ids:
            found = (item for item in self._singly(shard.ids) if self._may_lie_in(shard.scope, item[1]))
            yield self._records(shard.scope, project, found)
        elif parents := shard.position.get("parents"):
            after = instant_from_text(since)
            for parent in parents:
                below = self._below(str(parent), FIELDS)
                changed = (
                    (raw, head) for raw, head in below if not after or not head.modified_at or head.modified_at >= after
                )
                yield self._records(shard.scope, project, (item for item in changed if not self._home(item[1])))
        else:
            for page in self._thin(project, since, FIELDS):
                yield self._records(shard.scope, project, (item for item in page if self._home(item[1]) == shard.scope))

    def _home(self, head: Head) -> str:
        """The scope in which a task is collected by its own places; "" for one that has none, as most subtasks."""
        return self.site.scope_of(head.projects)

    def _may_lie_in(self, scope: str, head: Head) -> bool:
        """Whether a task that was read by itself is collected here; of a subtask in no project its parent would tell."""
        home = self._home(head)
        return home == scope or (not home and (bool(head.parent) or not self.site.settings.scopes))

    def _records(self, scope: str, project: Project, tasks: Iterator[tuple[Raw, Head]]) -> list[RawRecord]:
        name = self.site.settings.name
        return [raw_from_task(raw, head, name, scope, project, self._attached(head.gid)) for raw, head in tasks]

    def _attached(self, gid: str) -> list[Raw] | None:
        """The addresses attached to a task, where the admin asked for them: one more request for each."""
        if not self.site.settings.options.get("attachments", False):
            return None
        try:
            pages = self.site.pages("/attachments", parent=gid, opt_fields=ATTACHMENT_FIELDS)
            return [raw for page in pages for raw in page]
        except NotFound:
            return []  # gone since it was listed

    def _singly(self, ids: Sequence[str]) -> Iterator[tuple[Raw, Head]]:
        for gid in dict.fromkeys(ids):
            try:
                raw = self.site.get(f"/tasks/{part(gid)}", Raw, opt_fields=FIELDS)
            except NotFound:
                continue
            except AccessDenied as error:
                if is_signed_out(error):
                    raise
                continue
            yield raw, head_from(raw)

    def _below(self, gid: str, fields: str, depth: int = 0) -> Iterator[tuple[Raw, Head]]:
        """A task's subtasks and theirs."""
        try:
            found = [
                (raw, head_from(raw))
                for page in self.site.pages(f"/tasks/{part(gid)}/subtasks", opt_fields=fields)
                for raw in page
            ]
        except NotFound:
            return  # gone since it was listed
        for raw, head in found:
            if not head.is_separator:
                yield raw, head
            if head.has_subtasks and depth < DEEPEST:
                yield from self._below(head.gid, fields, depth + 1)

    def pick(self, stream: str, scope: str, ids: Sequence[str]) -> Iterator[Shard]:
        """Shards that read exactly these tasks by id."""
        _check_stream(stream)
        yield from (Shard(stream, scope, ids=tuple(group)) for group in _groups(iter(dict.fromkeys(ids))))

    def census(self, stream: str, scope: str) -> Iterator[Sequence[str]]:
        """The ids of all tasks that are collected in this project, subtasks among them."""
        _check_stream(stream)
        project = self.site.project(scope, is_fresh=True)
        seen: set[str] = set()
        for page in self._thin(project):
            ids = [head.gid for _, head in page if self._home(head) == scope]
            parents = [head.gid for _, head in page if head.has_subtasks] if self._has_subtasks() else []
            for parent in parents:
                ids += [head.gid for _, head in self._below(parent, THIN_FIELDS) if not self._home(head)]
            fresh = [gid for gid in dict.fromkeys(ids) if gid not in seen]
            seen.update(fresh)
            yield fresh

    def look_up(self, stream: str, item_id: str) -> Literal["here", "moved", "archived", "deleted", "hidden"]:
        """Why a task is missing. Asana does not tell a task in the trash from one that we may not see: both are ``hidden``."""
        _check_stream(stream)
        gid = item_id
        for depth in range(DEEPEST):
            try:
                head = head_from(self.site.get(f"/tasks/{part(gid)}", Raw, opt_fields=THIN_FIELDS))
            except NotFound:
                return "hidden"
            except AccessDenied as error:
                if is_signed_out(error):
                    raise
                return "hidden"
            if depth == 0 and head.is_separator:
                return "archived"
            if self._home(head) or not self.site.settings.scopes:
                return "here"
            if not head.parent or not self._has_subtasks():
                return "moved"
            gid = head.parent
        return "moved"


def _groups(ids: Iterator[str]) -> Iterator[list[str]]:
    group: list[str] = []
    for item in ids:
        group.append(item)
        if len(group) == FEW:
            yield group
            group = []
    if group:
        yield group


def _check_stream(stream: str) -> None:
    if stream != TASKS:
        raise Refused(f"Asana has no stream {stream!r}, only {TASKS!r}")
