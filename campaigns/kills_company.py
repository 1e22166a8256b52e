"""The real `tieline run` over real HTTP and the story's company, killed with SIGKILL: at a request, at an answer, in its database."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from sqlalchemy import create_engine, text

from campaigns.kills_points import is_write
from campaigns.kills_things import Thing, said_at_most_once, things
from campaigns.kills_zygote import Zygote
from campaigns.report import Report
from sandbox.http import Request, Response
from sandbox.world import CREDENTIALS, World
from sync.cli.demo import write_config

SITES = (
    "jira-cloud", "trello", "confluence-cloud", "asana", "yuque", "powerbi", "tableau", "feishu", "dingtalk", "wecom",
)  # fmt: skip
LEFT_OUT = ("jira-finance", "confluence-ops")
PLACES = (
    "before add_intent", "after add_intent", "before confirm_intent", "after confirm_intent", "after acquire_lease",
    "before put_cursor", "after put_cursor", "before put_published", "before sync_findings", "before end_run",
    "before release_lease", "after save_raw", "after put_links",
)  # fmt: skip
ALWAYS = ("after acquire_lease", "before put_cursor", "after put_cursor", "before sync_findings", "before put_links")
WRITES = ("write not carried out", "write not answered", "write answered")
READS = ("read not answered", "read answered")
MOST_KILLS = 8
Standing = tuple[Counter[Thing], Counter[Thing]]
"""What stands at the sites after a phase, and what was said where nobody can look."""


@dataclass
class Hunter:
    """Kills a process from inside the sites: at the n-th request that fits a moment."""

    pid: int = 0
    moment: str = ""
    passings: int = 0
    killed: bool = False
    writes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def aim(self, pid: int, moment: str, passings: int) -> None:
        with self.lock:
            self.pid, self.moment, self.passings, self.killed = pid, moment, passings, False

    def watch(self, simulator: Any) -> None:
        """Stand between the site and whoever asks it."""
        plain = simulator.handle

        def handle(request: Request) -> Response:
            kind = "write" if is_write(request.method, request.path) else "read"
            self.writes += kind == "write"
            if self._is_due(f"{kind} not carried out"):
                self._kill()
                return Response(500)
            answer: Response = plain(request)
            if self._is_due(f"{kind} not answered"):
                self._kill()
            elif self._is_due(f"{kind} answered"):
                threading.Timer(0.001 + 0.002 * (self.passings % 3), self._kill).start()
            return answer

        simulator.handle = handle

    def _is_due(self, moment: str) -> bool:
        with self.lock:
            if self.moment != moment or not self.pid:
                return False
            self.passings -= 1
            return self.passings == 0

    def _kill(self) -> None:
        with self.lock:
            pid, self.pid = self.pid, 0
            if pid:
                with contextlib.suppress(ProcessLookupError):  # it may have ended by itself just now
                    os.kill(pid, signal.SIGKILL)
                    self.killed = True


@dataclass
class Company:
    """The story's tools, a configuration, and a Tieline that is started from outside."""

    world: World
    folder: Path
    hunter: Hunter
    zygote: Zygote
    database: str

    def start(self, place: str = "", passings: int = 1) -> int:
        arguments = ["run", "--accept-first-run", "--accept-plan", "--config", str(self.folder / "tieline.yaml")]
        environment = {**CREDENTIALS, "TIELINE_DATABASE": self.database}
        return self.zygote.start(arguments, environment, place, passings, str(self.folder / "out.txt"))

    def run(self) -> int:
        return self.zygote.wait(self.start())


