"""``jobs.escalations`` in tieline.yaml: the incident's two deadlines, and the ladders of ordinary delays. Pure.

The rules are in docs/escalation.md; the ladders themselves are climbed in sync/core/escalation.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated

from msgspec import Meta, Struct, field

from sync.core.escalation import PHASES, Ladder, Rung
from sync.core.values import Department, Severity
from sync.core.vocabulary import is_called

CRITICAL = Ladder(
    response=(
        Rung(0, ("owner",)),
        Rung(120, ("deputy",)),
        Rung(240, ("head",)),
        Rung(480, ("waiting_head", "coordination_group"), "room"),
    ),
    solution=(Rung(480, ("owner", "head")), Rung(1440, ("waiting_head", "coordination_group"), "room")),
)
WARNING = Ladder(
    response=(
        Rung(0, ("owner",)),
        Rung(480, ("deputy",)),
        Rung(960, ("head",)),
        Rung(1920, ("waiting_head", "coordination_group")),
    ),
    solution=(Rung(960, ("owner",)), Rung(1920, ("head",)), Rung(2880, ("waiting_head", "coordination_group"))),
)
INFO = Ladder(response=(Rung(0, ("owner",)), Rung(1440, ("deputy",)), Rung(2400, ("head",))))


class IncidentSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """An incident 突发, day and night: minutes until somebody must have answered, and until it must be solved, both from the opening.

    Raises ValueError where there would be less time to solve it than to answer.
    """

    respond_minutes: Annotated[int, Meta(ge=1)] = 30
    solve_minutes: Annotated[int, Meta(ge=1)] = 120

    def __post_init__(self) -> None:
        """An admin writes these."""
        if not 1 <= self.respond_minutes <= self.solve_minutes:
            raise ValueError(
                f"respond_minutes {self.respond_minutes} must lie between 1 and solve_minutes {self.solve_minutes}"
            )

    @property
    def ladder(self) -> Ladder:
        """Owner and on-call people meet in an emergency group at once; then deputy and head; then heads and coordination group."""
        return Ladder(
            clock="around_the_clock",
            response=(
                Rung(0, ("owner", "on_call"), "room"),
                Rung(self.respond_minutes, ("deputy", "head")),
            ),
            solution=(Rung(self.solve_minutes, ("head", "waiting_head", "coordination_group")),),
            solution_from="opened",
        )


class LaddersBySeverity(Struct, frozen=True, forbid_unknown_fields=True):
    """A ladder for each severity of an ordinary delay."""

    critical: Ladder = CRITICAL
    warning: Ladder = WARNING
    info: Ladder = INFO


class DepartmentLadders(Struct, frozen=True, forbid_unknown_fields=True):
    """What is different in one department; what is left out is as everywhere."""

    incident: IncidentSettings | None = None
    critical: Ladder | None = None
    warning: Ladder | None = None
    info: Ladder | None = None


class EscalationSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """``jobs.escalations``. ``departments`` are named by their key, name or English name; ``connection`` is the chat that people are told
    in. After ``declines_before_talk`` refusals and promises that went by, the coordination group hears that a talk would help (0: never).
    """

    connection: str = ""
    declines_before_talk: Annotated[int, Meta(ge=0)] = 3
    incident: IncidentSettings = IncidentSettings()
    ladders: LaddersBySeverity = LaddersBySeverity()
    departments: Mapping[str, DepartmentLadders] = field(default_factory=dict)

    @property
    def reaches(self) -> str:
        """What the connection must reach."""
        return "people"

    @property
    def fastest_minutes(self) -> int:
        """The shortest time between two rungs of any ladder: runs that come less often could not keep it."""
        return min(_gaps(self))


def ladder_for(
    settings: EscalationSettings, severity: Severity, department: Department | None, *, is_incident: bool
) -> Ladder:
    """The ladder of a finding: its department's own where that is written, else the one for all."""
    own = _own(settings, department)
    if is_incident:
        return (own.incident or settings.incident).ladder
    ladder: Ladder = getattr(own, severity) or getattr(settings.ladders, severity)
    return ladder


def _own(settings: EscalationSettings, department: Department | None) -> DepartmentLadders:
    if department is not None:
        for name, ladders in settings.departments.items():
            if is_called(department, name):
                return ladders
    return DepartmentLadders()


def _gaps(settings: EscalationSettings) -> Iterator[int]:
    everywhere, own = settings.ladders, tuple(settings.departments.values())
    incidents = (settings.incident, *(item.incident for item in own))
    ladders = [item.ladder for item in incidents if item]
    ladders += [everywhere.critical, everywhere.warning, everywhere.info]
    ladders += [ladder for item in own for ladder in (item.critical, item.warning, item.info) if ladder]
    for ladder in ladders:
        for phase in PHASES:
            minutes = [0, *(rung.after_minutes for rung in ladder.rungs(phase))]
            yield from (after - before for before, after in pairwise(minutes) if after > before)
