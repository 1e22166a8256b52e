"""`baseline`: what was there on the first day and does not speak; and letting it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sync.cli.cycle import opened
from sync.cli.findings_text import subject_text
from sync.cli.show import say, say_json, say_table
from sync.core.baseline import BaselinePair
from sync.core.errors import COMMAND_LINE, ConfigError, Problem
from sync.core.values import Language, ends_of
from sync.core.view import View
from sync.mapping.validation import nearest

SHAPE = ("key", "is_late", "is_over", "planned", "expected", "due", "awaited", "is_open_ended")


def show_baseline(config: Path, as_json: bool) -> None:
    """The first day and its pairs, late ones first."""
    with opened(config) as app:
        day, pairs = app.store.baseline()
        view, language = app.engine.view(), app.loaded.config.language
    ordered = sorted(pairs, key=lambda pair: (not pair.is_late, pair.is_over, pair.key))
    if as_json:
        say_json({"day": day, "pairs": [_shape(pair) for pair in ordered]})
        return
    if day is None:
        say("No stock was taken yet: `adoption.page` in tieline.yaml asks for it; see docs/adoption.md.")
        return
    late = [pair for pair in ordered if pair.is_late]
    rows = [(_words(pair, view, language), pair.planned, _state(pair), pair.key) for pair in late]
    say_table(f"Late on {day.astimezone(view.at.tzinfo):%Y-%m-%d}, silent until there is news", COLUMNS, rows)
    say(f"{len(late)} were late; {len(ordered) - len(late)} were not and are silent until they are.")


COLUMNS = ("dependency", "planned", "late by", "key")


def clear_baseline(config: Path, keys: Sequence[str], is_all: bool) -> None:
    """Let pairs speak as if they were new. Raises ConfigError for a key that is not silent."""
    with opened(config) as app:
        known = [pair.key for pair in app.store.baseline()[1]]
        problems = [
            Problem(
                COMMAND_LINE,
                0,
                key,
                "no pair of the first day",
                nearest(key, known) or "`tieline baseline` lists the keys",
            )
            for key in keys
            if key not in known
        ]
        if problems:
            raise ConfigError(problems)
        count = app.store.let_speak(None if is_all else keys)
    say(f"{count} may speak; `tieline plan` shows what the next run writes.")


def _shape(pair: BaselinePair) -> dict[str, object]:
    shape = {name: getattr(pair, name) for name in SHAPE}
    return {**shape, "slip_days": pair.slip_days if pair.is_late and not pair.is_open_ended else None}


def _state(pair: BaselinePair) -> str:
    if pair.is_over:
        return "over since"
    return "no new date" if pair.is_open_ended else f"{pair.slip_days} working days"


def _words(pair: BaselinePair, view: View, language: Language) -> str:
    return " → ".join(subject_text(view, end, language) for end in ends_of(pair.key))
