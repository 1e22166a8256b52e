"""One run at a time, on both databases."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import timedelta

import pytest

from sync.core.errors import TryLater
from sync.store.store import Store
from sync.turn import LIFE, NAME, MayGoOn, _machine, turn


def test_a_second_run_does_nothing_while_the_first_goes_on(store: Store) -> None:
    with turn(store), pytest.raises(TryLater, match="another run is going on"), turn(store):
        pytest.fail("two runs at once")
    with turn(store):
        assert store.lease_holder(NAME)
    assert store.lease_holder(NAME) == ""


def test_a_run_killed_on_this_machine_needs_no_waiting(store: Store) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    store.acquire_lease(NAME, f"{_machine()}:{ended.stdout.strip()}:1", LIFE)
    with turn(store):
        assert f":{ended.stdout.strip()}:" not in store.lease_holder(NAME)


def test_a_run_on_another_machine_is_waited_for_until_its_lease_ends(store: Store) -> None:
    store.acquire_lease(NAME, "another-host:4711:1", LIFE)
    with pytest.raises(TryLater, match="another-host"), turn(store):
        pytest.fail("two runs at once")
    store.release_lease(NAME, "another-host:4711:1")
    store.acquire_lease(NAME, "another-host:4711:1", timedelta(seconds=-1))
    with turn(store):
        pass


def test_the_lease_is_given_back_when_the_work_fails(store: Store) -> None:
    with pytest.raises(ValueError, match="oops"), turn(store):
        raise ValueError("oops")
    assert store.lease_holder(NAME) == ""


def test_a_lost_lease_stops_the_writing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.turn.RENEWED_EVERY_S", 0.05)
    with turn(store) as may_go_on:
        may_go_on()
        store.release_lease(NAME, store.lease_holder(NAME))
        store.acquire_lease(NAME, "another-host:1:1", LIFE)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and not _is_lost(may_go_on):
            time.sleep(0.02)
        with pytest.raises(TryLater, match="lost its turn"):
            may_go_on()
    assert store.lease_holder(NAME) == "another-host:1:1"


def _is_lost(may_go_on: MayGoOn) -> bool:
    try:
        may_go_on()
    except TryLater:
        return True
    return False
