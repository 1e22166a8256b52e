"""The people of a site: the Directory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import structlog

from connectors.jira.records import account_from_user
from connectors.jira.site import Site
from sync.core.errors import AccessDenied, Nonsense, NotFound
from sync.core.values import Account

log = structlog.get_logger()
WINDOW = 100
SEARCH_LIMITS = (100, 1000)  # where /user/search stops without a word: Jira 10 (JRASERVER-78660), and Jira 9


class _Stream(msgspec.Struct):
    """A page of Data Center's ``/user/list``. The cursor is shown as text and taken as a number."""

    values: list[dict[str, Any]] = []
    nextCursor: str | int | None = None  # noqa: N815
    isLast: bool | None = None  # noqa: N815


class JiraPeople:
    """Lists accounts, inactive ones too."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def accounts(self) -> Iterator[Sequence[Account]]:
        """Every account that the site lists to us. Data Center lists all since 10.3; before, its search is all there is,
        and where that may have been cut off a warning is logged.
        """
        if self.site.is_cloud:
            yield from self._windows("/users/search", {})
            return
        try:
            first = self.site.get("/user/list").read(_Stream)
        except (NotFound, AccessDenied) as error:
            log.info("people_are_searched", reason=str(error))
            yield from self._searched()
            return
        yield from self._streamed(first)

    def _streamed(self, page: _Stream) -> Iterator[list[Account]]:
        cursors: set[str] = set()
        while True:
            if page.values:
                yield [account_from_user(user) for user in page.values]
            cursor = str(page.nextCursor or "")
            if page.isLast or not cursor:
                return
            if cursor in cursors:
                raise Nonsense(expected="a new nextCursor", found=cursor)
            cursors.add(cursor)
            page = self.site.get("/user/list", cursor=cursor).read(_Stream)

    def _searched(self) -> Iterator[list[Account]]:
        count = 0
        # The search lists nobody without something to look for; "." is known to match everybody.
        for accounts in self._windows("/user/search", {"username": ".", "includeInactive": "true"}):
            count += len(accounts)
            yield accounts
        if count in SEARCH_LIMITS:
            log.warning("people_may_be_cut_off", connection=self.site.settings.name, count=count)

    def _windows(self, path: str, query: dict[str, object]) -> Iterator[list[Account]]:
        """Lists without a total, which Jira filters after cutting windows: a short or empty one proves nothing, so the walk ends
        after two windows that bring nobody new, each asked for twice.
        """
        seen: set[str] = set()
        start = barren = tries = 0
        while barren < 2:
            users = self.site.get(path, startAt=start, maxResults=WINDOW, **query).read(list[dict[str, Any]])
            fresh = [account for user in users if (account := account_from_user(user)).id not in seen]
            seen.update(account.id for account in fresh)
            if fresh:
                yield fresh
                start, barren, tries = start + len(users), 0, 0
            elif not tries:
                tries = 1
            else:
                start, barren, tries = start + WINDOW, barren + 1, 0
