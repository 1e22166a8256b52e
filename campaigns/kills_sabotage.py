"""Ways to break the promise of writing exactly once, each of which the campaign must notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

import sync.apply
import sync.engine
import sync.look
import sync.writing
from connectors.jira.links import JiraLinks
from sync.core.plan import Change, Existing
from sync.core.ports import Written
from sync.remote import Remote
from sync.store.store import Store


@contextmanager
def _retry_post_blindly() -> Iterator[None]:
    """A write whose answer was lost is sent again."""
    plain = Remote.carry
    with patch.object(Remote, "carry", lambda self, request, *_: plain(self, request, True)):
        yield


@contextmanager
def _no_intent() -> Iterator[None]:
    """The intent is written down after the write."""
    plain, confirm, fail = Store.add_intent, Store.confirm_intent, Store.fail_intent
    waiting: dict[int, tuple[str, Change]] = {}

    def add_intent(_: Store, run: str, change: Change) -> int:
        waiting[-len(waiting) - 1] = run, change
        return -len(waiting)

    def written_down(store: Store, intent: int) -> int:
        return plain(store, *waiting[intent]) if intent in waiting else intent

    def confirm_intent(store: Store, intent: int, change: Change, after: Any, at: Any = None) -> None:
        confirm(store, written_down(store, intent), change, after, at)

    def fail_intent(store: Store, intent: int, state: Any, error: str) -> None:
        fail(store, written_down(store, intent), state, error)

    with (
        patch.object(Store, "add_intent", add_intent),
        _on_every_store(confirm_intent=confirm_intent, fail_intent=fail_intent),
    ):
        yield


@contextmanager
def _on_every_store(**operations: Any) -> Iterator[None]:
    """Replace operations of the store, also where the campaign watches them."""
    from campaigns.kills_points import WatchedStore

    with patch.multiple(Store, **operations), patch.multiple(WatchedStore, **operations):
        yield


@contextmanager
def _no_look() -> Iterator[None]:
    """Looking finds nothing."""
    with patch.object(sync.look, "find", lambda *_: None), patch.object(sync.apply, "find", lambda *_: None):
        yield


@contextmanager
def _swap_link() -> Iterator[None]:
    """Issue links say the reverse, and are read so."""
    plain = JiraLinks._is_subject
    with patch.object(JiraLinks, "_is_subject", lambda self, side: not plain(self, side)):
        yield


@contextmanager
def _confirm_before_write() -> Iterator[None]:
    """The ledger says that a thing stands there before it is written."""
    plain = sync.apply._Worker._write

    def write(self: Any, change: Change) -> Any:
        guess = change.expected or Written("0", "0")
        self._store.put_published(sync.apply._published(change, guess, change.digest, self._run))
        return plain(self, change)

    with patch.object(sync.apply._Worker, "_write", write):
        yield


@contextmanager
def _resend_unsure() -> Iterator[None]:
    """A message of unknown fate is sent again."""
    plain = sync.look.look

    def look(*arguments: Any) -> Any:
        existing, blocked = plain(*arguments)
        return {key: _sure(item) for key, item in existing.items()}, blocked

    with patch("sync.engine.look", look):
        yield


def _sure(item: Existing) -> Existing:
    return replace(item, is_unsure=False)


@contextmanager
def _no_lease() -> Iterator[None]:
    """Runs do not wait for each other."""
    with patch.object(sync.engine, "turn", lambda _: nullcontext(lambda: None)):
        yield


@contextmanager
def _forget_withdrawals() -> Iterator[None]:
    """A removal is taken for done before it is."""
    plain = sync.writing.write

    def write(ports: Any, change: Change) -> Any:
        return None if change.operation == "remove" else plain(ports, change)

    with patch.object(sync.apply, "write", write):
        yield


SABOTAGES: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "retry_post_blindly": _retry_post_blindly,
    "no_intent": _no_intent,
    "no_look": _no_look,
    "swap_link": _swap_link,
    "confirm_before_write": _confirm_before_write,
    "resend_unsure": _resend_unsure,
    "no_lease": _no_lease,
    "forget_withdrawals": _forget_withdrawals,
}
