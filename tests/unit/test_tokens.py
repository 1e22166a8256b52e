"""A token is fetched once for everybody, early enough, and again when it is refused; never more than that."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import pytest

from sync.core.errors import AccessDenied, LostAnswer, Nonsense, TryLater
from sync.core.secrets import redact
from sync.tokens import Token


class Vendor:
    """Hands out tokens; those in ``refused`` hold no longer."""

    def __init__(self, lives: object = 7200) -> None:
        self.lives, self.count, self.refused = lives, 0, set[str]()
        self.lock = threading.Lock()

    def fetch(self) -> tuple[object, object]:
        with self.lock:
            self.count += 1
            return f"token-of-a-vendor-{self.count:04}", self.lives

    def ask(self, token: str) -> str:
        if token in self.refused:
            raise AccessDenied("stale", is_stale_token=True)
        return token


def test_many_threads_fetch_it_once() -> None:
    vendor = Vendor()
    token = Token(vendor.fetch)
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: token.get(), range(50)))) == 1
    assert vendor.count == 1
    assert "token-of-a-vendor" not in redact(f"asked with {token.get()}")


@pytest.mark.parametrize(("lives", "holds_s"), [(7200, 6900), (100, 50), (0, 1), (None, 1), ("7200", 1)])
def test_it_is_fetched_again_before_it_ends(lives: object, holds_s: float) -> None:
    vendor = Vendor(lives)
    token = Token(vendor.fetch)
    with mock.patch("sync.tokens.time.monotonic") as clock:
        for at, fetched in ((1000.0, 1), (1000.0 + holds_s - 0.1, 1), (1000.0 + holds_s, 2)):
            clock.return_value = at
            token.get()
            assert vendor.count == fetched


def test_a_refused_one_is_renewed_once_and_no_more() -> None:
    vendor = Vendor()
    token = Token(vendor.fetch)
    vendor.refused = {token.get()}
    assert token.use(vendor.ask) == "token-of-a-vendor-0002"
    vendor.refused = {f"token-of-a-vendor-{number:04}" for number in range(9)}
    with pytest.raises(AccessDenied):
        token.use(vendor.ask)
    assert vendor.count == 3


def test_another_refusal_renews_nothing() -> None:
    vendor = Vendor()
    token = Token(vendor.fetch)

    def forbid(_: str) -> str:
        raise AccessDenied("no right")

    with pytest.raises(AccessDenied):
        token.use(forbid)
    assert vendor.count == 1


def test_a_lost_answer_may_be_asked_for_later_and_no_token_is_nonsense() -> None:
    lost = mock.Mock(side_effect=LostAnswer("gone", reason="server"))
    with pytest.raises(TryLater) as caught:
        Token(lost).get()
    assert not isinstance(caught.value, LostAnswer)
    for answer in ((None, 1), ("", 1), (7, 1)):
        with pytest.raises(Nonsense):
            Token(lambda answer=answer: answer).get()  # type: ignore[misc]
