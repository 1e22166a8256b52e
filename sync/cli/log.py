"""How the command line speaks: JSON log lines for machines, sentences for people, secrets for nobody."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import structlog

from sync.cli.show import printable, without_live_characters
from sync.core.errors import TielineError
from sync.remote import redact


def set_up_logging(is_quiet: bool | None = None) -> None:
    """One JSON line per event on standard error; on a terminal only warnings, as the tables say the rest."""
    is_quiet = sys.stderr.isatty() if is_quiet is None else is_quiet
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(_line, ensure_ascii=False, default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING if is_quiet else logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _line(event: Any, **options: Any) -> str:
    # The whole line: a secret may stand in a list, in a mapping or in what an object says of itself.
    return without_live_characters(redact(json.dumps(event, **options)))


def say_error(error: TielineError) -> None:
    """The error as one sentence (or a list of problems) on standard error, without a traceback."""
    print(printable(error), file=sys.stderr)  # noqa: T201


def say_internal_error(error: Exception) -> None:
    """A mistake of ours: one sentence, and the whole story as a log line to be sent along with a report."""
    set_up_logging(is_quiet=False)
    structlog.get_logger().error("internal_error", exc_info=error)
    text = f"internal error: {type(error).__name__}: {error}. Nothing half-written was kept; please report the log line above."
    print(printable(text), file=sys.stderr)  # noqa: T201
