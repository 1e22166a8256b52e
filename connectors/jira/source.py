"""Reading issues and their history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

import msgspec
import structlog

from connectors.jira.bodies import chunks, fields_wanted, jql
from connectors.jira.paging import (
    Issue,
    OffsetPage,
    cloud_histories,
    cloud_ids,
    issues_of,
    now,
    offset_issues,
    offset_page,
    single_history,
)
from connectors.jira.records import light_issue, raw_from_history, raw_from_issue
from connectors.jira.scope import Homes, need_scope
from connectors.jira.site import Site, link_types, part
from sync.core.errors import Nonsense, NotFound, Refused, TielineError
from sync.core.ports import Cursor, Shard, Stream
from sync.core.values import RawRecord
from sync.core.vocabulary import FieldName, Vocabulary

log = structlog.get_logger()
T = TypeVar("T")
BULK_ISSUES = 100  # issue/bulkfetch refuses more
BULK_HISTORIES = 1000  # changelog/bulkfetch refuses more
CENSUS_PAGE = 5000  # allowed when only ids are asked for
DC_PAGE = 1000  # jira.search.views.default.max; a lower cap is learnt from the first answer
ONE_BY_ONE = 25
# How long the search index may lag behind an edit: Cloud was seen to lose issues at 2 hours and none at 12 (estuary/connectors#3486);
# Data Center's own index lags by minutes, and by more while it is rebuilt.
SETTLE_HOURS = {"cloud": 12.0, "dc": 1.0}


class JiraSource:
    """The reading half of a Source; who we are and what we may is told in doctor.py."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.homes = Homes(site)
        self.has_history = bool(site.option("history", True))
        self.fields = fields_wanted(site.settings)
        self.field_set = ",".join(sorted(self.fields))
        self.overlap = timedelta(minutes=float(site.option("overlap_minutes", 10)))
        self.settle_hours = float(site.option("settle_hours", SETTLE_HOURS[site.settings.variant]))
        self.page_size = max(1, int(site.option("page_size", DC_PAGE)))

    def streams(self) -> Sequence[Stream]:
        """Issues; on Cloud their change history as a stream of its own (on Data Center it comes inside the issue)."""
        issues = Stream("issues", "task", settles_after_h=self.settle_hours)
        if self.site.is_cloud and self.has_history:
            return (issues, Stream("history", "history", has_census=False))
        return (issues,)

    def shards(self, stream: str, cursor: Cursor | None, scope: str) -> Iterator[Shard]:
        """Cloud: groups of ids, as soon as each page of ids is there. Data Center: offset windows over a stable order."""
        since = cursor.since if cursor else None
        query = jql(scope, since, self.overlap)
        if self.site.is_cloud:
            size = BULK_HISTORIES if stream == "history" else BULK_ISSUES
            for ids in self._ids(scope, query, since):
                yield from (Shard(stream, scope, ids=group) for group in chunks(ids, size))
        else:
            yield from self._offset_shards(stream, scope, query, since)

    def _ids(self, scope: str, query: str, since: datetime | None = None) -> Iterator[list[str]]:
        count = 0
        try:
            for ids in cloud_ids(self.site, query, CENSUS_PAGE):
                count += len(ids)
                yield ids
        except Refused:
            need_scope(self.site, scope)
            raise
        if not count:
            need_scope(self.site, scope, is_poll=since is not None)

    def _offset_shards(self, stream: str, scope: str, query: str, since: datetime | None) -> Iterator[Shard]:
        first = self._first_page(scope, query)
        if not first.total and not first.issues:
            need_scope(self.site, scope, is_poll=since is not None)
            return
        size = min(self.page_size, first.maxResults or len(first.issues) or self.page_size)
        if since is not None or first.total is None:
            # What changed is read page after page in one shard: rows that an edit brings in while we read move later rows back,
            # which then come twice; windows read out of order could step over one.
            yield Shard(stream, scope, position={"jql": query, "start": 0, "size": size, "is_open_ended": True})
            return
        for start in range(0, first.total, size):
            is_last = start + size >= first.total
            yield Shard(stream, scope, position={"jql": query, "start": start, "size": size, "is_open_ended": is_last})

    def _first_page(self, scope: str, query: str) -> OffsetPage:
        try:
            return offset_page(self.site, query, 0, self.page_size, ["id"])
        except Refused:
            need_scope(self.site, scope)
            raise

    def fetch(self, shard: Shard) -> Iterator[Sequence[RawRecord]]:
        """The records of a shard. Ids that Jira leaves out of a bulk answer without a word are asked for one by one."""
        if shard.stream == "history":
            yield self._histories(shard)
        elif not shard.ids:
            yield from self._offset_pages(shard)
        elif self.site.is_cloud:
            yield self._raws(self._bulk(shard.ids), shard.scope)
        else:
            yield self._raws((issue for item in shard.ids if (issue := self._one(item))), shard.scope)

    def _offset_pages(self, shard: Shard) -> Iterator[Sequence[RawRecord]]:
        place = shard.position
        expand = ("changelog",) if self.has_history else ()

        def ask(start: int, size: int) -> OffsetPage:
            return offset_page(self.site, place["jql"], start, size, self.fields, expand)

        for issues in offset_issues(ask, place["start"], place["size"], place["is_open_ended"]):
            yield self._raws(issues, shard.scope)

    def _raws(self, issues: Iterator[Issue] | list[Issue], scope: str) -> list[RawRecord]:
        """An issue that is in no collected project any more is left out: the census asks where it went."""
        at, name = now(), self.site.settings.name
        homes = ((issue, self.homes.home_of(issue.light, scope)) for issue in issues)
        return [
            raw_from_issue(issue.light, issue.payload, name, home, self.field_set, at) for issue, home in homes if home
        ]

    def _bulk(self, ids: tuple[str, ...]) -> Iterator[Issue]:
        """Issues by id in one request; halves are tried when it cannot be read or is refused, down to single reads, and those at
        once where the site has no such request.
        """
        if len(ids) == 1:
            one = self._one(ids[0])
            yield from (one,) if one else ()
            return
        body: dict[str, Any] = {"issueIdsOrKeys": list(ids), "fields": self.fields}
        try:
            page = self.site.search("/issue/bulkfetch", body).read(_Bulk)
            found = {issue.id: issue for issue in issues_of(page.issues)}
        except (Nonsense, NotFound, Refused) as error:
            if _is_missing(error):
                yield from (issue for item in ids if (issue := self._one(item)))
                return
            middle = len(ids) // 2
            yield from self._bulk(ids[:middle])
            yield from self._bulk(ids[middle:])
            return
        for item in ids:
            if item in found:
                yield found[item]
            elif one := self._one(item):
                yield one

    def _one(self, item_id: str) -> Issue | None:
        expand = {"expand": "changelog"} if self.has_history and not self.site.is_cloud else {}
        try:
            reply = self.site.get(f"/issue/{part(item_id)}", fields=",".join(self.fields), **expand)
        except NotFound:
            return None
        return Issue(light_issue(reply.body), msgspec.Raw(reply.body))

    def _histories(self, shard: Shard) -> list[RawRecord]:
        at, name = now(), self.site.settings.name
        try:
            found = cloud_histories(self.site, shard.ids)
        except (NotFound, Refused) as error:
            log.info("histories_are_read_singly", scope=shard.scope, reason=str(error))
            found = {item: self._history(item) for item in shard.ids}
        return [raw_from_history(item, changes, name, shard.scope, at) for item, changes in found.items() if changes]

    def _history(self, item_id: str) -> list[msgspec.Raw]:
        try:
            return single_history(self.site, item_id)
        except (NotFound, Refused):
            return []  # gone since it was listed, or told nowhere; a history is not counted

    def pick(self, stream: str, scope: str, ids: Sequence[str]) -> Iterator[Shard]:
        """Shards of exactly these issues; both ways of reading go by id, past the search index."""
        size = BULK_HISTORIES if stream == "history" else BULK_ISSUES if self.site.is_cloud else ONE_BY_ONE
        yield from (Shard(stream, scope, ids=group) for group in chunks(dict.fromkeys(ids), size))

    def census(self, stream: str, scope: str) -> Iterator[Sequence[str]]:
        """The ids of all issues of a project."""
        query = jql(scope, None, self.overlap)
        if self.site.is_cloud:
            yield from self._ids(scope, query)
            return
        first = self._first_page(scope, query)
        if not first.total and not first.issues:
            need_scope(self.site, scope)
            return
        size = min(self.page_size, first.maxResults or self.page_size)

        def ask(start: int, wanted: int) -> OffsetPage:
            return first if start == 0 and first.issues else offset_page(self.site, query, start, wanted, ["id"])

        for issues in offset_issues(ask, 0, size, is_open_ended=True):
            yield [issue.id for issue in issues]

    def look_up(self, stream: str, item_id: str) -> Literal["here", "moved", "archived", "deleted", "hidden"]:
        """By id, past the search index. A 404 is ``hidden``: Jira says the same for deleted and for forbidden issues."""
        try:
            reply = self.site.get(f"/issue/{part(item_id)}", fields="project,archiveddate")
        except NotFound:
            return "hidden"
        fields = reply.read(_Place).fields
        if fields.archiveddate:
            return "archived"
        scopes = self.site.settings.scopes
        key = (fields.project or {}).get("key")
        return "moved" if scopes and key and key not in scopes else "here"

    def vocabulary(self) -> Vocabulary:
        """Fields, statuses, link types and projects, in the language in which the site speaks to this account. What the site does
        not list is left empty: link types where the admin switched issue linking off.
        """
        kinds = _listed(lambda: link_types(self.site))
        ask = self.site.ask
        return Vocabulary(
            fields=tuple(_field_names(_listed(lambda: ask(lambda jira: jira.fields())))),
            statuses=tuple(
                dict.fromkeys(_listed(lambda: ask(lambda jira: [str(item.name) for item in jira.statuses()])))
            ),
            link_types=tuple(
                FieldName(str(kind["id"]), str(kind["name"]), f"{kind.get('outward', '')} / {kind.get('inward', '')}")
                for kind in kinds
            ),
            scopes=dict(
                _listed(lambda: ask(lambda jira: [(str(item.key), str(item.name)) for item in jira.projects()]))
            ),
        )


def _is_missing(error: TielineError) -> bool:
    """Whether the site has no such request at all, so that asking it for less is in vain."""
    return isinstance(error, NotFound) or (isinstance(error, Refused) and error.status in (405, 410))


def _listed(question: Callable[[], list[T]]) -> list[T]:
    try:
        return question()
    except (NotFound, Refused):
        return []


class _Bulk(msgspec.Struct):
    issues: list[msgspec.Raw] = []


class _PlaceFields(msgspec.Struct):
    project: dict[str, Any] | None = None
    archiveddate: Any = None


class _Place(msgspec.Struct):
    fields: _PlaceFields = msgspec.field(default_factory=_PlaceFields)


def _field_names(fields: list[dict[str, Any]]) -> Iterator[FieldName]:
    """Each field under its shown name, and once more under its untranslated one where Jira tells another."""
    for item in fields:
        schema = item.get("schema") or {}
        kind = str(schema.get("type") or "")
        names = dict.fromkeys(str(name) for name in (item.get("name"), item.get("untranslatedName")) if name)
        yield from (FieldName(str(item["id"]), name, kind) for name in names)
