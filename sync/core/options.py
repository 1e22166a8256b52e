"""What a connector's own settings in tieline.yaml must be, so that `tieline check` names a wrong one with its line. Pure."""

from __future__ import annotations

import math
from typing import Any, Literal

OptionKind = Literal["text", "number", "flag", "names", "own"]
"""``number``: from 0 on. ``flag``: true or false. ``names``: a list of texts. ``own``: the connector checks it itself."""

_CURES: dict[OptionKind, str] = {
    "text": "write one text",
    "number": "write a number from 0 on",
    "flag": "write true or false",
    "names": "write a list, such as [a, b]",
    "own": "",
}


def option_problem(kind: OptionKind, value: Any) -> tuple[str, str] | None:
    """What is wrong with the value, and the cure; None when nothing is."""
    is_right = {
        "text": isinstance(value, str | int | float) and not isinstance(value, bool),
        "number": _is_number(value),
        "flag": isinstance(value, bool),
        "names": isinstance(value, list | tuple) and all(isinstance(item, str | int) for item in value),
        "own": True,
    }[kind]
    return None if is_right else (f"{repr(value)[:60]} will not do", _CURES[kind])


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and value >= 0
