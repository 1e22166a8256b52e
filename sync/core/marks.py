"""Our mark as the last line of a text that people read, where a tool lets a text carry nothing else. Pure.

``[tieline:demo:0123456789abcdef 0a1b2c3d4e5f]``: the mark, the digest of what we meant to say and, where it differs, of what then stood.
"""

from __future__ import annotations

import re

from msgspec import Struct

MARK_LINE = re.compile(r"\[(tieline:[^\s\[\]]+:[0-9a-f]{16})(?: ([0-9a-f]{12})(?:\.([0-9a-f]{12}))?)?\]")


class Kept(Struct, frozen=True):
    """What our mark remembers of our last write: ``block`` of the text we meant, and the digest of it ``as_stored``, which differs
    where the tool spells it its own way (a person by their user name).
    """

    block: str
    as_stored: str


def mark_line(mark: str, kept: Kept) -> str:
    """The line as it is written."""
    digests = kept.block if kept.block == kept.as_stored else f"{kept.block}.{kept.as_stored}"
    return f"[{mark} {digests}]"


def is_mark_line(line: str) -> bool:
    """Whether a line is a mark's and nothing else."""
    return MARK_LINE.fullmatch(line.strip()) is not None


def mark_from(text: str) -> str:
    """The mark that a text of ours ends with; also where somebody wrote below it. Empty when no line is one."""
    match = _last(text)
    return match[1] if match else ""


def kept_from(text: str) -> Kept | None:
    """What the mark line remembers of our last write; None for a line from before digests were kept."""
    match = _last(text)
    return Kept(match[2], match[3] or match[2]) if match and match[2] else None


def _last(text: str) -> re.Match[str] | None:
    matches = (MARK_LINE.fullmatch(line.strip()) for line in reversed(text.splitlines()))
    return next((match for match in matches if match), None)
