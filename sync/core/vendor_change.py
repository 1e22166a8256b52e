"""One change of one field, as a tool's own history tells it."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class VendorChange(Struct, frozen=True, gc=False):
    """In the vendor's words: ``item`` is the changed item's stable id, ``field`` as mappings name its root (``status``, ``list``), ``by``
    the account's id (empty: not told), ``at`` aware UTC.
    """

    item: str
    field: str
    before: str
    after: str
    at: datetime
    by: str = ""
