"""What a simulated Jira site knows: frozen values, and one Site that holds them by id and remembers what changed when.

An issue is replaced, never altered, so that the search index can keep showing yesterday's value (index lag).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

Json = dict[str, Any]
Words = Mapping[str, str]  # language -> text; "en" is always there
Variant = Literal["cloud", "dc"]
Language = Literal["en", "zh"]


def word(words: Words, language: str) -> str:
    """The text in this language, in English where there is no other."""
    return words.get(language) or words["en"]


@dataclass(frozen=True)
class User:
    """One account. ``key`` is our index; Cloud shows ``account_id``, Data Center ``login`` and ``server_key``."""

    key: str
    account_id: str
    login: str
    server_key: str
    name: str
    email: str
    zone: str = "Asia/Shanghai"
    is_active: bool = True
    is_email_shown: bool = True
    kind: str = "atlassian"


@dataclass(frozen=True)
class Named:
    """A status, issue type, priority, resolution or link type: an id and its names per language.

    ``category`` (statuses) is new, indeterminate or done; ``inward`` and ``outward`` belong to link types.
    """

    id: str
    words: Words
    description: str = ""
    category: str = ""
    is_subtask: bool = False
    inward: Words = field(default_factory=lambda: {"en": ""})
    outward: Words = field(default_factory=lambda: {"en": ""})


@dataclass(frozen=True)
class Project:
    id: str
    key: str
    name: str
    lead: str
    status: Literal["live", "archived", "deleted"] = "live"
    category: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Link:
    """One issue link. ``source`` is the subject of the outward phrase: "source blocks target"."""

    id: int
    type_id: str
    source: int
    target: int


@dataclass(frozen=True)
class Comment:
    """``body`` is wiki text, or an ADF document where it was written as one."""

    id: int
    author: str
    body: str | Json
    created: datetime
    updated: datetime
    update_author: str
    visibility: Json | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RemoteLink:
    id: int
    global_id: str | None
    application: Json
    relationship: str | None
    object: Json


@dataclass(frozen=True)
class Attachment:
    id: int
    filename: str
    author: str
    created: datetime
    size: int
    mime_type: str
    content: bytes


@dataclass(frozen=True)
class Change:
    """One entry of an issue's history; ``items`` are as the vendor shows them."""

    id: int
    author: str
    at: datetime
    items: tuple[Json, ...]


