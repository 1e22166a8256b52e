"""Walking Jira's listings without trusting a short page, and without ever walking in a circle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors.jira.records import LightIssue, light_issue
from connectors.jira.site import Site, part
from sync.core.errors import Nonsense

EMPTY_TRIES = 3


class TokenPage(msgspec.Struct):
    """A page of Cloud's ``/search/jql``: no total, only a token for what follows."""

    issues: list[msgspec.Raw] = []
    nextPageToken: str | None = None  # noqa: N815
    isLast: bool | None = None  # noqa: N815


class OffsetPage(msgspec.Struct):
    """A page of Data Center's ``/search``. ``maxResults`` is what the server allowed, at times less than asked."""

    issues: list[msgspec.Raw] = []
    startAt: int | None = None  # noqa: N815
    maxResults: int | None = None  # noqa: N815
    total: int | None = None


class Issue(msgspec.Struct):
    """An issue's own bytes and the few things of it that were read already."""

    light: LightIssue
    payload: msgspec.Raw

    @property
    def id(self) -> str:
        return self.light.issue_id


def issues_of(page: list[msgspec.Raw]) -> list[Issue]:
    """The issues of a page, without empty places. Raises Nonsense for one without an id: it cannot be kept, nor asked for again."""
    return [Issue(light_issue(item), item) for item in page if bytes(item) != b"null"]


def now() -> datetime:
    """This machine's clock, aware UTC."""
    return datetime.now(UTC)


def cloud_ids(site: Site, query: str, page_size: int) -> Iterator[list[str]]:
    """The ids that a query finds, page by page, each once. Raises Nonsense for a token already seen."""
    token: str | None = None
    tokens: set[str] = set()
    seen: set[str] = set()
    while True:
        body: dict[str, Any] = {"jql": query, "fields": ["id"], "maxResults": page_size}
        page = site.search("/search/jql", body | ({"nextPageToken": token} if token else {})).read(TokenPage)
        ids = [issue.id for issue in issues_of(page.issues)]
        yield _unseen(ids, seen)
        token = page.nextPageToken
        if not token:
            if page.isLast is False:
                raise Nonsense(expected="a nextPageToken, as the page is not the last", found=query)
            return
        if token in tokens:
            raise Nonsense(expected="a new nextPageToken", found=token)
        tokens.add(token)


def _unseen(ids: list[str], seen: set[str]) -> list[str]:
    fresh = [item for item in dict.fromkeys(ids) if item not in seen]
    seen.update(fresh)
    return fresh


def offset_page(
    site: Site, query: str, start: int, size: int, fields: list[str], expand: tuple[str, ...] = ()
) -> OffsetPage:
    """One page of a Data Center search. Raises Nonsense when another page than the one asked for comes back."""
    body: dict[str, Any] = {"jql": query, "startAt": start, "maxResults": size, "fields": fields}
    page = site.search("/search", body | ({"expand": list(expand)} if expand else {})).read(OffsetPage)
    if page.startAt is not None and page.startAt != start:
        raise Nonsense(expected=f"the page from {start}", found=f"a page from {page.startAt}")
    return page


def offset_issues(
    ask: Callable[[int, int], OffsetPage], start: int, size: int, is_open_ended: bool
) -> Iterator[list[Issue]]:
    """The issues from ``start``: ``size`` of them, or all that follow when open ended; each once.

    Goes on by what really came. An empty page before the total is asked for again; a whole page seen before raises Nonsense.
    Where no total is told, an empty page is the end.
    """
    position, end, empty = start, start + size, 0
    seen: set[str] = set()
    while is_open_ended or position < end:
        page = ask(position, size if is_open_ended else end - position)
        if not page.issues:
            empty += 1
            if page.total is None or position >= page.total:
                return
            if empty >= EMPTY_TRIES:
                raise Nonsense(expected=f"issues from {position} of {page.total}", found="an empty page")
            continue
        empty = 0
        issues = issues_of(page.issues)
        fresh = set(_unseen([issue.id for issue in issues], seen))
        if not fresh:
            raise Nonsense(expected=f"new issues from {position}", found="a page that came before")
        yield [issue for issue in {issue.id: issue for issue in issues}.values() if issue.id in fresh]
        position += len(page.issues)
        if page.total is not None and position >= page.total:
            return


class CommentPage(msgspec.Struct):
    """A page of an issue's comments."""

    comments: list[dict[str, Any]] = []
    startAt: int | None = None  # noqa: N815
    total: int | None = None


def comment_pages(site: Site, path: str, page_size: int) -> Iterator[list[dict[str, Any]]]:
    """An issue's comments with their properties, newest first, page by page. Raises Nonsense for a page that is not the asked one."""
    position = empty = 0
    while True:
        asked = {"startAt": position, "maxResults": page_size, "orderBy": "-created", "expand": "properties"}
        page = site.get(f"{path}/comment", **asked).read(CommentPage)
        if page.startAt is not None and page.startAt != position:
            raise Nonsense(expected=f"comments from {position}", found=f"comments from {page.startAt}")
        if page.comments:
            empty = 0
            # A comment that was written meanwhile shifts the pages: what is read twice does no harm.
            yield page.comments
            position += len(page.comments)
        else:
            empty += 1
        if position >= page.total if page.total is not None else empty:
            return
        if empty >= EMPTY_TRIES:
            raise Nonsense(expected=f"comments from {position} of {page.total}", found="an empty page")


class _Change(msgspec.Struct):
    issueId: str | int  # noqa: N815
    changeHistories: list[msgspec.Raw] | None = None  # noqa: N815


class _ChangePage(msgspec.Struct):
    issueChangeLogs: list[msgspec.Raw] = []  # noqa: N815
    nextPageToken: str | None = None  # noqa: N815


def cloud_histories(site: Site, ids: tuple[str, ...]) -> dict[str, list[msgspec.Raw]]:
    """The change histories of up to 1000 issues, by issue id: a page may break off in the middle of one issue."""
    found: dict[str, list[msgspec.Raw]] = {}
    token: str | None = None
    tokens: set[str] = set()
    while True:
        body: dict[str, Any] = {"issueIdsOrKeys": list(ids), "maxResults": 1000}
        page = site.search("/changelog/bulkfetch", body | ({"nextPageToken": token} if token else {})).read(_ChangePage)
        for change in filter(None, map(_change_from, page.issueChangeLogs)):
            found.setdefault(str(change.issueId), []).extend(change.changeHistories or ())
        token = page.nextPageToken
        if not token:
            return found
        if token in tokens:
            raise Nonsense(expected="a new nextPageToken", found=token)
        tokens.add(token)


def _change_from(entry: msgspec.Raw) -> _Change | None:
    try:
        return msgspec.json.decode(entry, type=_Change)
    except msgspec.ValidationError:
        return None  # a history is not counted, and one odd entry may not hold up a thousand


class _HistoryPage(msgspec.Struct):
    values: list[msgspec.Raw] | None = None
    total: int | None = None


def single_history(site: Site, item_id: str) -> list[msgspec.Raw]:
    """One issue's changes, oldest first, for sites that do not tell them in bulk. Raises NotFound for an issue we cannot see."""
    found: list[msgspec.Raw] = []
    empty = 0
    while True:
        page = site.get(f"/issue/{part(item_id)}/changelog", startAt=len(found), maxResults=100).read(_HistoryPage)
        empty = 0 if page.values else empty + 1
        found.extend(page.values or ())
        if len(found) >= page.total if page.total is not None else empty:
            return found
        if empty >= EMPTY_TRIES:
            raise Nonsense(expected=f"changes from {len(found)} of {page.total}", found="an empty page")
