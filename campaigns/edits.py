"""People edit our pages and comments while we update them: no word of theirs is lost where the vendor keeps versions, none of their
pages is taken over, and where a vendor keeps none the window between our last look and our write is measured.

Five sites over HTTP. In each round people act (above, in and below our block, on titles, places, versions, inline comments; on our
comments), some of them in the moment between our look and our write, facts change, and an installation runs; now and then an
answer gets lost, an older database is put back, and a second installation runs on the same targets.
"""

from __future__ import annotations

import multiprocessing
import random
import statistics
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from campaigns.edits_comments import Cards, Comments, OurComment
from campaigns.edits_pages import Pages
from campaigns.edits_record import OurPage
from campaigns.edits_sabotage import SABOTAGES
from campaigns.edits_world import INSTALLATION, OTHER_INSTALLATION, TRACKERS, WIKIS, Deliveries, Sites, Tieline
from campaigns.report import Report, silent
from sandbox.faults import Fault
from sync.core.plan import Desired

__all__ = ["SABOTAGES", "run"]

LONG, SHORT = 10_400, 260
WORLD, WORLD_STEP = 700, 1_000
ENOUGH = 50  # divergences: more tell nothing new
PAGES, COMMENTS = 7, 6  # that people have left alone enough to be updated, on each site


def run(*, seed: int, scale: float, workers: int) -> Report:
    """``scale`` 0 is the short form of CI, 1 the long one: more than ten thousand edits by people."""
    report = Report("edits", seed)
    if not scale:
        report.merge(part(seed, SHORT))
        _tell_windows(report)
        return report
    share = max(1, round(LONG * scale / workers))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for piece in pool.map(part, [seed + number for number in range(workers)], [share] * workers):
            windows = [*report.figures.get("windows", []), *piece.figures.pop("windows")]
            report.merge(piece)
            report.figures["windows"] = windows
    _tell_windows(report)
    return report


def _tell_windows(report: Report) -> None:
    """The time between our last look at a comment and our write, as the sites saw it."""
    windows = sorted(report.figures.pop("windows"))
    if windows:
        report.figures["comment windows measured"] = len(windows)
        report.figures["comment window, median ms"] = round(statistics.median(windows), 2)
        report.figures["comment window, 99th percentile ms"] = round(windows[int(len(windows) * 0.99)], 2)


def part(seed: int, edits: int) -> Report:
    """Worlds one after the other, until people have edited so often: what they edited lies about, and makes old worlds slow."""
    report = Report("edits", seed)
    windows: list[float] = []
    with silent():
        _play(report, windows, seed, edits)
    report.figures["windows"] = windows
    return report


def _play(report: Report, windows: list[float], seed: int, edits: int) -> None:
    while (left := edits - report.counts["human edits"]) > 0 and len(report.divergences) < ENOUGH:
        piece = world(seed + WORLD_STEP * report.counts["worlds"], min(left, WORLD))
        windows += piece.figures.pop("windows")
        report.merge(piece)
        report.count("worlds")


def world(seed: int, edits: int) -> Report:
    """One world; the seed that a divergence names plays it again."""
    with TemporaryDirectory() as folder:
        made = _World(seed, Path(folder))
        try:
            while made.report.counts["human edits"] < edits and len(made.report.divergences) < ENOUGH:
                made.round()
        finally:
            made.close()
    made.report.figures["windows"] = [each for name in TRACKERS for each in made.sites.doors[name].windows_ms]
    return made.report


