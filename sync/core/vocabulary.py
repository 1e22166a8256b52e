"""The words that a site uses, read from it, and how words are compared. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from msgspec import Struct, field

from sync.core.values import Department


class FieldName(Struct, frozen=True):
    """A field as the vendor lists it: stable id, shown name and type word."""

    id: str
    name: str
    type: str = ""


class Vocabulary(Struct, frozen=True):
    """The words a site uses, read from it: checked against the mapping by ``doctor`` and at each collect.

    ``scopes`` maps each project key, board or space that is visible to its shown name.
    """

    fields: tuple[FieldName, ...] = ()
    statuses: tuple[str, ...] = ()
    link_types: tuple[FieldName, ...] = ()
    scopes: Mapping[str, str] = field(default_factory=dict)


def folded(word: str) -> str:
    """A word as it is compared: without regard to case, width or surrounding space."""
    return unicodedata.normalize("NFKC", word).strip().casefold()


def is_called(department: Department, text: str) -> bool:
    """Whether an admin's words are the department's key, name or English name."""
    wanted = folded(text)
    return wanted != "" and wanted in (
        folded(department.ref.key),
        folded(department.name),
        folded(department.english_name),
    )
