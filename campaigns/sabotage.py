"""Break the product on purpose, once in every way that a campaign names, and see whether that campaign's short form notices.

A break that is not noticed is a divergence: a campaign that cannot fail proves nothing.
"""

from __future__ import annotations

import importlib
import multiprocessing
from importlib.util import find_spec

from campaigns.report import Report

CAMPAIGNS = ("changes", "kills", "edits", "fuzz", "restricted", "schedules", "secrets", "escalations")
SABOTAGES: dict[str, object] = {}


def run(*, seed: int, scale: float, workers: int) -> Report:
    """Every named break of every campaign; each in a process of its own, so that none leaves anything behind. There is one form only."""
    del scale
    report = Report("sabotage", seed)
    jobs = [(campaign, name, seed) for campaign in CAMPAIGNS for name in names(campaign)]
    with multiprocessing.get_context("spawn").Pool(max(1, workers), maxtasksperchild=1) as pool:
        for campaign, name, found, first in pool.imap(attempt, jobs, chunksize=1):
            report.count("breaks tried")
            report.count("breaks caught", int(found > 0))
            report.figures[f"{campaign}: {name}"] = f"caught, {found} divergences" if found else "NOT CAUGHT"
            if not found:
                report.diverged(f"{campaign}: the break {name!r} was not noticed; seed {seed} {first}".rstrip())
    return report


def names(campaign: str) -> list[str]:
    """The breaks that a campaign names; none where there is no such campaign yet."""
    if find_spec(f"campaigns.{campaign}") is None:
        return []
    return list(getattr(importlib.import_module(f"campaigns.{campaign}"), "SABOTAGES", {}))


def attempt(job: tuple[str, str, int]) -> tuple[str, str, int, str]:
    """Run a campaign's short form under one break: (campaign, break, divergences, the first of them or what broke off)."""
    campaign, name, seed = job
    module = importlib.import_module(f"campaigns.{campaign}")
    try:
        with module.SABOTAGES[name]():
            found: list[str] = module.run(seed=seed, scale=0.0, workers=1).divergences
    except Exception as error:  # noqa: BLE001 - a campaign that breaks off has noticed nothing
        return campaign, name, 0, f"broke off: {type(error).__name__}: {error}"
    return campaign, name, len(found), found[0] if found else ""
