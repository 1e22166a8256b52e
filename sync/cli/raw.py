"""`raw export` and `raw import`: the records as vendors gave them, for support, or to try a mapping on a sample."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sync.cli.cycle import opened
from sync.cli.show import counts_text, say
from sync.core.errors import ConfigError, Nonsense, Problem
from sync.store.raw import raw_from_line
from sync.turn import turn


def export_raw(config: Path, file: Path, connection: str) -> None:
    """Write the records, one JSON object a line. Restricted records are left out: a file has readers nobody knows."""
    with opened(config) as app:
        if connection:
            app.check_names([connection])
        count = left_out = 0
        try:
            with file.open("w", encoding="utf-8") as lines:
                for line in app.store.raw_lines(connection or None):
                    if raw_from_line(line)[0].visibility != "open":
                        left_out += 1
                        continue
                    lines.write(line + "\n")
                    count += 1
        except OSError as error:
            raise ConfigError([Problem(str(file), 0, "-", f"cannot be written: {error.strerror}")]) from error
    say(f"{count} records written to {file}; {left_out} restricted records were left out")


def import_raw(config: Path, file: Path) -> int:
    """Keep the records of a file and map them; a line that is no record is named and nothing is imported."""
    with opened(config) as app:
        try:
            with file.open(encoding="utf-8") as lines, app.store.transaction():
                saved = app.store.import_raw(_checked(lines, str(file)))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError([Problem(str(file), 0, "-", f"cannot be read: {error}")]) from error
        with turn(app.store):
            skipped = app.deriver.derive_all()
            app.deriver.link()
    say(f"{len(saved)} records are new or changed, {saved.unchanged} were known")
    if skipped:
        say(f"skipped: {counts_text(skipped)}")
    return 0


def _checked(lines: Iterator[str], file: str) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                raw_from_line(line)
            except Nonsense as error:
                raise ConfigError(
                    [Problem(file, number, "-", "not a line of a raw export", str(error)[:120])]
                ) from error
        yield line
