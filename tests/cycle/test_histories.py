"""What became of tasks is read out of the raw histories, also out of those that an older Tieline kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sync.core.errors import Nonsense
from sync.core.history import History, StatusChange
from sync.core.values import RawRecord, Record, Ref
from sync.core.vendor_change import VendorChange
from sync.derive import Deriver
from sync.mapping.rules import Directory, Mappings
from sync.mapping.schema import parse_mapping
from sync.store import Store

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MAPPING = parse_mapping(
    "version: 1\nscope: [PAY]\nstatus: {待办: todo, 进行中: in_progress}\ntask: {title: status.name, vendor_status: status.name}\n".encode(),
    "jira-main.yaml",
    Directory(),
)
CHANGE = StatusChange(Ref("jira-main:task:7"), "todo", "in_progress", NOON)


def decode(raw: RawRecord) -> Record:
    if raw.payload == b"odd":
        raise Nonsense(expected="a history", sample="odd")
    told = (VendorChange("7", "status", "待办", "进行中", NOON),)
    return Record(raw.ref, "7", "", "", NOON, {"status": {"name": "进行中"}}, changes=told)


def raw(kind: str, key: str, payload: bytes = b"{}") -> RawRecord:
    return RawRecord(Ref.of("jira-main", kind, key), payload, "1", NOON, NOON)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/t.sqlite") as opened:
        opened.migrate()
        yield opened


def deriver(store: Store) -> Deriver:
    return Deriver(store, Mappings({"jira-main": MAPPING}, Directory(), {}), {"jira-main": decode}, {"jira-main": "d"})


def test_a_history_becomes_changes_and_an_odd_one_no_problem(store: Store) -> None:
    records = [raw("history", "7"), raw("history", "8", b"odd")]
    store.save_raw(records)
    assert deriver(store).derive(records) == {}
    assert store.load_history() == History([CHANGE], [])
    assert store.load_problems() == []
    assert store.load_tasks() == {}


def test_a_record_that_brings_its_own_history_tells_it_too(store: Store) -> None:
    store.save_raw([raw("task", "7")])
    deriver(store).derive([raw("task", "7")])
    assert list(store.load_tasks()) == [CHANGE.ref]
    assert store.load_history() == History([CHANGE], [])


def test_histories_kept_by_an_older_tieline_are_read_once(store: Store) -> None:
    store.save_raw([raw("history", "7")])
    store.put_derivation("jira-main", "d", "")  # as the one before left it
    deriver(store).refresh()
    assert store.load_history() == History([CHANGE], [])
    store.drop_derived()
    store.put_derivation("jira-main", "3:d", ",".join(MAPPING.vendor_fields()))
    deriver(store).refresh()
    assert store.load_history() == History([], [])
