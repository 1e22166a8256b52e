"""`raw export` and `raw import`: the records as vendors gave them, for support, or to try a mapping on a sample."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from sync.app import App
from sync.cli.cycle import opened
from sync.cli.show import counts_text, say
from sync.core.errors import ConfigError, Nonsense, Problem
from sync.core.values import Link, Mention, RawRecord, Ref
from sync.derive import MAPPED_KINDS
from sync.store.entries import Gone
from sync.store.raw import raw_from_line
from sync.turn import turn

SHORTEST_TITLE = 4  # a shorter one stands in too many texts by chance
_INTERNAL = re.compile(rb'"jsdPublic"\s*:\s*false')

WRITTEN_BY = "`tieline raw export` writes such files"


def export_raw(config: Path, file: Path, connection: str) -> None:
    """Write the records, one JSON object a line. A file has readers nobody knows: what is restricted or hidden is left out, and so is
    every record into which a vendor wrote something of it, as of the other end of a link. Where anything is left out no history
    is written at all: it quotes titles of the past, which nobody can tell any more from others.
    """
    with opened(config) as app:
        if connection:
            app.check_names([connection])
        discretion = Discretion(app)
        count = left_out = 0
        try:
            with file.open("w", encoding="utf-8") as lines:
                for line in app.store.raw_lines(connection or None):
                    if not discretion.may_leave(*raw_from_line(line)):
                        left_out += 1
                        continue
                    lines.write(line + "\n")
                    count += 1
        except OSError as error:
            raise ConfigError([Problem(str(file), 0, "-", f"cannot be written: {error.strerror}")]) from error
    say(f"{count} records written to {file}; {left_out} that are restricted, or quote what is, were left out")


class Discretion:
    """Knows which raw records may leave the house: a first look over all of them finds what is restricted or hidden from us. What people
    wrote on an open record themselves is its own; what a vendor wrote into it of a linked one is not.
    """

    def __init__(self, app: App) -> None:
        self._record_of = app.deriver.record_of
        self._closed: set[str] = set()
        self._names: set[str] = set()
        self._titles: set[bytes] = set()
        self._ours = {
            Ref.of(item.target.connection, "document", item.written.id)
            for item in app.store.published().values()
            if item.kind == "page"
        }
        for line in app.store.raw_lines():
            raw, gone = raw_from_line(line)
            if is_closed(raw, gone):
                self._closed.add(raw.ref)
                record = self._record_of(raw) if raw.ref.kind in MAPPED_KINDS else None
                self._names.update((raw.ref.key, *record.aliases) if record else ())
                if record and len(record.title) >= SHORTEST_TITLE:
                    self._titles |= {
                        json.dumps(record.title, ensure_ascii=each)[1:-1].encode() for each in (True, False)
                    }

    def may_leave(self, raw: RawRecord, gone: Gone | None) -> bool:
        """Whether it is open itself and nothing in it is of what is not."""
        if is_closed(raw, gone) or _INTERNAL.search(raw.payload):
            return False
        if self._closed and (raw.ref.kind not in MAPPED_KINDS or raw.ref in self._ours):
            return False
        record = self._record_of(raw)
        if record and (any(map(self._links_to_closed, record.links)) or any(map(self._calls_closed, record.mentions))):
            return False
        return not any(title in raw.payload for title in self._titles)

    def _links_to_closed(self, link: Link) -> bool:
        """A vendor's own link, which shows the other end's key and title."""
        return link.other_key in self._names or link.other_id in self._names

    def _calls_closed(self, mention: Mention) -> bool:
        """An address of it with a name beside it: what it was called when that was attached, by a person or by us."""
        end = mention.text.rstrip("/").rpartition("/")[2]
        return mention.where == "attachment" and mention.title not in ("", mention.text) and end in self._names


def is_closed(record: RawRecord, gone: Gone | None) -> bool:
    """Whether not everybody may read it, as far as we know: it is restricted, or we see it no more and nobody says why."""
    return record.visibility != "open" or (gone is not None and gone.reason == "hidden")


def import_raw(config: Path, file: Path) -> int:
    """Keep the records of a file and map them; a line that is no record is named and nothing is imported."""
    with opened(config) as app:
        try:
            with file.open(encoding="utf-8") as lines, app.store.transaction():
                saved = app.store.import_raw(_checked(lines, str(file)))
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise ConfigError([Problem(str(file), 0, "-", f"cannot be read: {why}", WRITTEN_BY)]) from error
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
                raise ConfigError([Problem(file, number, "-", str(error)[:120], WRITTEN_BY)]) from error
        yield line
