"""Hostile strings and documents through every outgoing format, hostile files and answers through every reader.

Every string goes through every format: storage format (Cloud and Data Center in turn), ADF, wiki markup, Trello's Markdown, our own
Markdown, the picture, the list of pages, tables, JSON and log lines. Each output is read by a parser that is not the product's, and what
it shows must be what the tree meant: same words, same links, mentions, lozenges, pictures and code, in the same blocks, and nothing else.
"""

from __future__ import annotations

import multiprocessing
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType

from campaigns import fuzz_adf, fuzz_commonmark, fuzz_markdown, fuzz_storage, fuzz_wiki
from campaigns.fuzz_corpus import Corpus
from campaigns.fuzz_incoming import check_incoming
from campaigns.fuzz_meaning import SURE, folded, meant
from campaigns.fuzz_requests import check_requests
from campaigns.fuzz_sabotage import SABOTAGES as SABOTAGES
from campaigns.fuzz_screen import LogLines, batches, check_list_of_pages, check_picture, check_terminal
from campaigns.report import Report
from sync.core.rich_text import Anchor, Paragraph, RichText

DIALECTS: tuple[ModuleType, ...] = (fuzz_storage, fuzz_adf, fuzz_wiki, fuzz_markdown, fuzz_commonmark)
SHARD = 2_000  # strings; a shard's seed is all that is needed to play it again
STRINGS, SHORT = 1_000_000, 4_000
REQUESTS = 10  # one string in so many goes through queries, paths, file names and link titles too
MOST_TOLD = 40


def run(*, seed: int, scale: float, workers: int) -> Report:
    """The campaign; ``scale`` 0 is the short form."""
    report = Report("fuzz", seed)
    strings = round(STRINGS * scale) if scale else SHORT
    shards = [f"{seed}:{number}" for number in range(max(1, strings // SHARD))]
    started = time.monotonic()
    if scale and workers > 1:
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            incoming = pool.apply_async(check_incoming, (seed, scale))
            for part in pool.imap_unordered(outgoing, shards):
                report.merge(part)
            report.merge(incoming.get())
    else:
        for shard in shards:
            report.merge(outgoing(shard))
        report.merge(check_incoming(seed, scale))
    report.figures["strings a second"] = round(report.counts["strings"] / (time.monotonic() - started))
    if not fuzz_adf.has_schema():
        report.figures["ADF schema"] = f"not judged: {fuzz_adf.SCHEMA} is not there"
    return report


@dataclass
class _Shard:
    """One seed's strings and what was found with them."""

    name: str
    report: Report

    def check(self, what: str, place: str, act: Callable[[], object], strings: int) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001  # whatever a writer or a reader raises is a finding
            if len(self.report.divergences) < MOST_TOLD:
                told = f"{type(error).__name__}: {error}"[:400]
                self.report.diverged(f"{what}: {told} (python -m campaigns.fuzz_replay {self.name} {place})")
            else:
                self.report.diverged(f"{what} (seed {self.name}, {place})")
        self.report.count(f"strings through {what}", strings)


def outgoing(name: str) -> Report:
    """All of one shard's strings through all formats."""
    shard = _Shard(name, Report("fuzz", 0))
    corpus = Corpus(name)
    seen: list[str] = []
    number = 0
    while corpus.strings < SHARD:
        corpus.given = []
        tree, doubtful = corpus.tree(), (Paragraph((Anchor(corpus.string(), corpus.doubtful_url()),)),)
        for dialect in DIALECTS:
            name_of = dialect.DIALECT.name
            act = partial(check_tree, dialect, tree, is_cloud=number % 2 == 0)
            shard.check(name_of, f"tree {number}", act, len(corpus.given))
            shard.check(name_of, f"address {number}", partial(check_address, dialect, doubtful), 0)
            shard.report.count(f"documents through {name_of}", 2)
        seen += corpus.given
        number += 1
    shard.report.count("strings", corpus.strings)
    shard.report.count("documents", number * 2)
    _check_screens(shard, seen)
    if fuzz_adf.has_schema():
        shard.report.figures["distinct shapes of nodes judged by the ADF schema"] = fuzz_adf.shapes_judged()
    return shard.report


def check_tree(dialect: ModuleType, tree: RichText, is_cloud: bool) -> None:
    """Raise when the written document is not what the tree meant."""
    prepared = dialect.prepared(tree) if hasattr(dialect, "prepared") else tree
    written = dialect.write(prepared, is_cloud)
    found, wanted = folded(dialect.read(written), dialect.DIALECT), meant(prepared, dialect.DIALECT)
    if found != wanted:
        raise AssertionError(_first_difference(found, wanted))
    if dialect is fuzz_storage and (active := fuzz_storage.shown_as_html(written)):
        raise AssertionError(f"active when rendered: {active}")
    if dialect is fuzz_commonmark:
        fuzz_commonmark.taken_back(written, tree)


def check_address(dialect: ModuleType, tree: RichText) -> None:
    """An address with hostile characters anywhere in it: a link that leads to the web, or the words."""
    atoms = [atom for _, found in folded(dialect.read(dialect.write(tree, True)), dialect.DIALECT) for atom in found]
    for atom in atoms:
        if atom[0] not in ("t", "a") or (atom[0] == "a" and not _leads(atom[2])):
            raise AssertionError(f"{atom!r} for {tree!r}")


def _leads(address: str) -> bool:
    plain = address.strip().lower()
    return (
        bool(SURE.fullmatch(f"{plain}/"))
        or plain.startswith(("http://", "https://", "mailto:"))
        or ":" not in re.split(r"[/?#]", plain)[0]
    )


def _first_difference(found: Sequence[object], wanted: Sequence[object]) -> str:
    for one, other in zip(found, wanted, strict=False):
        if one != other:
            return f"shows {one!r}, meant {other!r}"
    return f"shows {len(found)} blocks, meant {len(wanted)}: {[*found, *wanted][min(len(found), len(wanted)) :][:1]!r}"


def _check_screens(shard: _Shard, strings: Sequence[str]) -> None:
    for number, batch in enumerate(batches(strings, 90)):
        if len(batch) >= 6:
            shard.check("svg picture", f"strings {number}", partial(check_picture, batch), len(batch))
        shard.check("html pages", f"strings {number}", partial(check_list_of_pages, batch), len(batch))
        shard.check("tables and json", f"strings {number}", partial(check_terminal, batch), len(batch))
    with LogLines() as lines:
        for number, batch in enumerate(batches(strings, 20)):
            shard.check("log lines", f"strings {number}", partial(lines.check, batch), len(batch))
            if number % REQUESTS == 0:
                shard.check("queries, paths and files", f"strings {number}", partial(check_requests, batch), len(batch))
