"""Who in this process may use an AI bot's only connection: its listener's while it listens, else one that a sender opens for a moment.

A second connection of the same bot ends the first, so nothing here connects without ``alone``: the lease that the whole installation
shares (``sync.app`` puts it there), or while a listener of this process, which holds that lease, takes care of the connection.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import timedelta

import httpx
import msgspec

from connectors.wecom.answers import OUT_OF_REACH
from connectors.wecom.line import Line, signed_in
from sync.core.errors import TryLater, Unreachable

Alone = Callable[[], AbstractContextManager[Callable[[], bool]]]
WAIT_S = 10.0  # for a listener of this process that is just connecting
IDLE_S = 2.0  # how long a sender keeps its own connection, and everybody else from it, after the last message
NEXT_RUN = timedelta(minutes=5)  # longer than a run waits: the message is left for the next
ELSEWHERE, TAKEN = "elsewhere", "taken"


class Switchboard:
    """What this process has of one bot. Safe to use from several threads."""

    def __init__(self, url: str, bot_id: str) -> None:
        self.url, self.bot_id = url, bot_id
        self._changed = threading.Condition()
        self._opening = threading.Lock()
        self._listeners = 0
        self._line: Line | None = None
        self._owner: Alone | None = None  # whose lease the line stands on, where it is a sender's own
        self.is_taken = False  # another program took the connection: we stay away

    @contextmanager
    def listening(self) -> Iterator[None]:
        """While a listener takes care of the connection, senders wait for its line and open none."""
        with self._changed:
            self._listeners += 1
            self.is_taken = False
        try:
            yield
        finally:
            with self._changed:
                self._listeners -= 1
                self._changed.notify_all()

    @contextmanager
    def opened(self, secret: str) -> Iterator[Line]:
        """A listener's line, for senders too; closed at the end."""
        line = signed_in(Line(self.url), self.bot_id, secret)
        with self._changed:
            self._line, self._owner = line, None
            self._changed.notify_all()
        try:
            yield line
        finally:
            line.close()
            self.is_taken = self.is_taken or line.is_kicked

    def line(self, secret: str, alone: Alone) -> Line:
        """A line to send over. Raises Unreachable when there is none for us now: nothing was sent."""
        with self._changed:
            self._changed.wait_for(lambda: not self._listeners or self._live() is not None, WAIT_S)
            if line := self._live():
                return line
            if self._listeners:
                raise Unreachable("the bot's long connection is not there just now")
        with self._opening:
            return self._live() or self._own(secret, alone)

    def _own(self, secret: str, alone: Alone) -> Line:
        if self.is_taken or (self._line is not None and self._line.is_kicked):
            raise Unreachable(OUT_OF_REACH[TAKEN], NEXT_RUN, TAKEN)
        held = ExitStack()
        try:
            may_stay = held.enter_context(alone())
        except TryLater as error:
            raise Unreachable(f"{OUT_OF_REACH[ELSEWHERE]} ({error})", NEXT_RUN, ELSEWHERE) from error
        try:
            line = Line(self.url, may_stay, IDLE_S, held.close)
        except BaseException:
            held.close()
            raise
        self._line, self._owner = signed_in(line, self.bot_id, secret), alone
        return self._line

    def _live(self) -> Line | None:
        return self._line if self._line is not None and not self._line.is_over else None

    def leave(self, alone: Alone) -> None:
        """Close the line of the sender whose lease this is; a listener's stays."""
        with self._opening:
            if self._owner is alone and self._line is not None:
                self._line.close()


_boards: dict[tuple[str, str], Switchboard] = {}
_lock = threading.Lock()


def board_of(url: str, bot_id: str) -> Switchboard:
    """The one board of this process for a bot."""
    with _lock:
        return _boards.setdefault((url, bot_id), Switchboard(url, bot_id))


def nobody_else() -> AbstractContextManager[Callable[[], bool]]:
    """Where no store is shared, nobody else has the connection."""
    return nullcontext(lambda: True)


class LineTransport(httpx.BaseTransport):
    """Frames in place of requests, so that a Remote paces, counts and retries them: the path is the cmd, the answer the reply's body."""

    def __init__(self, line: Callable[[], Line]) -> None:
        self._line = line

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raises Unreachable when nothing was sent, LostAnswer when no answer came."""
        said = self._line().ask(request.url.path.rpartition("/")[2], msgspec.Raw(request.read()))
        return httpx.Response(200, headers={"content-type": "application/json"}, content=said)
