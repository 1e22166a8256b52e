"""Raw records: kept as they came, gone and back, counted, exported; and cursors, which move with what they cover or not at all."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.core.certificate import Certificate
from sync.core.errors import Nonsense
from sync.core.ports import Cursor
from sync.core.values import Ref
from sync.store import Store
from sync.store.entries import Gone, Saved
from sync.store.raw import PAGE, line_from_raw, raw_from_line
from tests.store.samples import NOON, a_record, task_ref


def test_save_tells_new_changed_and_unchanged(store: Store) -> None:
    first = store.save_raw([a_record("1"), a_record("2")])
    again = store.save_raw([a_record("1"), a_record("2", b'{"id":"2","x":1}'), a_record("3")])
    assert first == Saved(inserted=frozenset({task_ref("1"), task_ref("2")}))
    assert again == Saved(frozenset({task_ref("3")}), frozenset({task_ref("2")}), 1)
    assert task_ref("1") not in again
    assert task_ref("2") in again
    assert len(again) == 2


def test_a_record_comes_back_as_it_was_put_in(store: Store) -> None:
    china = timezone(timedelta(hours=8))
    record = a_record("甲:1/2", bytes(range(256)), version="7", field_set="*all", scope="支付", visibility="restricted")
    record = msgspec.structs.replace(record, updated_at=datetime(2026, 1, 2, 3, 4, 5, 678901, china))
    store.save_raw([record])
    read = store.raw(record.ref)
    assert read == record
    assert read is not None
    assert read.updated_at.tzinfo == UTC
    assert isinstance(read.ref, Ref)


@pytest.mark.parametrize("field", ["version", "field_set", "scope"])
def test_every_fact_of_a_record_makes_it_changed(store: Store, field: str) -> None:
    record = a_record()
    store.save_raw([record])
    assert len(store.save_raw([msgspec.structs.replace(record, **{field: "other"})])) == 1


def test_a_later_fetch_of_the_same_changes_nothing(store: Store) -> None:
    store.save_raw([a_record()])
    assert len(store.save_raw([a_record(fetched_at=NOON + timedelta(days=1))])) == 0
    read = store.raw(task_ref("1"))
    assert read is not None
    assert read.fetched_at == NOON


def test_the_last_of_two_sightings_wins(store: Store) -> None:
    store.save_raw([a_record(payload=b"1"), a_record(payload=b"2")])
    read = store.raw(task_ref("1"))
    assert read is not None
    assert read.payload == b"2"


def test_texts_are_cleaned_of_what_databases_refuse(store: Store) -> None:
    store.save_raw([a_record(version="a\0b\ud800", scope="支\0付")])
    read = store.raw(task_ref("1"))
    assert read is not None
    assert (read.version, read.scope) == ("ab?", "支付")
    assert store.ids_in_scope("jira-main", "task", "支\0付") == {"1"}


def test_a_naive_instant_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="no zone"):
        store.save_raw([a_record(updated_at=datetime(2026, 1, 1))])  # noqa: DTZ001


def test_gone_and_back(store: Store) -> None:
    store.save_raw([a_record("1"), a_record("2")])
    assert store.mark_gone([task_ref("1"), task_ref("9")], "deleted", NOON) == 1
    assert store.mark_gone([task_ref("1")], "moved", NOON + timedelta(days=1)) == 0
    assert store.ids_in_scope("jira-main", "task", "PAY") == {"2"}
    assert store.tombstones("jira-main") == {task_ref("1"): Gone("deleted", NOON)}
    assert store.raw_versions([task_ref("1"), task_ref("2")]) == {task_ref("2"): "1"}
    assert [record.ref for record in store.iter_raw()] == [task_ref("2")]
    assert store.save_raw([a_record("1")]).changed == {task_ref("1")}
    assert store.tombstones("jira-main") == {}
    assert store.ids_in_scope("jira-main", "task", "PAY") == {"1", "2"}


def test_reading_all_goes_over_pages_and_can_be_narrowed(store: Store) -> None:
    tasks = [a_record(str(number)) for number in range(PAGE + 3)]
    other = a_record(ref=Ref("trello-main:task:a"), scope="B")
    page = a_record(ref=Ref("jira-main:document:1"))
    store.save_raw([*tasks, other, page])
    assert len(list(store.iter_raw())) == PAGE + 5
    assert [record.ref for record in store.iter_raw("trello-main")] == [other.ref]
    assert [record.ref for record in store.iter_raw("jira-main", "document")] == [page.ref]
    reading = store.iter_raw()
    next(reading)
    store.save_raw([a_record("new")])  # nothing stays locked while somebody reads


def test_ids_are_counted_per_scope_kind_and_connection(store: Store) -> None:
    store.save_raw([a_record("1"), a_record("2", scope="MKT"), a_record(ref=Ref("jira-main:document:3"))])
    assert store.ids_in_scope("jira-main", "task", "PAY") == {"1"}
    assert store.ids_in_scope("jira-main", "document", "PAY") == {"3"}
    assert store.ids_in_scope("trello", "task", "PAY") == set()


def test_cursors(store: Store) -> None:
    cursor = Cursor("issues", "PAY", NOON, NOON - timedelta(hours=12))
    assert store.cursor("jira-main", "issues", "PAY") is None
    store.put_cursor("jira-main", cursor)
    store.put_cursor("jira-main", msgspec.structs.replace(cursor, since=NOON + timedelta(1)))
    read = store.cursor("jira-main", "issues", "PAY")
    assert read == Cursor("issues", "PAY", NOON + timedelta(1), NOON - timedelta(hours=12))
    assert store.cursor("jira-main", "issues", "MKT") is None
    store.forget_cursors("jira-main")
    assert store.cursor("jira-main", "issues", "PAY") is None


def test_what_was_asked_for_is_known_per_stream_and_scope_until_it_is_forgotten(store: Store) -> None:
    for scope, keys in (("PAY", ["1", "2"]), ("PAY", ["2", "3\0"]), ("MKT", ["4"]), ("MKT", [])):
        store.note_asked("jira-main", "issues", scope, keys)
    store.forget_asked("jira-main", "issues", "MKT")
    store.forget_asked("jira-main", "history", "PAY")
    assert store.asked_for("jira-main", "issues", "PAY") == {"1", "2", "3"}
    assert store.asked_for("jira-main", "issues", "MKT") == set()


def test_a_run_killed_before_its_cursor_keeps_neither(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt), store.transaction():  # noqa: PT012 - the kill comes after the writes
        store.save_raw([a_record()])
        store.put_cursor("jira-main", Cursor("issues", "PAY", NOON))
        assert store.raw(task_ref("1"))
        raise KeyboardInterrupt
    assert store.raw(task_ref("1")) is None
    assert store.cursor("jira-main", "issues", "PAY") is None


def test_certificates_remember_when_a_scope_was_last_complete(store: Store) -> None:
    good = Certificate("jira-main", "PAY", "issues", 3, 3, {"no title": 1}, 0, True, "", NOON)
    bad = msgspec.structs.replace(good, is_complete=False, unproven=1, at=NOON + timedelta(hours=1))
    other = msgspec.structs.replace(bad, connection="trello")
    for certificate in (good, bad, other):
        store.put_certificate(certificate)
    assert [(item.certificate, item.complete_at) for item in store.certificates()] == [(bad, NOON), (other, None)]
    assert len(store.certificates("trello")) == 1


PAYLOADS = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"null", b"{}", b'{"a":\n1}', b" 1", b'"\xe2\x80\xa8"', b'"\\ud800"', b'"\xff"', b"", b"NaN", b"[" * 5000]
    ),
    st.recursive(st.none() | st.text(max_size=5) | st.integers(), lambda inner: st.lists(inner, max_size=3)).map(
        msgspec.json.encode
    ),
)


@given(PAYLOADS, st.none() | st.just(Gone("deleted", NOON)))
def test_an_exported_line_reads_back_byte_for_byte(payload: bytes, gone: Gone | None) -> None:
    record = a_record(payload=payload)
    line = line_from_raw(record, gone)
    assert "\n" not in line
    assert "\r" not in line
    assert raw_from_line(line) == (record, gone)


def test_json_stands_in_the_line_as_it_is() -> None:
    assert '"payload":{"b":1, "a":"支付"}' in line_from_raw(a_record(payload='{"b":1, "a":"支付"}'.encode()), None)


def test_export_and_import_make_the_same_store(store: Store) -> None:
    store.save_raw([a_record("1"), a_record("2", b"\xff"), a_record("3")])
    store.mark_gone([task_ref("3")], "moved", NOON)
    lines = list(store.raw_lines())
    store.save_raw([a_record("1", b"newer"), a_record("3", b"newer")])
    assert store.import_raw([*lines, "\n"]).changed == {task_ref("1"), task_ref("3")}
    assert list(store.raw_lines()) == lines
    assert store.import_raw(lines).inserted == frozenset()


@pytest.mark.parametrize("line", ["", "{}", "not json", '{"ref":"x"}', line_from_raw(a_record(), None)[:-5]])
def test_a_bad_line_is_nonsense(line: str) -> None:
    with pytest.raises(Nonsense):
        raw_from_line(line)


_numbers = itertools.count()
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["save", "gone", "kill"]), st.dictionaries(st.sampled_from("abcd"), st.sampled_from("xyz"))
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_raw_records_behave_like_a_dictionary(store: Store, steps: list[tuple[str, dict[str, str]]]) -> None:
    """Any order of saving, vanishing and dying in between: model maps key to (payload, is gone)."""
    scope = f"S{next(_numbers)}"
    prefix = scope + "/"
    model: dict[str, tuple[str, bool]] = {}
    for verb, items in steps:
        records = [a_record(prefix + key, payload.encode(), scope=scope) for key, payload in items.items()]
        if verb == "save":
            saved = store.save_raw(records)
            assert {ref.key for ref in saved.inserted} == {prefix + key for key in items if key not in model}
            changed = {key for key in items if key in model and model[key] != (items[key], False)}
            assert {ref.key for ref in saved.changed} == {prefix + key for key in changed}
            model.update({key: (payload, False) for key, payload in items.items()})
        elif verb == "gone":
            count = store.mark_gone([record.ref for record in records], "deleted", NOON)
            living = [key for key in items if key in model and not model[key][1]]
            assert count == len(living)
            model.update({key: (model[key][0], True) for key in living})
        else:
            with pytest.raises(ZeroDivisionError), store.transaction():  # noqa: PT012
                store.save_raw(records)
                store.mark_gone([record.ref for record in records], "deleted", NOON)
                raise ZeroDivisionError
    assert store.ids_in_scope("jira-main", "task", scope) == {
        prefix + key for key, (_, gone) in model.items() if not gone
    }
    for key, (payload, _) in model.items():
        read = store.raw(task_ref(prefix + key))
        assert read is not None
        assert read.payload == payload.encode()
