"""Runs killed at every boundary: what is written is written exactly once, whenever the process dies.

Two ways to die. *Inside*: many small worlds in this process, where a kill is an exception that nothing catches, at every operation of
the database and every boundary of HTTP, with lost answers, refusals, a second process and another machine in between. *SIGKILL*: the
real ``tieline run`` over real HTTP, killed by the simulators at a request, between the vendor's commit and its answer, after the
answer, or by itself at a place of its database's work. Afterwards the oracle reads the sites and the ledger, and one more run
may write nothing.

Threads draw from what goes wrong in their own order, so a seed repeats a story and its kills, and their exact places only nearly.
"""

from __future__ import annotations

import multiprocessing
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

from campaigns.kills_company import control, founded, sqlite, tell
from campaigns.kills_inside import play
from campaigns.kills_points import simulated_processes
from campaigns.kills_sabotage import SABOTAGES
from campaigns.kills_world import new_database, prepare
from campaigns.kills_zygote import Zygote
from campaigns.report import Report, silent
from sync.store.store import Store
from tests.postgres import binaries, create_database, drop_database, running_postgres

INSIDE, COMPANY = 10_000, 550  # kills of the long form
SHORT_INSIDE, SHORT_COMPANY = 50, 3
POSTGRES_SHARE = 0.06, 0.2
Database = Callable[[Path], str]

__all__ = ["SABOTAGES", "run"]


def run(*, seed: int, scale: float, workers: int) -> Report:
    """Kill until both counts are reached. The short form leaves PostgreSQL out."""
    report = Report("kills", seed)
    if scale <= 0:
        report.merge(work((seed, SHORT_INSIDE, SHORT_COMPANY, False)))
        return report
    shares = [
        (seed + 1_000_000 * worker, round(INSIDE * scale / workers), round(COMPANY * scale / workers), True)
        for worker in range(workers)
    ]
    if workers <= 1:
        parts = [work(shares[0])]
    else:
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            parts = pool.map(work, shares)
    for part in parts:
        report.merge(part)
    report.figures["kills a second"] = _rates(parts)
    return report


def _rates(parts: list[Report]) -> dict[str, float]:
    names = {name for part in parts for name in part.figures.get("kills a second", {})}
    return {
        name: round(sum(part.figures["kills a second"].get(name, 0.0) for part in parts), 1) for name in sorted(names)
    }


def work(share: tuple[int, int, int, bool]) -> Report:
    """One worker's share: (seed, kills inside, kills by SIGKILL, whether PostgreSQL takes part)."""
    seed, inside, company, has_postgres = share
    report = Report("kills", seed)
    rates: dict[str, float] = {}
    with ExitStack() as stack:
        stack.enter_context(silent())
        server = stack.enter_context(_postgres()) if has_postgres and binaries() else ""
        for name, kill, wanted in (("inside", _inside, inside), ("SIGKILL", _company, company)):
            began = time.monotonic()
            kill(seed, wanted, report, server)
            rates[name] = round(
                report.counts[f"kills {name}" if name == "inside" else "kills by SIGKILL"]
                / max(time.monotonic() - began, 0.001),
                2,
            )
    report.figures["kills a second"] = rates
    return report


def _inside(seed: int, wanted: int, report: Report, server: str) -> None:
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="tieline-kills-", dir=memory if memory.is_dir() else None))
    try:
        prepared = prepare(folder / "worker")
        with simulated_processes() as system:
            for number in count(seed):
                if report.counts["kills inside"] >= wanted:
                    break
                with _database(server, number, POSTGRES_SHARE[0], report) as url:
                    play(prepared, number, report, system, url or new_database(prepared, folder / "world.sqlite"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _company(seed: int, wanted: int, report: Report, server: str) -> None:
    zygote = Zygote()
    try:
        undisturbed = control(zygote, sqlite)
        for number in count(seed):
            if report.counts["kills by SIGKILL"] >= wanted:
                break
            with _database(server, number, POSTGRES_SHARE[1], report) as url:
                place: Database = sqlite if not url else lambda _, url=url: url  # type: ignore[misc]
                with founded(zygote, place) as company:
                    tell(company, number, undisturbed, report, is_short=wanted <= SHORT_COMPANY)
    finally:
        zygote.close()


@contextmanager
def _database(server: str, number: int, share: float, report: Report) -> Iterator[str]:
    """A PostgreSQL database of a world's own, for a share of the worlds; empty for the others."""
    if not server or random.Random(number).random() > share:
        yield ""
        return
    name = f"world_{number}"
    url = create_database(server, name, "tieline_template")
    report.count("worlds on PostgreSQL")
    try:
        yield url
    finally:
        drop_database(server, name)


@contextmanager
def _postgres() -> Iterator[str]:
    with running_postgres() as server:
        with Store.open(create_database(server, "tieline_template")) as store:
            store.migrate()
        yield server
