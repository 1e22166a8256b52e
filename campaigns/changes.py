"""The campaign of vendor-side changes: whatever happens out there, at every quiet point the store equals the truth, and no
certificate was ever green that should not have been.

The short form plays one small company; the long form shares 1,000,000 changes and 2,000 quiet points over 20,000 items among
processes, each with a company of its own.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import random
import tempfile
import time
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from campaigns.changes_company import Clock, Company, founded
from campaigns.changes_confluence import ConfluenceDesk
from campaigns.changes_jira import JiraDesk
from campaigns.changes_play import Pace, Play
from campaigns.changes_sabotage import SABOTAGES as SABOTAGES
from campaigns.changes_trello import TrelloDesk
from campaigns.report import Report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from campaigns.changes_check import Desk

ITEMS = {"jira-cloud": 0.42, "jira-dc": 0.31, "trello": 0.17, "confluence-dc": 0.07, "confluence-cloud": 0.03}
# Changes: in the long form most where the product reads many items with one request, in the short form where no deep read heals.
MANY = {"jira-cloud": 46, "jira-dc": 33, "trello": 13, "confluence-dc": 6, "confluence-cloud": 2}
FEW = {"jira-cloud": 30, "jira-dc": 25, "trello": 27, "confluence-dc": 9, "confluence-cloud": 9}
MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Size:
    """How much one process plays."""

    items: int
    quiet_points: int
    changes: int
    boards: int
    page_size: int
    dirty_runs: float
    dirty_share: float
    shares: Mapping[str, float]
    reread_hours: Mapping[str, int]


SHORT = Size(
    260,
    quiet_points=8,
    changes=2_400,
    boards=3,
    page_size=40,
    dirty_runs=2.0,
    dirty_share=0.9,
    shares=FEW,
    reread_hours={},
)
# Reading every page anew is what costs most in Confluence, so its admin has it done every few days only.
REREAD = {"confluence-cloud": 120, "confluence-dc": 48}
LONG = Size(
    22_500,
    quiet_points=2_000,
    changes=1_000_000,
    boards=5,
    page_size=400,
    dirty_runs=1.0,
    dirty_share=0.6,
    shares=MANY,
    reread_hours=REREAD,
)
SMALLEST_PART = 20


def run(*, seed: int, scale: float, workers: int) -> Report:
    """Play the campaign. Scale 0 is the short form, 1.0 the long one: changes and quiet points are shared among the workers, each
    of whom has as many items as the scale says."""
    report = Report("changes", seed)
    if not scale:
        play(seed, SHORT, report)
        return report
    share = scale / workers
    size = replace(
        LONG,
        items=max(1_000, round(LONG.items * min(1.0, scale * 4))),
        quiet_points=max(SMALLEST_PART, round(LONG.quiet_points * share)),
        changes=round(LONG.changes * share),
    )
    jobs = [(seed * 1000 + number, size) for number in range(workers)]
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for part in pool.starmap(_part, jobs):
            report.merge(part)
    report.figures["companies"] = workers
    return report


def _part(seed: int, size: Size) -> Report:
    report = Report("changes", seed)
    play(seed, size, report)
    return report


def play(seed: int, size: Size, report: Report) -> None:
    """One company's history."""
    gc.set_threshold(50_000, 20, 50)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with staffed(seed, size) as (company, desks):
        scene = Play(company, desks, seed, report)
        scene.begin()
        gc.collect()
        gc.freeze()  # the sites' own objects live as long as the company: looking through them again and again took half of the time
        report.figures[f"items that are there [{seed}]"] = sum(desk.book.count_there() for desk in desks.values())
        began, changes = time.monotonic(), report.counts["changes"]
        for number in range(size.quiet_points):
            left = size.changes - (report.counts["changes"] - changes)
            runs = int(size.dirty_runs + scene.chance.random() * 0.5 + 0.25)
            changes = max(1, left // (size.quiet_points - number))
            scene.round(Pace(changes, size.shares, runs, size.dirty_share))
        assert scene.judge
        report.count("rows of the store compared", scene.judge.compared)
        report.count("payloads decoded and compared fact by fact", scene.judge.decoded)
        report.figures[f"items that are there at the end [{seed}]"] = sum(
            desk.book.count_there() for desk in desks.values()
        )
        report.figures[f"seconds a quiet point [{seed}]"] = round(
            (time.monotonic() - began) / max(1, size.quiet_points), 2
        )


@contextmanager
def staffed(seed: int, size: Size) -> Iterator[tuple[Company, Mapping[str, Any]]]:
    """A company whose sites hold their first items; the product is not started yet."""
    chance, clock = random.Random(seed), Clock()
    with (
        tempfile.TemporaryDirectory(prefix="changes-", dir=MEMORY if MEMORY.is_dir() else None) as folder,
        founded(Path(folder), clock, is_threaded=seed % 10 == 0) as company,
    ):
        desks = _desks(company, size, chance)
        # Histories are collected in a part of the companies: they cost much and prove nothing more.
        has_history = seed % 4 == 1
        for name in ("jira-cloud", "jira-dc"):
            desks[name].has_history = has_history
            desks[name].site.links_touch_updated = True
            company.options[name] = {"history": has_history}
        # Cloud's index may be 12 hours late; a server of our own by an hour, in every second company by 12, and its admin says so.
        own_h = 12.0 if seed % 2 == 0 else 1.0
        company.lag_h = {"jira-cloud": 12.0, "jira-dc": own_h, "confluence-dc": own_h}
        for name in ("jira-dc", "confluence-dc"):
            company.options.setdefault(name, {})["settle_hours"] = own_h
        for name, hours in size.reread_hours.items():
            company.options.setdefault(name, {})["reread_hours"] = hours
        company.options["jira-dc"]["page_size"] = size.page_size
        for name, share in ITEMS.items():
            desks[name].found(round(size.items * share))
        company.scopes = {name: desk.book.collected() for name, desk in desks.items()}
        yield company, desks


def _desks(company: Company, size: Size, chance: random.Random) -> dict[str, Any]:
    world = company.world
    boards = [(f"Board {number}", number < size.boards) for number in range(size.boards + 1)]
    desks: dict[str, Desk] = {
        "jira-cloud": JiraDesk(
            world.jira_cloud, "jira-cloud", [("JA", True), ("JB", True), ("JC", True), ("JX", False)], chance
        ),
        "jira-dc": JiraDesk(world.jira_dc, "jira-dc", [("DA", True), ("DB", True), ("DX", False)], chance),
        "trello": TrelloDesk(world.trello, boards, chance),
    }
    for name, simulator, spaces in (
        ("confluence-dc", world.confluence_dc, ("EA", "EB", "EX")),
        ("confluence-cloud", world.confluence_cloud, ("CA", "CB", "CX")),
    ):
        desks[name] = ConfluenceDesk(simulator, name, [(key, not key.endswith("X")) for key in spaces], chance)
    return desks