class _World:
    """Sites, people and two installations, round after round."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed, self.number = seed, 0
        self.report = Report("edits", seed)
        self.chance = random.Random(seed)
        self.sites = Sites()
        self.ours = Tieline(self.sites, folder, INSTALLATION)
        self.others = Tieline(self.sites, folder, OTHER_INSTALLATION)
        doors = self.sites.doors
        self.wikis = [Pages(doors[name], self.report, self._new_chance(), self._where) for name in WIKIS]
        kinds: dict[str, type[Comments]] = {"trello": Cards}
        self.trackers = [
            kinds.get(name, Comments)(doors[name], self.report, self._new_chance(), self._where) for name in TRACKERS
        ]
        deliveries = Deliveries(self.sites, lambda: self.ours.store)
        for name, tracker in zip(TRACKERS, self.trackers, strict=True):
            tracker.kept = partial(deliveries.words, name)
        self.kept_at: set[str] | None = None  # the keys that the backup knows
        for wiki in self.wikis:
            wiki.write_theirs("目录")

    def _new_chance(self) -> random.Random:
        return random.Random(self.chance.random())

    def _where(self) -> str:
        return f"seed {self.seed} round {self.number}"

    def close(self) -> None:
        self.ours.close()
        self.others.close()
        self.sites.close()

    def round(self) -> None:
        self.number += 1
        self._grow()
        self._people_act()
        self._change_facts()
        is_quiet = self._plan_faults()
        self._cycle(is_quiet)
        self.sites.forget_plans()
        if self.number % 5 == 0:
            self._expect_no_writes()
        if self.number % 7 == 0:
            self._second_installation()
        if self.number % 11 == 0 and self.kept_at is None:
            self.ours.back_up()
            self.kept_at = {*self._keys()}
        elif self.kept_at is not None and self.chance.random() < 0.15:
            self._restore_backup(self.kept_at)
            self.kept_at = None

    # -- what happens

    def _grow(self) -> None:
        for wiki in self.wikis:
            alive = [each for each in wiki.ours.values() if each.status == "current" and not each.is_dirty]
            for _ in range(max(0, PAGES - len(alive))):
                page = wiki.new_page()
                if self.chance.random() < 0.3:
                    self._take_title(wiki, page)
            for key in list(wiki.blocked):
                if self.chance.random() < 0.2:
                    wiki.free_title(wiki.ours[key])
        for tracker in self.trackers:
            clean = [each for each in tracker.ours.values() if each.state == "clean"]
            for _ in range(max(0, COMMENTS - len(clean))):
                tracker.new_comment()

    def _take_title(self, wiki: Pages, page: OurPage) -> None:
        if self.chance.random() < 0.5:
            wiki.take_title(page)
        else:
            wiki.door.before[r"POST .*/(pages|content)$"] = lambda: wiki.take_title(page)

    def _people_act(self) -> None:
        for wiki in self.wikis:
            live = [page for page in wiki.ours.values() if wiki.kinds(page)]
            for page in self.chance.choices(live, k=self.chance.randrange(4, 9)) if live else ():
                if kinds := wiki.kinds(page):
                    wiki.act(page, self.chance.choice(kinds))
            if live and self.chance.random() < 0.2 and (page := self.chance.choice(live)).status == "current":
                wiki.copy(page)
            if self.chance.random() < 0.3:
                wiki.write_theirs()
        for tracker in self.trackers:
            for comment in self.chance.choices([*tracker.ours.values()], k=self.chance.randrange(1, 4)):
                tracker.act(comment, self.chance.choice(tracker.kinds(comment)))

    def _change_facts(self) -> None:
        for wiki in self.wikis:
            for page in wiki.ours.values():
                if self.chance.random() < 0.5:
                    page.facts += 1
                    if page.status == "current" and self.chance.random() < 0.3:
                        wiki.surprise(page)
        for tracker in self.trackers:
            for comment in tracker.ours.values():
                if self.chance.random() < 0.5:
                    comment.facts += 1
                    if self.chance.random() < 0.2:
                        tracker.surprise(comment)

    def _plan_faults(self) -> bool:
        if self.chance.random() > 0.15:
            return True
        door = self.chance.choice([*self.sites.doors.values()])
        kind: Any = self.chance.choice(("lost_answer", "server_error", "reset"))
        door.simulator.faults.plan(Fault(kind, r"^(POST|PUT) ", skip=self.chance.randrange(6)))
        self.report.count(f"fault: {kind.replace('_', ' ')}")
        return False

    def desired(self) -> list[Desired]:
        pages = [each for wiki in self.wikis for each in wiki.ours.values() if each.key not in wiki.retired]
        comments = [each for site in self.trackers for each in site.ours.values() if each.key not in site.retired]
        return [each.desired() for each in pages] + [each.desired() for each in comments]

    def _keys(self) -> list[str]:
        return [each.key for each in self.desired()]

    def _cycle(self, is_quiet: bool) -> None:
        plan, outcome = self.ours.cycle(self.desired())
        self.report.count("cycles")
        for skip in plan.skips:
            self.report.count(f"left alone: {skip.reason}")
        for change, error in outcome.failed if is_quiet else ():
            if "already titled" not in str(error):
                self.report.diverged(f"{self._where()} {change.key}: {type(error).__name__} {error}")
        self._check(is_quiet)

    def _check(self, is_quiet: bool) -> None:
        for wiki in self.wikis:
            wiki.check(is_quiet)
        for tracker in self.trackers:
            tracker.check(is_quiet)

    def _expect_no_writes(self) -> None:
        """Two runs to catch up with what was disturbed; a third one has nothing to say."""
        for _ in range(2):
            self.ours.cycle(self.desired())
            self._check(is_quiet=False)
        for door in self.sites.doors.values():
            door.writes.clear()
        self.ours.cycle(self.desired())
        self.report.count("cycles over an unchanged world")
        if said := [f"{name}: {word}" for name, door in self.sites.doors.items() for word in door.writes]:
            self.report.diverged(f"{self._where()}: writes over an unchanged world {said}")
        self._check(is_quiet=True)

    def _second_installation(self) -> None:
        """Another Tieline is pointed at the same targets: what is taken stays as it is."""
        pages = [each for wiki in self.wikis for each in wiki.ours.values() if _holds_title(each)]
        comments = [each for site in self.trackers for each in site.ours.values() if _holds_place(each)]
        before = self.sites.writes()
        plan, _ = self.others.cycle([each.desired() for each in pages] + [each.desired() for each in comments])
        self.report.count("cycles of a second installation")
        if plan.changes or self.sites.writes() != before:
            keys = [change.key for change in plan.changes]
            self.report.diverged(f"{self._where()}: a second installation wrote {keys}")
        self._check(is_quiet=False)

    def _restore_backup(self, known: set[str]) -> None:
        """An older database is put back. What was made since and is gone from sight, no ledger and no site knows: it is not asked for."""
        self.ours.restore()
        self.report.count("older databases put back")
        for wiki in self.wikis:
            for page in (page for key, page in wiki.ours.items() if key not in known):
                page.is_unknown = page.is_dirty
                if page.status != "current":
                    wiki.retired.add(page.key)
        for site in self.trackers:
            for comment in (each for key, each in site.ours.items() if key not in known):
                comment.is_unknown = comment.state == "edited"
            gone = {key for key, each in site.ours.items() if each.state == "gone" or not each.has_mark}
            site.retired |= gone - known
        self._cycle(is_quiet=False)


def _holds_title(page: OurPage) -> bool:
    return bool(page.page_id) and page.status == "current" and not page.title_by_hand


def _holds_place(comment: OurComment) -> bool:
    return bool(comment.comment_id) and comment.state != "gone" and comment.has_mark
