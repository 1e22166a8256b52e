"""Restricted records in random worlds: what not everybody may read is a canary, and is looked for wherever it may not stand.

A world has five sites. Records are restricted in every way that their vendors have (a security level, a private board, a closed page
or a closed page above it, an internal comment), become restricted, open or hidden between runs, and are renamed, late and finished.
After every run and every command all places of all sites, everything that was sent, printed, logged, measured and exported is searched.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import tempfile
import time
from pathlib import Path
from unittest import mock

from campaigns.report import Report
from campaigns.restricted_company import Wire, in_this_process, prepare
from campaigns.restricted_play import play
from campaigns.restricted_sabotage import SABOTAGES

WORLDS, SHORT_WORLDS = 1000, 6
# Every so many worlds one is told by a script, which brings about what chance would seldom do.
SCRIPTED, SHORT_SCRIPTED = 8, 3

__all__ = ["SABOTAGES", "run"]


def run(*, seed: int, scale: float, workers: int) -> Report:
    """A thousand worlds in the long form."""
    report = Report("restricted", seed)
    if scale <= 0:
        report.merge(work((seed, SHORT_WORLDS)))
        return report
    each = -(-round(WORLDS * scale) // workers)
    shares = [(seed + 1_000_000 * worker, each) for worker in range(workers)]
    if workers <= 1:
        parts = [work(shares[0])]
    else:
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            parts = pool.map(work, shares)
    for part in parts:
        report.merge(part)
    return report


@mock.patch.dict(os.environ)
def work(share: tuple[int, int]) -> Report:
    """One worker's worlds, one after the other: (the first one's seed, how many)."""
    seed, worlds = share
    scripted = SCRIPTED if worlds > 20 else SHORT_SCRIPTED
    report = Report("restricted", seed)
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="tieline-restricted-", dir=memory if memory.is_dir() else None))
    wire = Wire()
    began = time.process_time()
    disabled = logging.root.manager.disable
    try:
        logging.disable(logging.CRITICAL)
        prepare(folder)
        with in_this_process(wire):
            for number in range(seed, seed + worlds):
                play(folder, wire, number, report, is_scripted=number % scripted == 0)
    finally:
        logging.disable(disabled)
        shutil.rmtree(folder, ignore_errors=True)
    report.figures["processor seconds a world"] = round((time.process_time() - began) / max(1, worlds), 2)
    return report
