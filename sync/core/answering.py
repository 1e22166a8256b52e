"""What the buttons under our messages answer: short names of findings and dependencies, within the 64 characters that vendors allow."""

from __future__ import annotations

import hashlib

ACKNOWLEDGE, DENY = "ack:", "not_dep:"
_SHOWN = 32


def acknowledgement(finding: str) -> str:
    """The action by which somebody takes on the finding of this key."""
    return ACKNOWLEDGE + short_name(finding)


def denial(dependency: str) -> str:
    """The action by which somebody says that this (a dependency's key) is no dependency."""
    return DENY + short_name(dependency)


def short_name(key: str) -> str:
    """How a button names a key."""
    return hashlib.sha256(key.encode()).hexdigest()[:_SHOWN]
