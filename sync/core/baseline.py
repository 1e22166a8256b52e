"""How the dependencies between departments stood on the first day, and what counts as news since. Pure.

What was late already when Tieline came is told on one page. A pair of that day speaks again only when something happened to it:
the mere passing of time is no news.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from msgspec import Struct, field

JOB = "baseline"
"""The job that keeps the stock-taking page; it is switched on by ``adoption.page``."""


class BaselinePair(Struct, frozen=True):
    """One dependency (``key``) as it stood on the first day; late or not, it was no news then.

    ``planned`` is the successor's planned day, ``expected`` what the predecessor allowed, ``due`` the predecessor's due date,
    ``awaited`` the day of it that counts. ``slip_days`` are working days of the successor; where ``is_open_ended`` they grow with
    the clock and are never compared. ``is_over``: it was seen on plan, ended or gone since, so that the next delay is a new one.
    """

    key: str
    is_late: bool
    planned: date | None = None
    expected: date | None = None
    slip_days: int = 0
    is_open_ended: bool = False
    is_about_start: bool = True
    is_after_start: bool = False
    is_past_due: bool = False
    awaited: date | None = None
    due: date | None = None
    is_over: bool = False


class Baseline(Struct, frozen=True):
    """The pairs of the first day by key. ``day`` is None while it has not come yet: nothing is said before it."""

    day: date | None = None
    pairs: Mapping[str, BaselinePair] = field(default_factory=dict)

    @property
    def is_taken(self) -> bool:
        return self.day is not None


def is_news(now: BaselinePair, then: BaselinePair, min_slip_days: int) -> bool:
    """True when a pair that is late ``now`` should speak although it is of the first day.

    It was on time or over; or its predecessor got a later date; or it slipped by ``min_slip_days`` working days more. Where no date
    was known and none is known now, nothing happened however many days went by; a date that was promised and not kept did.
    """
    if not then.is_late or then.is_over:
        return True
    has_later_due = now.due is not None and then.due is not None and now.due > then.due
    if then.is_open_ended:
        return has_later_due or not now.is_open_ended
    grown = now.slip_days - then.slip_days
    return grown >= min_slip_days or (has_later_due and grown > 0)
