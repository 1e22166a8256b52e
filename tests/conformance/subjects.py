"""What the suites need of whatever they try: the port, the other side as people see and change it, and a script of faults.

A subject is small on purpose: a new connector writes one of these and gets every test of its ports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from sandbox.faults import Fault, FaultKind
from sandbox.http import Simulator
from sandbox.server import Sandbox
from sync.core.ports import Cursor, Directory, KnowledgeBase, LinkEnd, Source, Tracker
from sync.core.replies import Replies
from sync.core.rich_text import Paragraph, RichText, Text
from sync.core.values import LinkSide, RawRecord, Ref

MARK, OTHER_MARK = "tieline:demo:0123456789abcdef", "tieline:demo:fedcba9876543210"
WRITES = r"^(POST|PUT|PATCH|DELETE) "


class Clock:
    """The other side's clock, moved by tests; every look is a little later, as no two people save in the same instant."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=20)
        return self.now


class Clockwork(Protocol):
    """Whatever tells the other side's time."""

    now: datetime


class Wire:
    """The way between a port and a simulator: what went over it, and what shall go wrong on it."""

    def __init__(self, simulator: Simulator, sandbox: Sandbox) -> None:
        self._simulator, self._sandbox = simulator, sandbox
        self.url = sandbox.url(simulator.name)

    def plan(self, kind: FaultKind, match: str = ".*", times: int = 1, skip: int = 0, value: float = 0) -> None:
        self._simulator.faults.plan(Fault(kind, match, times, skip, value))

    def is_spent(self) -> bool:
        """Whether everything that was planned has happened."""
        return not self._simulator.faults.pending()

    def clear(self) -> None:
        self._simulator.faults.clear()

    def requests(self) -> list[str]:
        return [f"{entry.method} {entry.path}" for entry in self._sandbox.requests(self._simulator.name)]

    def forget(self) -> None:
        self._sandbox.forget_requests()


class SourceSubject(Protocol):
    """A source and the scope it reads. ``truth`` is what is there for its account to see: id to title."""

    name: str
    scope: str
    kind: str
    source: Source
    clock: Clockwork

    def truth(self) -> Mapping[str, str]: ...

    def title_of(self, record: RawRecord) -> str: ...

    def make(self, title: str) -> str: ...

    def edit(self, item_id: str, title: str) -> None: ...

    def restrict(self, item_id: str) -> None:
        """Let only some people read the item, us among them."""
        ...

    def ways_to_go(self) -> Mapping[str, Callable[[str], object]]:
        """What people may do to an item so that it leaves the scope, by the word that ``look_up`` must have for it."""
        ...

    def hide_scope(self) -> None: ...

    def delay_listings(self) -> None:
        """Let searches lag behind the truth, where this vendor's do."""
        ...

    def state(self) -> object:
        """Something that differs whenever anything on the other side was changed."""
        ...

    def request_count(self) -> int: ...


class RemoteSourceSubject(SourceSubject, Protocol):
    """A source over the wire. ``connect`` makes another connection of the same account, or of one with a bad token."""

    wire: Wire

    def connect(self, token: str = "") -> Any: ...


class TrackerSubject(Protocol):
    """A tracker, a task to write on that has none of our comments, and the other side as people see it."""

    tracker: Tracker
    task: Ref
    other: LinkEnd

    def comments(self) -> list[str]:
        """The ids of our account's comments on the task."""
        ...

    def links(self) -> int:
        """How many links of any sort the task has."""
        ...

    def rest(self) -> None:
        """Let a minute pass, so that no budget of calls is spent."""
        ...

    def account_ids(self) -> list[str]:
        """Some people who can be mentioned on the task."""
        ...

    def edit_comment(self, comment_id: str) -> None: ...

    def delete_comment(self, comment_id: str) -> None: ...

    def comment_by_hand(self, text: str) -> None: ...

    def link_by_hand(self, side: LinkSide) -> None:
        """A colleague says on the task that it waits for, or blocks, ``other``."""
        ...

    def delete_task(self) -> None: ...

    def delay_listings(self) -> None:
        """Let searches lag behind the truth, where this vendor's do."""
        ...


