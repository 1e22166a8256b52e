"""The words that a site uses, read from it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field


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
