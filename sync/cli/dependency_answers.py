"""`reject` and `confirm`: what a person says about a dependency, which holds until a person says otherwise."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from sync.answers import say_of_dependency
from sync.cli.cycle import opened
from sync.cli.findings_text import subject_text
from sync.cli.show import say, say_json
from sync.core.errors import COMMAND_LINE, ConfigError, Problem
from sync.mapping.validation import nearest

WORDS = {"rejected": "is no dependency", "confirmed": "is a dependency"}


def answer_dependency(config: Path, key: str, answer: Literal["rejected", "confirmed"], by: str, as_json: bool) -> None:
    """Keep the answer and say what holds. Raises ConfigError for a key that is no dependency."""
    with opened(config) as app:
        view, language = app.engine.view(), app.loaded.config.language
        known = {item.key: item for item in view.dependencies}
        if key not in known:
            hint = nearest(key, known) or "`tieline dependencies --json` lists the keys"
            raise ConfigError([Problem(COMMAND_LINE, 0, key, "not the key of a dependency", hint)])
        said = say_of_dependency(app.store, key, answer, by or user_name(), datetime.now(UTC))
    if as_json:
        say_json({"key": said.key, "answer": said.answer, "by": said.by, "at": said.at})
        return
    ends = " → ".join(subject_text(view, ref, language) for ref in (known[key].predecessor, known[key].successor))
    say(f"{ends} {WORDS[answer]}, says {said.by} ({said.at.astimezone(view.at.tzinfo):%Y-%m-%d %H:%M}).")
    say("It holds from the next run on, until somebody says otherwise.")


def user_name() -> str:
    """Who runs this command, as far as the machine knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user has no name
        return COMMAND_LINE
