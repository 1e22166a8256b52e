"""The oracle's way back: how late each task may be before a target is missed (S18, S19), from docs/scheduling.md alone."""

from __future__ import annotations

from typing import NamedTuple

from campaigns.schedules_halves import afternoon, day_of, has_started, sane, wanted_due, wanted_start
from campaigns.schedules_network import Edge, bound_from
from campaigns.schedules_oracle import Oracle
from sync.core.values import Ref


class Late(NamedTuple):
    """The latest halves at which a task may start and end; none where nothing limits it."""

    first: int | None
    last: int | None


def late_halves(oracle: Oracle) -> dict[Ref, Late]:
    """Every task's."""
    known: dict[Ref, Late] = {}
    for ref in oracle.net.tasks:
        _late(oracle, ref, known)
    return known


def slack_days(oracle: Oracle, ref: Ref, late: Late) -> int | None:
    """S19."""
    told, worked = oracle.told(ref), oracle.net.worked[ref]
    days = []
    if told.last is not None and late.last is not None:
        days.append(worked.workdays(day_of(told.last), day_of(late.last)))
    if told.first is not None and late.first is not None and not has_started(oracle.net.tasks[ref]):
        days.append(worked.workdays(day_of(told.first), day_of(late.first)))
    return min(days, default=None)


def target_half(oracle: Oracle, ref: Ref) -> int | None:
    """By when a target is to be reached; none for what is no target."""
    task = oracle.net.tasks[ref]
    due = wanted_due(task)
    if not oracle.net.is_live(ref):
        return None
    if task.kind == "milestone":
        due = due or wanted_start(task)
    elif sane(task.must_finish) is None and oracle.net.outgoing.get(ref):
        return None
    return None if due is None else afternoon(due)


def _late(oracle: Oracle, ref: Ref, known: dict[Ref, Late]) -> Late:
    if ref not in known:
        if not oracle.net.is_live(ref):
            known[ref] = Late(None, None)
        else:
            by_last, by_first = _limits(oracle, ref, known)
            known[ref] = _from_limits(oracle, ref, by_last, by_first)
    return known[ref]


def _limits(oracle: Oracle, ref: Ref, known: dict[Ref, Late]) -> tuple[list[int], list[int]]:
    """What successors (and the parent) say of its last half and of its first."""
    by_last: list[int] = []
    by_first: list[int] = []
    for edge in oracle.net.outgoing.get(ref, ()):
        after = _late(oracle, edge.successor, known)
        limit = after.first if edge.is_to_start else after.last
        if limit is not None:
            (by_first if edge.is_from_start else by_last).append(_latest_within(oracle, edge, limit))
    return by_last, by_first


def _from_limits(oracle: Oracle, ref: Ref, by_last: list[int], by_first: list[int]) -> Late:
    target = target_half(oracle, ref)
    if target is not None:
        by_last = [*by_last, target]
    if oracle.net.is_milestone(ref):
        half = min([*by_last, *by_first], default=None)
        return Late(half, half)
    last = min(by_last, default=None)
    if has_started(oracle.net.tasks[ref]):
        return Late(None, last)
    if last is not None and not oracle.net.has_its_childrens_work(ref):
        worked = oracle.net.worked[ref]
        by_first = [*by_first, worked.step(worked.at_or_before(last), 1 - oracle.net.plans[ref].takes)]
    planned = oracle.net.plans[ref].first
    if sane(oracle.net.tasks[ref].must_start) is not None and planned is not None:
        by_first = [*by_first, planned]
    return Late(min(by_first, default=None), last)


def _latest_within(oracle: Oracle, edge: Edge, limit: int) -> int:
    """The latest half of the predecessor from which the bound is not after the limit: a later half never gives an earlier bound."""
    half = limit
    while bound_from(oracle.net, edge, half) > limit:
        half -= 1
    while bound_from(oracle.net, edge, half + 1) <= limit:
        half += 1
    return half
