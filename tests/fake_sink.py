"""Tables in memory with a sink's real rules: ours by their mark, one of a name in a place, rows replaced whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

import msgspec

from sync.core.errors import Conflict, LostAnswer
from sync.core.metrics import TableContent
from sync.core.ports import Written


@dataclass
class KeptTable:
    """One table as it stands; ``mark`` is empty for a colleague's."""

    id: str
    mark: str
    content: TableContent
    version: int = 1
    is_whole: bool = True


def block_of(content: TableContent) -> str:
    return hashlib.sha256(msgspec.json.encode(content.table)).hexdigest()[:16]


class Killed(BaseException):
    """The process ends here: nothing that runs afterwards is its own."""


@dataclass
class FakeMetricSink:
    """The places and their tables."""

    tables: list[KeptTable] = field(default_factory=list)
    writes: int = 0
    lose_next: bool = False
    dies_halfway: bool = False
    on_write: Callable[[], None] = lambda: None
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    def find_table(self, place: str, mark: str, name: str) -> Written | None:
        found = next((item for item in self.tables if item.mark == mark and item.content.place == place), None)
        return _written(found) if found else None

    def put_table(self, mark: str, content: TableContent, table: Written | None) -> Written:
        same = next((item for item in self.tables if _name(item.content) == _name(content)), None)
        if same and (same.mark != mark or table is None or table.version != str(same.version)):
            raise Conflict("a table of that name is there")
        if same:
            same.content, same.version = content, same.version + 1
        else:
            same = KeptTable(str(next(self._ids)), mark, content)
            self.tables.append(same)
        self.writes += 1
        self.on_write()
        same.is_whole = not self.dies_halfway
        if self.dies_halfway:
            self.dies_halfway = False
            raise Killed
        if self.lose_next:
            self.lose_next = False
            raise LostAnswer
        return _written(same)

    def remove_table(self, table: Written) -> None:
        self.tables = [item for item in self.tables if item.id != table.id]
        self.writes += 1
        self.on_write()

    def block_of_table(self, content: TableContent) -> str:
        return block_of(content)


def _name(content: TableContent) -> tuple[str, str]:
    return content.place, content.name


def _written(table: KeptTable) -> Written:
    block = block_of(table.content) if table.is_whole else ""
    return Written(table.id, str(table.version), block=block, is_untouched=True)
