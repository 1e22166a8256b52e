"""A source of two scopes whose lists come from an index that lags behind, while direct reads do not. A clock of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from msgspec import Struct

from sync.core.errors import TryLater
from sync.core.ports import Cursor, Probe, Shard, SiteIdentity, Stream
from sync.core.values import Account, RawRecord, Ref
from sync.core.vocabulary import Vocabulary

BEGIN = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
OVERLAP = timedelta(minutes=10)


class Item(Struct, frozen=True):
    """One item as it stood from ``updated_at`` on; ``scope`` empty: it is gone."""

    scope: str
    updated_at: datetime
    text: str


@dataclass
class LaggingSource:
    """``lag`` is how late lists show an edit (of the items in ``late`` only, where any are named); ``history`` every state an item had,
    oldest first; ``hidden`` items are there and not shown to us.
    """

    lag: timedelta = timedelta(0)
    settles_after_h: float = 0.0
    now: datetime = BEGIN
    tells_time: bool = True
    history: dict[str, list[Item]] = field(default_factory=dict)
    requests: int = 0
    censuses: int = 0
    fail_after: int | None = None
    edit_on_fetch: str = ""
    rereads_after_h: float = 0.0
    hidden: set[str] = field(default_factory=set)
    late: set[str] = field(default_factory=set)

    def put(self, key: str, text: str = "", scope: str = "A") -> None:
        self.history.setdefault(key, []).append(Item(scope, self.now, text))

    def delete(self, key: str) -> None:
        self.put(key, scope="")

    def wait(self, time: timedelta) -> None:
        self.now += time

    def truth(self) -> dict[str, str]:
        return {key: states[-1].text for key, states in self.history.items() if states[-1].scope in ("A", "B")}

    def identify(self) -> SiteIdentity:
        return SiteIdentity("lagging", Account("me"), now=self.now if self.tells_time else None)

    def vocabulary(self) -> Vocabulary:
        return Vocabulary(scopes={"A": "A", "B": "B"})

    def probes(self) -> Iterator[Probe]:
        yield Probe("read", is_ok=True)

    def streams(self) -> Sequence[Stream]:
        return (Stream("items", "task", True, self.settles_after_h, self.rereads_after_h),)

    def shards(self, stream: str, cursor: Cursor | None, scope: str) -> Iterator[Shard]:
        since = cursor.since - OVERLAP if cursor else datetime.min.replace(tzinfo=UTC)
        wanted = [key for key, item in self._indexed().items() if item.scope == scope and item.updated_at >= since]
        yield from self.pick(stream, scope, wanted)

    def _indexed(self) -> dict[str, Item]:
        self._ask()
        seen: dict[str, Item] = {}
        for key, states in self.history.items():
            lag = self.lag if not self.late or key in self.late else timedelta(0)
            known = [item for item in states if item.updated_at <= self.now - lag]
            if known and known[-1].scope and key not in self.hidden:
                seen[key] = known[-1]
        return seen

    def _ask(self) -> None:
        self.requests += 1
        if self.fail_after is not None and self.requests > self.fail_after:
            raise TryLater("the vendor is down")

    def fetch(self, shard: Shard) -> Iterator[Sequence[RawRecord]]:
        self._ask()
        if self.edit_on_fetch:
            key, self.edit_on_fetch = self.edit_on_fetch, ""
            self.wait(timedelta(minutes=1))
            self.put(key, "edited while we read")
            self.wait(timedelta(hours=1))
            self.put(max(shard.ids), "edited later")
        found = [(key, self.history[key][-1]) for key in shard.ids if key in self.history.keys() - self.hidden]
        yield [
            RawRecord(
                ref=Ref.of("fake", "task", key),
                payload=item.text.encode(),
                version=f"{item.updated_at.isoformat()} {item.text}",
                updated_at=item.updated_at,
                fetched_at=datetime.now(UTC),
                scope=shard.scope,
            )
            for key, item in found
            if item.scope
        ]

    def pick(self, stream: str, scope: str, ids: Sequence[str]) -> Iterator[Shard]:
        for start in range(0, len(ids), 4):
            yield Shard(stream, scope, tuple(ids[start : start + 4]))

    def census(self, stream: str, scope: str) -> Iterator[Sequence[str]]:
        self.censuses += 1
        yield [key for key, item in self._indexed().items() if item.scope == scope]

    def look_up(self, stream: str, item_id: str) -> Literal["here", "moved", "archived", "deleted", "hidden"]:
        self._ask()
        if item_id in self.hidden:
            return "hidden"
        scope = self.history[item_id][-1].scope if item_id in self.history else ""
        return "here" if scope in ("A", "B") else "moved" if scope else "deleted"
