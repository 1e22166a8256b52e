"""The ledger: pinned names, intents before writes, what is published, findings' lives, answers, leases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from sync.core.errors import ConfigError, StoreUnavailable
from sync.core.plan import LinkContent, PageAsContent
from sync.core.ports import LinkEnd, PageContent, Written
from sync.core.values import Severity
from sync.store import Store
from sync.store.entries import Answer
from tests.store.samples import NOON, a_change, a_finding, a_record, published_from, task_ref

HOUR = timedelta(hours=1)


def test_a_name_means_one_site_for_ever(store: Store) -> None:
    store.pin_connection("jira-main", "site-1", NOON)
    store.pin_connection("jira-main", "site-1")
    with pytest.raises(ConfigError, match="'jira-main' is the site site-1, and this is site-2"):
        store.pin_connection("jira-main", "site-2")
    store.pin_connection("jira-main", "site-1")


def test_runs(store: Store) -> None:
    first = store.begin_run("run", NOON)
    second = store.begin_run("undo", NOON + HOUR)
    store.end_run(first, "done", {"written": 3}, NOON + HOUR)
    latest, older = store.runs()
    assert (latest.id, latest.kind, latest.ended_at, latest.outcome) == (second, "undo", None, "")
    assert (older.started_at, older.ended_at, older.counts) == (NOON, NOON + HOUR, {"written": 3})
    assert [run.id for run in store.runs(limit=1)] == [second]


def test_an_intent_that_died_is_pending_and_reads_back_whole(store: Store) -> None:
    end = LinkEnd(task_ref("2"), "PAY-2", "支付流程测试", "https://x")
    page = PageContent("PAY", "状态", (), attachments=(("图.png", b"\x89\x00\xff"),))
    changes = [
        a_change("comment"),
        a_change("link", kind="link", content=LinkContent(end, "blocks"), expected=Written("9", "1", is_ours=False)),
        a_change("page", kind="page", content=PageAsContent(page), facts={"due": "2026-12-01", "n": [1, None, True]}),
    ]
    run = store.begin_run("run")
    ids = [store.add_intent(run, change, NOON) for change in changes]
    pending = store.pending_intents()
    assert [(intent.id, intent.run, intent.change, intent.created_at) for intent in pending] == [
        (number, run, change, NOON) for number, change in zip(ids, changes, strict=True)
    ]
    assert (pending[0].key, pending[0].digest, pending[0].state) == (
        "comment",
        changes[0].digest,
        "pending",
    )


def test_a_confirmed_write_is_published_and_audited_with_what_was_before(store: Store) -> None:
    run = store.begin_run("run")
    create, update = a_change(), a_change(facts={"days": 4}, operation="update")
    first, second = published_from(create), published_from(update, "2")
    store.confirm_intent(store.add_intent(run, create), create, first, NOON)
    store.confirm_intent(store.add_intent(run, update), update, second)
    remove = a_change(operation="remove")
    store.confirm_intent(store.add_intent(run, remove), remove, None)
    entries = store.changes_of_run(run)
    assert [(entry.change, entry.before, entry.after) for entry in entries] == [
        (create, None, first),
        (update, first, second),
        (remove, second, None),
    ]
    assert entries[0].at == NOON
    assert store.changes_of_key("delay:1") == entries
    assert store.changes_of_key("other") == []
    assert (store.published(), store.pending_intents()) == ({}, [])


def test_failed_is_over_and_unsure_stays_open_until_it_is_found(store: Store) -> None:
    run, change = store.begin_run("run"), a_change()
    store.fail_intent(store.add_intent(run, change), "failed", "403")
    store.fail_intent(store.add_intent(run, change), "unsure", "no answer\0")
    assert [(intent.state, intent.error) for intent in store.pending_intents()] == [("unsure", "no answer")]
    store.put_published(published_from(a_change(facts={"days": 9})))
    assert len(store.pending_intents()) == 1, "an older state found there says nothing of the lost write"
    store.put_published(published_from(change))
    assert store.pending_intents() == []


def test_a_later_confirmed_write_settles_what_was_unsure(store: Store) -> None:
    run, lost, later = store.begin_run("run"), a_change(), a_change(facts={"days": 9})
    store.fail_intent(store.add_intent(run, lost), "unsure", "")
    store.add_intent(run, a_change("other"))
    store.confirm_intent(store.add_intent(run, later), later, published_from(later))
    assert [intent.key for intent in store.pending_intents()] == ["other"]


def test_an_intent_is_never_part_of_a_transaction_that_may_be_rolled_back(store: Store) -> None:
    run = store.begin_run("run")
    with pytest.raises(RuntimeError, match="committed before its write"), store.transaction():
        store.add_intent(run, a_change())


def test_an_intent_without_its_run_is_refused(store: Store) -> None:
    with pytest.raises(StoreUnavailable):
        store.add_intent("no such run", a_change())


def test_published_is_kept_by_key_and_read_by_job(store: Store) -> None:
    one, two = published_from(a_change("a")), published_from(a_change("b"))
    store.put_published(one)
    store.put_published(two)
    store.put_published(published_from(a_change("a"), version="2"))
    assert store.published("delays") == {"a": published_from(a_change("a"), version="2"), "b": two}
    assert store.published("sops") == {}
    store.remove_published("a")
    assert store.published() == {"b": two}


def test_findings_open_stay_resolve_and_come_back(store: Store) -> None:
    late, early = a_finding("late", days=3), a_finding("early")
    news = store.sync_findings({"delays": [late, early], "sops": []}, NOON, {"delays"})
    assert [item.finding.key for item in news.opened] == ["late", "early"]
    assert store.acknowledge("late", "张伟", NOON + HOUR)
    assert not store.acknowledge("late", "李娜")
    worse = a_finding("late", "critical", days=5)
    news = store.sync_findings({"delays": [worse]}, NOON + 2 * HOUR, {"delays"})
    assert (news.opened, [item.finding.key for item in news.resolved]) == ((), ["early"])
    (acknowledged,) = store.findings("acknowledged")
    assert (acknowledged.finding, acknowledged.opened_at) == (worse, NOON)
    assert (acknowledged.acknowledged_by, acknowledged.acknowledged_at) == ("张伟", NOON + HOUR)
    news = store.sync_findings({"delays": [worse, early]}, NOON + 3 * HOUR, {"delays"})
    assert [(item.finding.key, item.opened_at, item.resolved_at) for item in news.opened] == [
        ("early", NOON + 3 * HOUR, None)
    ]
    assert [item.finding.key for item in store.findings("open", "acknowledged")] == ["early", "late"]


def test_a_finding_keeps_how_it_changed_since_it_opened(store: Store) -> None:
    def found(severity: Severity = "warning", **parameters: object) -> list[tuple[str, object]]:
        store.sync_findings({"delays": [a_finding("late", severity, **parameters)]}, next(instants), {"delays"})
        (item,) = store.findings()
        return [(step.severity, step.parameters["due"]) for step in item.steps]

    instants = iter(NOON + HOUR * hour for hour in range(200))
    assert found(due=date(2026, 12, 1)) == [("warning", "2026-12-01")]
    assert found(due=date(2026, 12, 1)) == [("warning", "2026-12-01")]
    both = [("warning", "2026-12-01"), ("critical", "2026-12-01")]
    assert found("critical", due=date(2026, 12, 1)) == both
    assert [step.at for step in store.findings()[0].steps] == [NOON, NOON + 2 * HOUR]
    for number in range(60):
        steps = found(due=number)
    assert (len(steps), steps[0], steps[1], steps[-1]) == (30, both[0], ("warning", 31), ("warning", 59))
    store.sync_findings({"delays": []}, NOON + 100 * HOUR, {"delays"})
    assert store.resolved_findings(NOON + 101 * HOUR) == []
    (over,) = store.resolved_findings(NOON + 100 * HOUR)
    assert (over.finding.parameters, len(over.steps)) == ({"due": 59}, 30)
    assert found(due=1) == [("warning", 1)], "what comes back begins anew"
    assert store.resolved_findings(NOON) == []


def test_a_finding_kept_by_an_older_tieline_has_no_steps(store: Store) -> None:
    store.sync_findings({"delays": [a_finding("late", due=1)]}, NOON, {"delays"})
    with store._writer.begin() as connection:
        connection.exec_driver_sql("""UPDATE findings SET value = REPLACE(value, '"steps":[', '"more":[')""")
    assert store.findings()[0].steps == ()
    store.sync_findings({"delays": [a_finding("late", due=1)]}, NOON + HOUR, {"delays"})
    assert [step.at for step in store.findings()[0].steps] == [NOON + HOUR]


def test_only_a_fully_judged_job_resolves(store: Store) -> None:
    store.sync_findings({"delays": [a_finding("a")], "sops": [a_finding("b")]}, NOON, {"delays", "sops"})
    news = store.sync_findings({"delays": [], "sops": []}, NOON, {"sops"})
    assert [item.finding.key for item in news.resolved] == ["b"]
    assert [item.finding.key for item in store.findings("open")] == ["a"]


def test_a_finding_of_dates_and_refs_can_be_kept(store: Store) -> None:
    store.sync_findings({"delays": [a_finding("a", due=date(2026, 12, 1), task=task_ref("1"))]}, NOON, set())
    assert store.findings()[0].finding.parameters == {"due": "2026-12-01", "task": task_ref("1")}


def test_answers(store: Store) -> None:
    key = "a>b:finish_to_start"
    store.put_answer(Answer(key, "confirmed", "李娜", NOON))
    store.put_answer(Answer(key, "rejected", "张伟", NOON + HOUR))
    assert store.answers() == {key: Answer(key, "rejected", "张伟", NOON + HOUR)}


def test_a_lease_is_one_holders_until_it_expires(store: Store) -> None:
    assert store.acquire_lease("leader", "a", HOUR, NOON)
    assert store.acquire_lease("leader", "a", HOUR, NOON)
    assert not store.acquire_lease("leader", "b", HOUR, NOON + HOUR / 2)
    assert store.renew_lease("leader", "a", HOUR, NOON + HOUR / 2)
    assert not store.renew_lease("leader", "b", HOUR, NOON)
    assert not store.acquire_lease("leader", "b", HOUR, NOON + HOUR)
    assert not store.renew_lease("leader", "a", HOUR, NOON + 1.5 * HOUR), "what expired is not renewed"
    assert store.acquire_lease("leader", "b", HOUR, NOON + 1.5 * HOUR)
    store.release_lease("leader", "a")
    assert not store.acquire_lease("leader", "a", HOUR, NOON + 1.5 * HOUR)
    store.release_lease("leader", "b")
    assert store.acquire_lease("leader", "a", HOUR, NOON)


def test_of_many_who_want_a_lease_at_once_one_gets_it(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda holder: store.acquire_lease("leader", f"w{holder}", HOUR), range(8)))
    assert won.count(True) == 1


def test_threads_have_transactions_of_their_own(store: Store) -> None:
    def save(number: int) -> None:
        with store.transaction():
            store.save_raw([a_record(str(number)), a_record("shared", str(number).encode())])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(save, range(40)))
    assert len(list(store.iter_raw())) == 41