class MutualLinkSubject(TrackerSubject, Protocol):
    """A tracker whose links show at both ends; ``other`` lies in the same tool."""

    def turn_links_round(self) -> None:
        """Make the tool say the reverse of each link that it is sent."""
        ...


class RemoteTrackerSubject(TrackerSubject, Protocol):
    """A tracker over the wire."""

    wire: Wire


class RepliesSubject(TrackerSubject, Protocol):
    """A tracker's task, and whatever reads the comments on it."""

    replies: Replies

    def wait(self) -> None:
        """Let as much time pass as the vendor's clock needs to tell two comments apart."""
        ...

    def comment_as_us(self, text: str) -> None:
        """Somebody uses our account by hand."""
        ...

    def quote_by_hand(self, quoted: str, words: str) -> None:
        """A colleague quotes something and writes below it."""
        ...


class RemoteRepliesSubject(RepliesSubject, Protocol):
    """The same over the wire."""

    wire: Wire


class KnowledgeBaseSubject(Protocol):
    """A knowledge base, a space with a home page, and its pages as people see and change them. ``takes_files``, ``takes_labels``: false
    where the vendor lets no program add them.
    """

    base: KnowledgeBase
    space: str
    takes_files: bool
    takes_labels: bool

    def titles(self) -> Mapping[str, str]:
        """The space's current pages: id to title."""
        ...

    def text(self, page_id: str) -> str:
        """All that stands on the page, whoever wrote it, in whatever format."""
        ...

    def home(self) -> str: ...

    def files(self, page_id: str) -> Mapping[str, int]:
        """The page's attachments: file name to number of versions."""
        ...

    def labels(self, page_id: str) -> set[str]: ...

    def write(self, title: str, text: str) -> str: ...

    def write_below(self, page_id: str, text: str) -> None:
        """A colleague adds a paragraph outside our block."""
        ...

    def write_inside(self, page_id: str, text: str) -> None:
        """A colleague adds a paragraph inside our block."""
        ...

    def rename(self, page_id: str, title: str) -> None: ...

    def comment_inline(self, page_id: str, selection: str) -> None: ...

    def has_inline_comment(self, page_id: str) -> bool:
        """Whether the inline comment still hangs on its text."""
        ...

    def restore(self, page_id: str) -> None: ...

    def purge(self, page_id: str) -> None: ...

    def delay_listings(self) -> None:
        """Let searches lag behind the truth, where this vendor's do."""
        ...


class RemoteKnowledgeBaseSubject(KnowledgeBaseSubject, Protocol):
    """A knowledge base over the wire."""

    wire: Wire


class DirectorySubject(Protocol):
    """A directory, and the names of the people its account can see."""

    directory: Directory

    def people(self) -> set[str]: ...

    def join(self, name: str) -> None:
        """A new colleague, visible to us."""
        ...


class RemoteDirectorySubject(DirectorySubject, Protocol):
    """A directory over the wire."""

    wire: Wire


_running: dict[str, Sandbox] = {}


def served(simulator: Simulator) -> Wire:
    """The simulator behind its name's port, in place of the test's before: starting and stopping a server takes longer than a test."""
    if simulator.name not in _running:
        _running[simulator.name] = Sandbox([simulator]).start()
    sandbox = _running[simulator.name]
    sandbox.simulators[simulator.name] = simulator
    sandbox.forget_requests()
    return Wire(simulator, sandbox)


def stop_serving() -> None:
    """Close all ports."""
    while _running:
        _running.popitem()[1].stop()


def hurry(connection: Any) -> Any:
    """The connection with its pauses between tries only noted, in seconds, as ``pauses``."""
    connection.pauses = []
    connection.remote._sleep = connection.pauses.append
    return connection


def read(source: Source, stream: str, scope: str, cursor: Cursor | None = None) -> list[RawRecord]:
    """Everything that a stream brings, shard after shard."""
    shards = source.shards(stream, cursor, scope)
    return [record for shard in shards for page in source.fetch(shard) for record in page]


def text(*paragraphs: str) -> RichText:
    return tuple(Paragraph((Text(words),)) for words in paragraphs)


def template(folder: Path) -> Path:
    """An SQLite file with our tables, to be copied."""
    from sync.store import Store

    path = folder / "template.db"
    with Store.open(f"sqlite:///{path}") as store:
        store.migrate()
    return path
