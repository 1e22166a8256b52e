"""What mapping could not make sense of in one record. Findings are made of it; the record's other values stand."""

from __future__ import annotations

from msgspec import Struct

from sync.core.values import Ref


class MappingProblem(Struct, frozen=True):
    """One thing in one record: its kind (unmapped_status, bad_value, unmapped_link, self_link), the field, what stood there, and
    the mapping line that read it.
    """

    record: Ref
    kind: str
    text: str
    field: str = ""
    value: str = ""
    file: str = ""
    line: int = 0
