"""What the buttons under our messages answer: short names of findings and dependencies, within the 64 characters that vendors allow."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from msgspec import Struct

from sync.core.escalation import Reason
from sync.core.values import Ref

ACKNOWLEDGE, DECLINE, PROMISE, DENY = "ack:", "decline:", "promise:", "not_dep:"
CONFIRM, SOLVE = "is_dep:", "solved:"
"""What no button says, but words do."""
REASONS: Mapping[str, Reason] = {
    "reason_resources:": "resources",
    "reason_goal:": "goal",
    "reason_conflict:": "conflict",
}
ABOUT_FINDINGS = (ACKNOWLEDGE, DECLINE, PROMISE, *REASONS)
_SHOWN = 32


class Speaker(Struct, frozen=True):
    """Whoever answers: who they are as far as that is known, how they are called, and the zone in which they say dates."""

    person: Ref | None
    name: str
    zone: str = "Asia/Shanghai"


def acknowledgement(finding: str) -> str:
    """The action by which somebody takes on the finding of this key."""
    return ACKNOWLEDGE + short_name(finding)


def refusal(finding: str) -> str:
    """The action by which somebody says that they cannot do anything about the finding of this key now."""
    return DECLINE + short_name(finding)


def promise(finding: str) -> str:
    """The action by which somebody is about to promise a new date for the finding of this key: they type it next."""
    return PROMISE + short_name(finding)


def statement(finding: str, reason: Reason) -> str:
    """The action by which somebody says why the finding of this key is so."""
    return next(word for word, meant in REASONS.items() if meant == reason) + short_name(finding)


def denial(dependency: str) -> str:
    """The action by which somebody says that this (a dependency's key) is no dependency."""
    return DENY + short_name(dependency)


def word_of(action: str) -> tuple[str, str]:
    """An action's word, with its colon, and the short name behind it; empty for an action that is none of these."""
    word, colon, name = action.partition(":")
    return (word + colon, name) if word + colon in (*ABOUT_FINDINGS, DENY) else ("", "")


def short_name(key: str) -> str:
    """How a button names a key."""
    return hashlib.sha256(key.encode()).hexdigest()[:_SHOWN]
