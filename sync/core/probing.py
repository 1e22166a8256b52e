"""What ``doctor`` tried, as a probe."""

from __future__ import annotations

from collections.abc import Callable

from sync.core.errors import TielineError
from sync.core.ports import Probe


def tried(operation: str, cure: str, attempt: Callable[[], object]) -> Probe:
    """What came of an attempt: the words that it returns, or the error with what to change. Raises only what is no TielineError."""
    try:
        said = attempt()
    except TielineError as error:
        return Probe(operation, is_ok=False, detail=str(error), cure=cure)
    return Probe(operation, is_ok=True, detail=said if isinstance(said, str) else "")
