"""Who stands above whom: loops of parents taken out, and which parents' work is their children's (S15 to S17). Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sync.core.half_days import NONE
from sync.core.plans import Flags, Halves, Plans

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True)
class Parents:
    """``parent`` by task, -1 for none; ``is_summary`` where a task's own work is its children's."""

    parent: Halves
    is_summary: Flags

    def rollups(self, is_cancelled: Flags) -> Pairs:
        """Every child that is not cancelled, and its parent."""
        (children,) = np.nonzero((self.parent >= 0) & ~is_cancelled)
        return children, self.parent[children]

    def descendants(self) -> Pairs:
        """Every task below another, and that other: children first, then theirs."""
        (below,) = np.nonzero(self.parent >= 0)
        above = self.parent[below]
        belows, aboves = [below], [above]
        while len(below):
            above = self.parent[above]
            below, above = below[above >= 0], above[above >= 0]
            belows.append(below)
            aboves.append(above)
        return np.concatenate(belows), np.concatenate(aboves)


def parents_of(plans: Plans) -> Parents:
    """The parenthood of these tasks."""
    parent = _without_loops(plans.parent)
    is_summary = np.zeros(len(parent), dtype=np.bool_)
    (children,) = np.nonzero((parent >= 0) & ~plans.is_cancelled)
    while True:
        dated = children[plans.is_known[children] | is_summary[children]]
        fresh = is_summary.copy()
        fresh[parent[dated]] = True
        if (fresh == is_summary).all():
            return Parents(parent, is_summary & ~plans.is_milestone)
        is_summary = fresh


def _without_loops(parent: Halves) -> Halves:
    """The parents without those links that lead round in a circle."""
    if not (parent >= 0).any():
        return parent
    there = parent
    for _ in range(len(parent).bit_length() + 1):  # 2, 4, 8 … steps up: further than there are tasks
        there = np.where(there >= 0, there[there], NONE)
    looped = np.unique(there[there >= 0])
    kept = parent.copy()
    kept[looped] = NONE
    return kept
