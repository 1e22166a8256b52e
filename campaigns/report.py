"""What a campaign did and found: counted, written to ``var/campaign``, printed, and turned into an exit code."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

FOLDER = Path("var/campaign")
MOST_SHOWN = 20
Progress = Callable[[str], None]


@dataclass
class Report:
    """One campaign's figures. ``counts`` are what it tried, by kind; every entry of ``divergences`` is a broken promise, told so
    that it can be played again.
    """

    campaign: str
    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    divergences: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def count(self, what: str, number: int = 1) -> None:
        self.counts[what] += number

    def diverged(self, what: str) -> None:
        self.divergences.append(what)

    def merge(self, other: Report) -> None:
        """Take in the figures of a part that ran elsewhere."""
        self.counts.update(other.counts)
        self.divergences.extend(other.divergences)
        self.figures.update(other.figures)

    def shape(self) -> dict[str, Any]:
        return {
            "campaign": self.campaign,
            "seed": self.seed,
            "command": " ".join(["python -m campaigns", *sys.argv[1:]]),
            "seconds": round(time.monotonic() - self.started, 1),
            "counts": dict(sorted(self.counts.items())),
            "figures": self.figures,
            "divergences": len(self.divergences),
            "first_divergences": self.divergences[:MOST_SHOWN],
        }

    def save(self, folder: Path = FOLDER) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.campaign}.json"
        path.write_text(json.dumps(self.shape(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        return path

    def lines(self) -> list[str]:
        """The report as text."""
        shape = self.shape()
        lines = [f"{self.campaign}: seed {self.seed}, {shape['seconds']} s, divergences: {len(self.divergences)}"]
        lines += [f"  {name}: {number:,}" for name, number in shape["counts"].items()]
        lines += [f"  {name}: {value}" for name, value in self.figures.items()]
        return lines + [f"  DIVERGED {text}" for text in self.divergences[:MOST_SHOWN]]


@contextmanager
def silent() -> Iterator[None]:
    """The product's log lines would fill the terminal: thousands of writes and deaths, each with its warnings."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)
