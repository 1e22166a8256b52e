"""Rows per second of the store on both databases: 100,000 tasks and as many raw records, inserted, then the same again.

Run: ``.venv/bin/python -m benchmarks.store [count]``. Fsync is off on PostgreSQL, as in the tests.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from time import perf_counter

from sync.core.values import Assignment, Dependency, RawRecord, Ref, Task
from sync.store import Store
from sync.store.derived import Derived
from tests.postgres import create_database, running_postgres

BATCH = 1000
AT = datetime(2026, 11, 23, tzinfo=UTC)
PERSON = Ref("tieline:person:zhang-wei")
FILLING = b'{"summary":"' + b"x" * 3900 + b'"}'


def _task(number: int) -> Task:
    return Task(
        Ref(f"jira-main:task:{number}"),
        f"PAY-{number}",
        f"支付接口开发 {number}",
        "in_progress",
        "进行中",
        f"https://jira.test/browse/PAY-{number}",
        AT,
        owner=PERSON,
        assignments=(Assignment(PERSON, "responsible"),),
        due=date(2026, 12, 1),
        project="PAY",
        labels=("支付",),
    )


def _time(name: str, count: int, act: Callable[[], object]) -> None:
    started = perf_counter()
    act()
    seconds = perf_counter() - started
    print(f"  {name:<40}{seconds:7.2f} s{count / seconds:12,.0f} rows/s")


def _save_tasks(store: Store, tasks: Sequence[Task], size: int) -> None:
    for start in range(0, len(tasks), size):
        part = tasks[start : start + size]
        store.replace_derived([task.ref for task in part], Derived(tasks=part))


def _save_raw(store: Store, records: Sequence[RawRecord]) -> None:
    for start in range(0, len(records), BATCH):
        store.save_raw(records[start : start + BATCH])


def _measure(url: str, count: int) -> None:
    tasks = [_task(number) for number in range(count)]
    records = [RawRecord(task.ref, FILLING, "1", AT, AT, scope="PAY") for task in tasks]
    links = [Dependency(one.ref, two.ref) for one, two in pairwise(tasks)]
    with Store.open(url) as store:
        store.migrate()
        for again in ("insert", "same again"):
            _time(f"raw records of 4 KB, {BATCH} at once, {again}", count, lambda: _save_raw(store, records))
        for again in ("insert", "same again"):
            _time(f"tasks, all at once, {again}", count, lambda: _save_tasks(store, tasks, count))
        store.drop_derived()
        for again in ("insert", "same again"):
            _time(f"tasks, {BATCH} at once, {again}", count, lambda: _save_tasks(store, tasks, BATCH))
        for again in ("insert", "same again"):
            _time(f"dependencies, {again}", count, lambda: store.put_links(links))
        _time("load tasks", count, store.load_tasks)
        _time("load dependencies", count, store.load_dependencies)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        print("SQLite")
        _measure(f"sqlite:///{folder}/benchmark.db", count)
    with running_postgres() as server:
        print("PostgreSQL")
        _measure(create_database(server, "benchmark"), count)


if __name__ == "__main__":
    main()
