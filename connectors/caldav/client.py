"""A connection to a CalDAV server: one Remote, and the Source port over it."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal
from urllib.parse import urlsplit

from connectors.caldav import CONNECTOR
from connectors.caldav.answers import SHARE, SIGN_IN, decipher
from connectors.caldav.records import TASK, raw_from_todo
from connectors.caldav.site import Site
from sync.core.errors import AccessDenied, NotFound, Refused
from sync.core.ports import ConnectionSettings, Cursor, Probe, Shard, SiteIdentity, Stream
from sync.core.probing import tried
from sync.core.values import Account, RawRecord
from sync.core.vocabulary import Vocabulary
from sync.pace import Pace
from sync.remote import Remote, keep_secret

TODOS = "todos"
FEW = 50  # to-dos in one request


class CalDav:
    """One server as one user."""

    def __init__(self, settings: ConnectionSettings, sleep: Callable[[float], None] = time.sleep) -> None:
        user, password = (settings.credentials[name].strip() for name in CONNECTOR.credentials["server"])
        signed = base64.b64encode(f"{user}:{password}".encode()).decode()
        keep_secret(password, signed)
        rate = settings.requests_per_second or CONNECTOR.requests_per_second["server"]
        pace = Pace(rate, settings.in_flight or CONNECTOR.in_flight, product="caldav", account=user)
        parts = urlsplit(settings.base_url)
        self.settings, self._user = settings, user
        origin = f"{parts.scheme}://{parts.netloc}"
        self.remote = Remote(settings.name, origin, {"authorization": f"Basic {signed}"}, decipher, pace, sleep)
        self.site = Site(settings, self.remote)

    def close(self) -> None:
        """Let go of the connections."""
        self.remote.close()

    def identify(self) -> SiteIdentity:
        """The server and the account. Raises AccessDenied when the sign-in is refused."""
        principal = self.site.principal()
        return SiteIdentity(
            f"caldav:{self.remote.base_url}{principal}",
            Account(principal, self._user, None, self._user),
            self.settings.zone,
        )

    def vocabulary(self) -> Vocabulary:
        """The task lists that are visible, by path."""
        return Vocabulary(
            statuses=("NEEDS-ACTION", "IN-PROCESS", "COMPLETED", "CANCELLED"),
            scopes={one.path: one.name for one in self.site.lists()},
        )

    def probes(self) -> Iterator[Probe]:
        """The sign-in, and each list with its to-dos."""
        yield tried("sign in", SIGN_IN, self.site.principal)
        for scope in self.settings.scopes:
            yield tried(f"read task list {scope}", SHARE, partial(self._look, scope))

    def _look(self, scope: str) -> str:
        return f"{len(self.site.paths(self.site.task_list(scope)))} to-dos"

    def streams(self) -> Sequence[Stream]:
        """One. A server whose clock went back would hide a change, so all to-dos are read again once a day."""
        return (Stream(TODOS, TASK, rereads_after_h=float(self.settings.options.get("reread_hours", 24))),)

    def shards(self, stream: str, cursor: Cursor | None, scope: str) -> Iterator[Shard]:
        """The to-dos that may have changed, in groups, with the server's times of their changes."""
        _check_stream(stream)
        where = self.site.task_list(scope)
        paths, changes = self.site.paths(where), self.site.changes(where)
        since = (
            cursor.since - timedelta(minutes=float(self.settings.options.get("overlap_minutes", 10)))
            if cursor
            else None
        )
        wanted = [path for path in paths if since is None or (at := changes.get(path)) is None or at >= since]
        for start in range(0, len(wanted), FEW):
            group = tuple(wanted[start : start + FEW])
            times = {path: at.isoformat() for path in group if (at := changes.get(path))}
            yield Shard(stream, scope, ids=group, position={"list": where.path, "changed": times})

    def fetch(self, shard: Shard) -> Iterator[Sequence[RawRecord]]:
        """The to-dos of a shard. One that is gone or hidden is left out; the census will tell."""
        _check_stream(shard.stream)
        now, where = datetime.now(UTC), str(shard.position.get("list") or "")
        times = shard.position.get("changed")
        if not where:  # picked by id: where they lie now, and when they were changed, is asked
            task_list = self.site.task_list(shard.scope)
            where, times = (
                task_list.path,
                {path: at.isoformat() for path, at in self.site.changes(task_list).items() if at},
            )
        known = times if isinstance(times, dict) else {}
        records = []
        for todo in self.site.read(where, shard.ids):
            at = datetime.fromisoformat(str(known[todo.path])) if todo.path in known else now
            records.append(raw_from_todo(todo.path, todo.etag, todo.data, at, self.settings.name, shard.scope, now))
        yield records

    def pick(self, stream: str, scope: str, ids: Sequence[str]) -> Iterator[Shard]:
        """Shards that read exactly these to-dos by path."""
        _check_stream(stream)
        wanted = list(dict.fromkeys(ids))
        for start in range(0, len(wanted), FEW):
            yield Shard(stream, scope, ids=tuple(wanted[start : start + FEW]))

    def census(self, stream: str, scope: str) -> Iterator[Sequence[str]]:
        """Where all to-dos of the list are."""
        _check_stream(stream)
        yield list(dict.fromkeys(self.site.paths(self.site.task_list(scope))))

    def look_up(self, stream: str, item_id: str) -> Literal["here", "moved", "archived", "deleted", "hidden"]:
        """Why a to-do is missing. A server tells a deleted one from one of somebody else's by 403 at most."""
        _check_stream(stream)
        where = item_id.rpartition("/")[0] + "/"
        try:
            found = self.site.read(where, [item_id])
        except NotFound:
            return "hidden"
        except AccessDenied as error:
            if error.data.get("is_signed_out"):
                raise
            return "hidden"
        if not found:
            return "deleted"
        return "here" if any(self.site.task_list(scope).path == where for scope in self.settings.scopes) else "moved"


def _check_stream(stream: str) -> None:
    if stream != TODOS:
        raise Refused(f"a CalDAV server has no stream {stream!r}, only {TODOS!r}")
