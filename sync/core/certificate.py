"""The proof that a run read everything. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct


class Certificate(Struct, frozen=True):
    """The proof of one stream of one scope: counted there, stored here, and the difference by name.

    ``skipped`` counts stored records that could not be mapped, by reason. ``is_complete`` only when nothing is unexplained. ``at`` is
    when ids were counted; ``settled_at`` the instant (the vendor's) up to which every edit is proven to be here: it lies hours
    behind where the vendor's index may lag.

    The one of a whole connection also tells when its last reading began (``read_at``), and since which reading none ended in a complete
    certificate (``failing_since``; None: the last did), and the exit code of what ended it when it is not complete (``exit_code``).
    """

    connection: str
    scope: str
    stream: str
    counted: int
    stored: int
    skipped: Mapping[str, int]
    unproven: int
    is_complete: bool
    reason: str
    at: datetime
    settled_at: datetime | None = None
    read_at: datetime | None = None
    failing_since: datetime | None = None
    exit_code: int = 0
