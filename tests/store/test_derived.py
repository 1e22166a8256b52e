"""Derived values: replaced exactly, unchanged rows left alone, dropped and rebuilt to the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from time import process_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.core.history import DueChange, History, StatusChange
from sync.core.values import (
    Account,
    Assignment,
    Document,
    ExternalReference,
    Ref,
    Relation,
)
from sync.store import Store
from sync.store.derived import Derived
from sync.store.entries import RecordProblem
from tests.store.samples import NOON, a_dependency, a_record, a_task, evidence_of, task_ref

PERSON = Ref("tieline:person:zhang-wei")
ONE, TWO = task_ref("1"), task_ref("2")


def everything() -> Derived:
    document = Document(
        task_ref("2"), "页面", "PAY", "https://x", "3", NOON, parent=Ref("wiki:document:1"), labels=("a",)
    )
    full = a_task(
        "1",
        "支付\0\ud800" + "🚀",
        owner=PERSON,
        assignments=(Assignment(PERSON, "accountable"),),
        due=date(2026, 12, 1),
        started=NOON,
        labels=("x", "y"),
    )
    return Derived(
        tasks=[full],
        documents=[document],
        evidence=[evidence_of("1"), evidence_of("1", "3")],
        aliases={ONE: ["PAY-1", "https://jira.test/browse/PAY-1" + "x" * 5000], TWO: ["PAY-2"]},
        accounts={ONE: [Account("a1", "张伟"), Account("a2", "李娜", is_active=False)]},
        problems=[RecordProblem(TWO, "no_title", "it has no title", "title", "", "jira-main.yaml", 4, is_skipped=True)],
        changes={
            TWO: [
                StatusChange(ONE, "todo", "in_progress", NOON, PERSON),
                StatusChange(ONE, "in_progress", "done", NOON),
            ]
        },
        due_changes={TWO: [DueChange(ONE, None, date(2026, 12, 1), NOON, PERSON)]},
    )


def test_everything_reads_back(store: Store) -> None:
    store.save_raw([a_record("1"), a_record("2")])
    made = everything()
    store.replace_derived([ONE, TWO], made)
    task = store.load_tasks()[ONE]
    assert task.title == "支付?🚀"
    assert task == a_task(
        "1",
        task.title,
        owner=PERSON,
        assignments=made.tasks[0].assignments,
        due=date(2026, 12, 1),
        started=NOON,
        labels=("x", "y"),
    )
    assert isinstance(task.owner, Ref)
    assert list(store.load_documents().values()) == list(made.documents)
    assert store.load_evidence() == list(made.evidence)
    assert store.load_aliases() == {ref: tuple(texts) for ref, texts in made.aliases.items()}
    assert store.load_accounts() == {"jira-main": {account.id: account for account in made.accounts[ONE]}}
    assert store.load_problems() == list(made.problems)
    assert store.load_history() == History(made.changes[TWO], made.due_changes[TWO])


def test_replacing_with_the_same_writes_nothing(store: Store) -> None:
    assert store.replace_derived([ONE, TWO], everything()) == 13
    assert store.replace_derived([ONE, TWO], everything()) == 0


def test_what_is_no_longer_derived_goes_and_others_stay(store: Store) -> None:
    store.replace_derived([ONE, TWO], everything())
    store.replace_derived([task_ref("3")], Derived(tasks=[a_task("3")]))
    store.replace_derived([ONE], Derived(tasks=[a_task("1")], evidence=[evidence_of("1", "3")]))
    assert store.load_evidence() == [evidence_of("1", "3")]
    assert store.load_tasks() == {ONE: a_task("1"), task_ref("3"): a_task("3")}
    assert store.load_aliases() == {TWO: ("PAY-2",)}
    assert store.load_accounts() == {}
    store.replace_derived([ONE])
    assert list(store.load_tasks()) == [task_ref("3")]


def test_a_value_of_another_record_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="jira-main:task:2 is not one of"):
        store.replace_derived([ONE], Derived(tasks=[a_task("1"), a_task("2")]))
    assert store.load_tasks() == {}


def test_an_account_is_as_the_newest_record_shows_it(store: Store) -> None:
    store.save_raw([a_record("1", updated_at=NOON + timedelta(1)), a_record("2")])
    new, old = Account("a", "王芳（新）"), Account("a", "王芳")
    store.replace_derived([ONE, TWO], Derived(accounts={ONE: [new], TWO: [old]}))
    assert store.load_accounts() == {"jira-main": {"a": new}}


def test_skipped_records_are_counted_once_and_only_living_ones(store: Store) -> None:
    refs = [task_ref(str(number)) for number in range(5)]
    store.save_raw([a_record(str(number), scope="MKT" if number == 3 else "PAY") for number in range(5)])
    problems = [RecordProblem(ref, "no_title", "t", is_skipped=True) for ref in refs for _ in range(2)]
    problems.append(RecordProblem(refs[0], "bad_date", "t"))
    store.replace_derived(refs, Derived(problems=problems))
    store.mark_gone([refs[4]], "deleted", NOON)
    assert store.problems_in_scope("jira-main", "task", "PAY") == {"no_title": 3}


def test_links_are_replaced_as_a_whole_and_only_differences_written(store: Store) -> None:
    relation = Relation(ONE, TWO, "relates", (evidence_of("1"),))
    outside = ExternalReference(ONE, "https://else.test/" + "x" * 5000, "predecessor", title="别处")
    links = [a_dependency("1", "2"), a_dependency("2", "3"), a_dependency("1", "2", type="start_to_start")]
    assert store.put_links(links, [relation], [outside]) == 5
    assert store.put_links(reversed(links), [relation], [outside]) == 0
    assert set(store.load_dependencies()) == set(links)
    assert store.load_relations() == (relation,)
    assert store.load_external_references() == (outside,)
    rejected = a_dependency("1", "2", state="rejected")
    assert store.put_links([rejected, links[1]], [relation], [outside]) == 2
    assert store.load_dependencies() == (rejected, links[1])
    store.put_links([])
    assert (store.load_dependencies(), store.load_relations(), store.load_external_references()) == ((), (), ())


def test_dropping_forgets_what_is_derived_and_nothing_else(store: Store) -> None:
    store.save_raw([a_record("1")])
    store.replace_derived([ONE, TWO], everything())
    store.put_links([a_dependency()])
    store.drop_derived()
    loads: list[Callable[[], object]] = [
        store.load_tasks,
        store.load_documents,
        store.load_evidence,
        store.load_aliases,
        store.load_accounts,
        store.load_problems,
        store.load_dependencies,
    ]
    assert not any(load() for load in loads)
    assert store.raw(ONE)


TITLES = st.dictionaries(st.sampled_from("1234"), st.sampled_from(["a", "b"]))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TITLES, max_size=6))
def test_record_by_record_ends_as_a_rebuild_does(store: Store, batches: list[dict[str, str]]) -> None:
    def derived(titles: dict[str, str]) -> Derived:
        evidence = [evidence_of(key) for key, title in titles.items() for _ in range(1 + (title == "b"))]
        return Derived(tasks=[a_task(key, title) for key, title in titles.items()], evidence=evidence)

    store.drop_derived()
    last: dict[str, str] = {}
    for titles in batches:
        store.replace_derived([task_ref(key) for key in titles], derived(titles))
        last |= titles
    grown = store.load_tasks(), store.load_evidence()
    store.drop_derived()
    store.replace_derived([task_ref(key) for key in last], derived(last))
    assert (store.load_tasks(), store.load_evidence()) == grown


def test_twenty_thousand_tasks_load_without_a_slow_path(store: Store) -> None:
    tasks = [
        a_task(str(number), owner=PERSON, assignments=(Assignment(PERSON, "responsible"),)) for number in range(20_000)
    ]
    store.replace_derived([task.ref for task in tasks], Derived(tasks=tasks))
    started = process_time()
    assert len(store.load_tasks()) == 20_000
    assert (
        process_time() - started < 2
    )  # of our own time, so that a busy machine does not matter; benchmarks/store.py has the figures