@contextmanager
def founded(zygote: Zygote, database: Callable[[Path], str]) -> Iterator[Company]:
    """A company of its own, gone in the end."""
    folder = Path(tempfile.mkdtemp(prefix="tieline-kills-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    hunter = Hunter()
    try:
        with World() as world:
            world.trello.limits.enforce = False
            for name in SITES:
                hunter.watch(world.simulators[name])
            _configure(write_config(folder, world.urls(), is_whole=True))
            yield Company(world, folder, hunter, zygote, database(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _configure(path: Path) -> None:
    yaml = YAML()
    tree = yaml.load(path)
    for name in LEFT_OUT:
        del tree["connections"][name]
        (path.parent / "mappings" / f"{name}.yaml").unlink(missing_ok=True)
    view, delays = tree["jobs"]["status_view"], tree["jobs"]["delays"]
    view["pages"] = [page for page in view["pages"] if page["connection"] not in LEFT_OUT]
    delays["rooms"] = [room for room in delays["rooms"] if room["connection"] not in LEFT_OUT]
    for connection in tree["connections"].values():
        connection["requests_per_second"] = 2000
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(tree, file)
    for mapping in (path.parent / "mappings").glob("*.yaml"):
        words = mapping.read_text(encoding="utf-8").replace("    country: CN\n", "")
        mapping.write_text(words, encoding="utf-8")


def phases() -> list[tuple[str, Callable[[World], None]]]:
    """What people do between the runs, one thing after the other."""
    return [
        ("the delay appears", lambda _: None),
        ("it slips further", _slip),
        ("it is over", _finish),
    ]


def _slip(world: World) -> None:
    world.jira_cloud.edit_issue("PAY-1", duedate=datetime.now(UTC).date() + timedelta(days=12))


def _finish(world: World) -> None:
    world.jira_cloud.edit_issue("PAY-1", status="已完成")


def rows(url: str, query: str) -> list[Any]:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.connect() as connection:
            return list(connection.execute(text(query)))
    finally:
        engine.dispose()


def hunt(company: Company, chance: random.Random, report: Report, *, is_done: bool) -> str:
    """Start a run and kill it at a place; what killed it, or empty when it ended first. ``is_done``: nothing is left to write."""
    hunter, by_itself = company.hunter, chance.random() < 0.4
    if by_itself:
        place, passings = chance.choice(ALWAYS if is_done else PLACES), chance.choice((1, 1, 1, 2))
        pid = company.start(place, passings)
    else:
        place = chance.choice(READS if is_done else WRITES + WRITES + READS)
        passings = chance.randint(1, 8) if place.startswith("read") else chance.choice((1, 1, 2, 3))
        pid = company.start()  # it asks nothing for many milliseconds: time enough to aim
        hunter.aim(pid, place, passings)
    code = company.zygote.wait(pid)
    hunter.aim(0, "", 0)
    if code == -signal.SIGKILL:
        report.count("kills by SIGKILL")
        report.count(f"SIGKILL: {place}")
        return place
    report.count("runs that ended before their kill")
    return "" if code == 0 else f"exit {code}"


def race(company: Company, chance: random.Random, report: Report) -> str:
    """Two processes begin together and one is killed at a write: the other did nothing, or had the turn. What went wrong, if anything."""
    first = company.start()
    company.hunter.aim(first, chance.choice(WRITES), 1)
    second = company.start()
    codes = company.zygote.wait(first), company.zygote.wait(second)
    company.hunter.aim(0, "", 0)
    report.count("two processes at once")
    if codes[0] == -signal.SIGKILL:
        report.count("kills by SIGKILL")
        report.count("SIGKILL: beside another process")
    # 3: it came while the other ran; 0: it came after the other's end or death.
    return "" if codes[0] in (0, 3, -signal.SIGKILL) and codes[1] in (0, 3) else f"two at once ended with {codes}"


def tell(company: Company, seed: int, undisturbed: list[Standing], report: Report, *, is_short: bool) -> None:
    """The whole story with kills in every phase."""
    chance = random.Random(seed)
    for (name, happens), (wanted, said) in zip(phases(), undisturbed, strict=True):
        happens(company.world)
        deaths: list[str] = []
        for _ in range(2 if is_short else chance.randint(3, MOST_KILLS)):
            deaths.append(hunt(company, chance, report, is_done="" in deaths))
        trouble = race(company, chance, report) if chance.random() < 0.3 else ""
        code = company.run()
        if code:
            report.figures.setdefault("last output", (company.folder / "out.txt").read_text(errors="replace")[-3000:])
        writes = company.hunter.writes
        second = company.run()
        report.count("runs that ended", 2)
        problems = [f"exit {code}, then {second}"] if code or second else []
        problems += [trouble] if trouble else []
        if company.hunter.writes != writes:
            problems.append(f"{company.hunter.writes - writes} writes into an unchanged world")
        found = things(company.world)
        problems += [f"missing {thing}" for thing in wanted - found] + [f"too many {thing}" for thing in found - wanted]
        problems += [f"{kind}: {row}" for kind, query in LEDGER.items() for row in rows(company.database, query)]
        problems += [f"said too often {thing}" for thing in said_at_most_once(company.world) - said]
        report.count("oracle's questions")
        for problem in problems:
            report.diverged(f"company seed {seed}, {name}: {problem} [deaths: {' > '.join(filter(None, deaths))}]")


# What was being said where nobody can look stays unsure for ever; everything else is settled by the next run.
LEDGER = {
    "an open intent": "SELECT key, state FROM intents WHERE state IN ('pending', 'unsure')"
    " AND target NOT LIKE 'ding-main:%' AND target NOT LIKE 'wecom-robot:%'",
    "the lease is held": "SELECT holder FROM leases",
}


def control(zygote: Zygote, database: Callable[[Path], str]) -> list[Standing]:
    """What stands after each phase where nothing is killed."""
    told = []
    with founded(zygote, database) as company:
        for _, happens in phases():
            happens(company.world)
            if code := company.run():
                words = (company.folder / "out.txt").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"the undisturbed run ended with {code}: {words}")
            told.append((things(company.world), said_at_most_once(company.world)))
    return told


def sqlite(folder: Path) -> str:
    return f"sqlite:///{folder}/tieline.sqlite"
