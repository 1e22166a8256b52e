"""A plan in a file, for somebody to look at: written by `plan --out`, carried out by `apply --plan`.

The file only names writes: what is carried out is planned anew, and only what is planned in the very same bytes is written. A file
that somebody changed can make Tieline write less, never something else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sync.cli.show import json_text
from sync.core.errors import ConfigError, Problem
from sync.core.plan import Change, fingerprint

VERSION = 1
DRIFTED = "it is not planned in the same words and on the same state any more; `tieline plan` shows how it is"


def write_review(file: Path, installation: str, plan: Mapping[str, Any]) -> None:
    """The plan's shape in a file that only its owner may read. Raises ConfigError when it cannot be written."""
    text = json_text({"version": VERSION, "installation": installation, **plan})
    try:
        file.touch(mode=0o600)
        file.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError([Problem(str(file), 0, "-", f"cannot be written: {error.strerror}")]) from error


def read_review(file: Path, installation: str) -> dict[str, dict[str, Any]]:
    """The changes of a reviewed plan by their fingerprints. Raises ConfigError for a file that is no plan of this installation."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        is_plan = document["version"] == VERSION
        changes = {str(change["fingerprint"]): change for change in document["changes"]}
    except OSError as error:
        raise ConfigError([Problem(str(file), 0, "-", f"cannot be read: {error.strerror}")]) from error
    except (ValueError, TypeError, KeyError, RecursionError):
        is_plan, changes, document = False, {}, {}
    if not is_plan:
        hint = "`tieline plan --out FILE` writes one"
        raise ConfigError([Problem(str(file), 0, "-", "not a plan of this version of Tieline", hint)])
    if document.get("installation") != installation:
        text = f"a plan of the installation {document.get('installation')!r}, and this is {installation!r}"
        raise ConfigError([Problem(str(file), 0, "installation", text)])
    return changes


def drifted_since(reviewed: Mapping[str, dict[str, Any]], carried: tuple[Change, ...]) -> list[dict[str, Any]]:
    """The reviewed changes that are not planned in the same way any more."""
    now = {fingerprint(change) for change in carried}
    return [{**change, "error": DRIFTED} for key, change in reviewed.items() if key not in now]
