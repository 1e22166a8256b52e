"""Every error, named by what to do next. The class docstring is the default message; data travels as attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from inspect import cleandoc
from typing import Literal

from sync.core.secrets import redact_pieces

Scope = Literal["host", "endpoint", "item", "quota"]
"""How far a pause reaches that a vendor asks for: all that this account asks of the host, one endpoint, the writes on one item, or
everything of that host for everybody who shares the quota."""


class TielineError(Exception):
    """Something went wrong inside Tieline."""

    exit_code = 70

    def __init__(self, message: str = "", **data: object) -> None:
        self.data = data
        # Vendors repeat what they were sent, and a sentence may be cut anywhere: masked here, no log, listing or row can tell it.
        super().__init__(redact_pieces(message) if message else cleandoc(type(self).__doc__ or ""))


@dataclass(frozen=True)
class Problem:
    """One mistake in a file an admin edits: where it stands, what it says, and how to mend it. ``line`` counts from 1."""

    file: str
    line: int
    path: str
    text: str
    hint: str = ""


COMMAND_LINE = "command line"  # the file of a problem with an argument or an option
EMPTY = "''"


class ConfigError(TielineError):
    """The configuration cannot be used as it stands."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self._lines()))

    def _lines(self) -> list[str]:
        lines: list[str] = []
        for file in dict.fromkeys(problem.file for problem in self.problems):
            here = sorted((problem for problem in self.problems if problem.file == file), key=lambda item: item.line)
            lines.append(f"{file}: {len(here)} problem{'s' if len(here) > 1 else ''}")
            width = max(len(problem.path or EMPTY) for problem in here)
            column = 9 if any(map(_place, here)) else 0
            for problem in here:
                hint = f"; {problem.hint}" if problem.hint else ""
                lines.append(f"  {_place(problem):<{column}}{problem.path or EMPTY:<{width}}  {problem.text}{hint}")
        return lines


def _place(problem: Problem) -> str:
    """What has no line concerns the file as a whole (``-``), or stands in no file: an argument, a variable of the environment."""
    if problem.line:
        return f"line {problem.line}"
    return "file" if problem.path == "-" else ""


class TryLater(TielineError):
    """The vendor cannot answer now; the same request may succeed later."""

    # ``reason``: rate_limited (nothing was done; ``scope`` tells how far it reaches), call_budget (nothing was sent), server, ….
    exit_code = 3

    def __init__(
        self, message: str = "", retry_after: timedelta | None = None, reason: str = "", scope: Scope = "host"
    ) -> None:
        self.retry_after = retry_after
        self.reason = reason
        self.scope = scope
        super().__init__(message)


class Unreachable(TryLater):
    """No connection to the vendor could be made, so nothing was sent."""


class LostAnswer(TryLater):
    """The request was sent and no answer came: whether the vendor acted on it is not known; look before writing again."""


class AccessDenied(TielineError):
    """The credentials are refused, or lack a permission that this operation needs."""

    exit_code = 5


class NotFound(TielineError):
    """The item does not exist, or the account may not see it; vendors do not tell which."""

    exit_code = 5


class Conflict(TielineError):
    """Somebody changed the item since it was read."""

    exit_code = 5

    def __init__(self, message: str = "", expected: str = "", found: str = "") -> None:
        self.expected = redact_pieces(expected)
        self.found = redact_pieces(found)
        super().__init__(message)


class Refused(TielineError):
    """The vendor understood the request and refuses it; sending it again will not help."""

    exit_code = 5

    def __init__(self, message: str = "", status: int = 0, vendor_code: str = "", vendor_message: str = "") -> None:
        self.status = status
        self.vendor_code = redact_pieces(vendor_code)
        self.vendor_message = redact_pieces(vendor_message)
        super().__init__(message or f"refused with {status} {vendor_code}: {vendor_message}".replace("  ", " "))


class Nonsense(TielineError):
    """The answer is not what the vendor's API promises (a login page, half a body, another shape)."""

    exit_code = 3

    def __init__(self, message: str = "", expected: str = "", sample: object = None, found: str = "") -> None:
        """``sample`` is what came, of which only the kind, size and field names are told: it may be a restricted record, and everybody
        reads logs and findings. ``found`` are words of our own."""
        self.expected = redact_pieces(expected)
        self.found = redact_pieces(found or kind_of_answer(sample))
        super().__init__(message or f"expected {expected}, got {self.found}")


_FIELD = re.compile(r'"([A-Za-z_][A-Za-z0-9_.-]{0,40})"\s*:')
MOST_FIELDS = 12


def kind_of_answer(answer: object) -> str:
    """What sort of thing an answer is, in words that quote nothing of it but names of fields."""
    if isinstance(answer, bytes):
        answer = answer.decode(errors="replace")
    if isinstance(answer, Mapping):
        return _with_fields(
            "an object", [str(name) for name in answer if re.fullmatch(r"[A-Za-z_][\w.-]{0,40}", str(name))]
        )
    if not isinstance(answer, str):
        return "nothing" if answer is None else f"a {type(answer).__name__}"
    text = answer.strip("\ufeff\x00 \t\r\n")
    if not text:
        return "an empty body"
    if text[0] == "<":
        is_page = re.match(r"<!doctype|<html|<head|<body", text, re.IGNORECASE)
        return "an HTML page, such as a login page in front of the site" if is_page else "markup"
    if text[0] in "{[":
        return _with_fields("JSON", _FIELD.findall(text))
    return f"{len(text)} characters that are no JSON"


def _with_fields(kind: str, names: Sequence[str]) -> str:
    return f"{kind} with {', '.join(dict.fromkeys(names[:MOST_FIELDS]))}" if names else kind


class RecordError(TielineError):
    """One record cannot be read by its mapping; it is skipped, counted and shown, and the others go on."""

    exit_code = 5

    def __init__(self, message: str, ref: str, field: str = "", line: int = 0) -> None:
        self.ref = ref
        self.field = field
        self.line = line
        super().__init__(message)


class CannotExpress(TielineError):
    """This vendor has no way to say what was asked; nothing is dropped in silence."""

    exit_code = 5


class UnsafePlan(TielineError):
    """The plan would change more than the limits allow, so nothing was written."""

    exit_code = 4

    def __init__(self, message: str, counts: Mapping[str, int], limit: str) -> None:
        self.counts = dict(counts)
        self.limit = limit
        super().__init__(f"{message} ({limit})")


class StoreUnavailable(TielineError):
    """The database cannot be used (missing, locked, damaged, full); nothing was lost, the next run goes on from the last commit."""

    exit_code = 70
