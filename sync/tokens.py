"""A token that is asked for, kept while it holds, and asked for again before it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from sync.core.errors import AccessDenied, LostAnswer, Nonsense, TryLater
from sync.core.secrets import keep_secret

T = TypeVar("T")


class Token:
    """Fetched by one thread for all, ``early_s`` before it ends. ``fetch`` answers with the token and for how many seconds it holds.

    Raises Nonsense when there is no token in the answer, TryLater when the answer was lost: a token that was lost is no write that was.
    """

    def __init__(self, fetch: Callable[[], tuple[object, object]], early_s: float = 300.0) -> None:
        self._fetch, self._early_s = fetch, early_s
        self._lock = threading.Lock()
        self._value, self._until = "", 0.0

    def get(self, *, is_fresh: bool = False) -> str:
        """The token; another one, asked for now, where it must be ``is_fresh``."""
        with self._lock:
            if is_fresh or not self._value or time.monotonic() >= self._until:
                self._value, lives_s = self._fetched()
                self._until = time.monotonic() + max(lives_s - self._early_s, lives_s / 2, 1.0)
            return self._value

    def _fetched(self) -> tuple[str, float]:
        try:
            token, lives = self._fetch()
        except LostAnswer as error:
            raise TryLater(str(error), error.retry_after, error.reason) from error
        if not isinstance(token, str) or not token:
            raise Nonsense(expected="a token", sample=token)
        keep_secret(token)
        return token, float(lives) if isinstance(lives, int | float) else 0.0

    def use(self, ask: Callable[[str], T]) -> T:
        """What ``ask`` brings with the token. One that is refused as stale (``is_stale_token`` of the error) is fetched anew, once."""
        value = self.get()
        try:
            return ask(value)
        except AccessDenied as error:
            if not is_stale_token(error):
                raise
        with self._lock:
            if self._value == value:
                self._value = ""
        return ask(self.get())


def is_stale_token(error: AccessDenied) -> bool:
    """Whether a new token may help, as the connector's ``decipher`` marked it."""
    return bool(error.data.get("is_stale_token"))
