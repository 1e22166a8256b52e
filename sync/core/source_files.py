"""Files that a job was given."""

from __future__ import annotations

from msgspec import Struct


class SourceFile(Struct, frozen=True):
    """A file of a folder that a job was given (a SOP's Markdown or picture). ``path`` is relative, with slashes."""

    path: str
    content: bytes