@dataclass(frozen=True)
class Issue:
    """One issue. Ids point into the Site; ``extra`` holds custom fields and fields we only carry."""

    id: int
    key: str
    project_id: str
    type_id: str
    status_id: str
    summary: str
    created: datetime
    updated: datetime
    priority_id: str | None = None
    resolution_id: str | None = None
    resolved: datetime | None = None
    description: str | Json | None = None
    environment: str | Json | None = None
    assignee: str | None = None
    reporter: str | None = None
    creator: str | None = None
    due: date | None = None
    labels: tuple[str, ...] = ()
    parent: int | None = None
    fix_versions: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    security: Mapping[str, Any] | None = None
    comments: tuple[Comment, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    history: tuple[Change, ...] = ()
    links: tuple[int, ...] = ()
    remote_links: tuple[RemoteLink, ...] = ()
    watchers: tuple[str, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Continuation:
    """What a nextPageToken stands for: its query, the last sort key handed out before it, and before the page before."""

    jql: str
    after: tuple[Any, ...] | None
    before: tuple[Any, ...] | None
    expires: datetime


@dataclass(frozen=True)
class Unindexed:
    """A change that the search index may not know yet. ``delay_s`` is its own; None follows the site's ``index_lag_s``."""

    changed_at: datetime
    before: Issue | None
    delay_s: float | None


class Site:
    """The state of one site, indexed by id. All writing goes through ``put`` and ``drop``.

    ``index_lag_s`` is how far the search index is behind; with ``index_delay_s`` each change is given a delay of its own, so that
    changes come into the index in another order than they were made in.
    """

    def __init__(self, variant: Variant, language: Language, clock: Callable[[], datetime]) -> None:
        self.variant: Variant = variant
        self.language: Language = language
        self.clock = clock
        self.lock = threading.RLock()
        self.revision = 0
        self.index_lag_s = 0.0
        self.index_delay_s: Callable[[], float] | None = None
        self.links_touch_updated = False
        self.account = ""
        self.on_change: Callable[[Issue | None, Issue | None], None] = lambda *_: None  # before, after
        self.users: dict[str, User] = {}
        self.projects: dict[str, Project] = {}
        self.statuses: dict[str, Named] = {}
        self.types: dict[str, Named] = {}
        self.priorities: dict[str, Named] = {}
        self.resolutions: dict[str, Named] = {}
        self.link_types: dict[str, Named] = {}
        self.versions: dict[str, Json] = {}
        self.components: dict[str, Json] = {}
        self.custom_fields: dict[str, Json] = {}
        self.issues: dict[int, Issue] = {}
        self.links: dict[int, Link] = {}
        self.stubs: dict[int, Json] = {}
        self.comment_home: dict[int, int] = {}
        self.attachment_home: dict[int, int] = {}
        self.children: dict[int, list[int]] = {}
        self.hidden_issues: set[int] = set()
        self.hidden_projects: set[str] = set()
        self.denied_permissions: set[str] = set()
        self.continuations: dict[str, Continuation] = {}
        self.last_rows: tuple[object, list[tuple[Any, ...]]] = (None, [])
        self._ids_by_key: dict[str, int] = {}
        self._pairs: dict[tuple[str, int, int], int] = {}
        self._waiting: dict[int, list[int]] = {}
        self._past: dict[int, list[Unindexed]] = {}
        self._numbers_of: dict[str, dict[int, None]] = {}
        self._counters: dict[str, int] = {}

    def now(self) -> datetime:
        """The clock's time, aware, in UTC, to the millisecond as Jira keeps it."""
        moment = self.clock().astimezone(UTC)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def next_id(self, kind: str, first: int = 10001) -> int:
        """The next id of this kind: counted, so that the same story gives the same ids."""
        number = max(self._counters.get(kind, 0), first - 1) + 1
        self._counters[kind] = number
        return number

    def reserve_id(self, kind: str, number: int) -> int:
        """Keep an id that came with a payload, so that next_id never hands it out."""
        self._counters[kind] = max(self._counters.get(kind, 0), number)
        return number

    def project(self, id_or_key: str) -> Project | None:
        """A project by id or key, in any case, whatever its state."""
        if id_or_key in self.projects:
            return self.projects[id_or_key]
        wanted = id_or_key.upper()
        return next((project for project in self.projects.values() if project.key.upper() == wanted), None)

    def can_see(self, issue: Issue) -> bool:
        """Whether the integration account may browse this issue."""
        project = self.projects[issue.project_id]
        is_shown = project.status == "live" and project.key not in self.hidden_projects
        return is_shown and issue.id not in self.hidden_issues

    def find(self, id_or_key: str) -> Issue | None:
        """An issue by id, key or a key it had before it was moved; None when absent or hidden."""
        number = self._ids_by_key.get(id_or_key.upper())
        if number is None and id_or_key.isdigit():
            number = int(id_or_key)
        issue = self.issues.get(number) if number is not None else None
        return issue if issue and self.can_see(issue) else None

    def any_issue(self, id_or_key: str) -> Issue:
        """An issue by id or key, hidden or not; raises KeyError."""
        number = self._ids_by_key.get(id_or_key.upper())
        return self.issues[int(id_or_key) if number is None and id_or_key.isdigit() else number or 0]

    def put(self, issue: Issue) -> Issue:
        """Store an issue in place of its earlier value; its old key goes on answering."""
        before = self.issues.get(issue.id)
        self._remember(issue.id, before)
        self.issues[issue.id] = issue
        if before is None or before.project_id != issue.project_id:
            if before:
                self._numbers_of[before.project_id].pop(issue.id)
            self._numbers_of.setdefault(issue.project_id, {})[issue.id] = None
        self._ids_by_key[issue.key.upper()] = issue.id
        if (before.parent if before else None) != issue.parent:
            if before and before.parent is not None:
                self.children[before.parent].remove(issue.id)
            if issue.parent is not None:
                self.children.setdefault(issue.parent, []).append(issue.id)
        self.on_change(before, issue)
        return issue

    def drop(self, issue: Issue) -> None:
        """Delete an issue with its links; the other ends lose them too."""
        for link_id in issue.links:
            if link_id in self.links:
                self.drop_link(self.links[link_id])
        self._remember(issue.id, issue)
        del self.issues[issue.id]
        self._numbers_of[issue.project_id].pop(issue.id)
        if issue.parent is not None:
            self.children[issue.parent].remove(issue.id)
        self.on_change(issue, None)

    def add_link(self, type_id: str, source: int, target: int, link_id: int | None = None) -> tuple[Link, bool]:
        """The link between two issues and whether it is new: the same link twice is one link."""
        known = self._pairs.get((type_id, source, target))
        if known is not None:
            return self.links[known], False
        link = Link(link_id or self.next_id("link", 10500), type_id, source, target)
        self.links[link.id] = link
        self._pairs[(type_id, source, target)] = link.id
        for end in {source, target}:
            if end in self.issues:
                self.put(replace(self.issues[end], links=(*self.issues[end].links, link.id)))
            else:
                self._waiting.setdefault(end, []).append(link.id)
        return link, True

    def drop_link(self, link: Link) -> None:
        del self.links[link.id]
        del self._pairs[(link.type_id, link.source, link.target)]
        for end in {link.source, link.target}:
            if end in self.issues:
                issue = self.issues[end]
                self.put(replace(issue, links=tuple(number for number in issue.links if number != link.id)))

    def adopt_links(self, issue: Issue) -> Issue:
        """The issue with the links that were stored before it came (payloads come in any order)."""
        waiting = (number for number in self._waiting.pop(issue.id, ()) if number in self.links)
        return replace(issue, links=(*issue.links, *waiting))

    def children_of(self, issue_id: int) -> Iterator[Issue]:
        return (self.issues[number] for number in self.children.get(issue_id, ()))

    def indexed(self, project_ids: Collection[str] | None = None) -> Iterator[Issue]:
        """Every issue as the search index shows it: changes younger than the lag are not in it yet. With projects named, at least
        all of theirs."""
        has_past = bool(self._past) and (self.index_delay_s is not None or self.index_lag_s > 0)
        for number in self.issues if project_ids is None else self._numbers_in(project_ids):
            if not has_past or number not in self._past:
                yield self.issues[number]
        for number in list(self._past) if has_past else ():
            if (seen := self.index_view(number)) is not None:
                yield seen

    def _numbers_in(self, project_ids: Collection[str]) -> Iterator[int]:
        return (number for project_id in project_ids for number in self._numbers_of.get(project_id, ()))

    def index_view(self, issue_id: int) -> Issue | None:
        """One issue as the search index shows it: as it was when the last change that has come into the index was indexed."""
        past = self._past.get(issue_id)
        if not past or (self.index_delay_s is None and self.index_lag_s <= 0):
            return self.issues.get(issue_id)
        now, seen = self.now(), 0
        for position, change in enumerate(past, start=1):
            delay_s = self.index_lag_s if change.delay_s is None else change.delay_s
            if change.changed_at + timedelta(seconds=delay_s) <= now:
                seen = position
        if seen == len(past):
            if self.index_delay_s is not None:
                del self._past[issue_id]  # nothing is left to come
            return self.issues.get(issue_id)
        if self.index_delay_s is not None:
            del past[:seen]
            seen = 0
        return past[seen].before

    def _remember(self, number: int, before: Issue | None) -> None:
        self.revision += 1
        if self.index_delay_s is not None or self.index_lag_s > 0:
            delay_s = self.index_delay_s() if self.index_delay_s is not None else None
            self._past.setdefault(number, []).append(Unindexed(self.now(), before, delay_s))
