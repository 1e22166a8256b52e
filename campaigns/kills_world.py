"""A small world to kill runs in: a few sites in memory, what should be written there, and a Tieline whose every step can be its last."""

from __future__ import annotations

import itertools
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from campaigns.kills_points import Killed, OperatingSystem, Process, Trap, Wire, Write, open_watched
from campaigns.kills_wishes import ScriptedJob, Wish
from sandbox.confluence import Confluence
from sandbox.http import Simulator
from sandbox.jira import JiraSimulator
from sandbox.trello import TrelloSimulator
from sandbox.world import CREDENTIALS
from sync.app import App, Connections, load_mappings
from sync.config import LoadedConfig, load_config
from sync.core.brakes import Accepted
from sync.core.errors import CannotExpress, LostAnswer, TryLater
from sync.core.messages import Message
from sync.core.ports import Written
from sync.core.values import Ref
from sync.engine import Cycle, Engine, Parts
from sync.gate import Gate
from sync.mapping.rules import Mappings
from sync.store.store import Store

HOST = {"jc": "jc.test", "jd": "jd.test", "tr": "tr.test", "kc": "kc.test", "kd": "kd.test"}
SCOPE = {"jc": "PAY", "jd": "FIN", "tr": "产品部看板", "kc": "TEAM", "kd": "OPS"}
LISTS = ("待办", "进行中", "已完成")
INSTALLATION = "acme"
_CONNECTION = {
    "jc": "{type: jira, variant: cloud, email: env:JIRA_EMAIL, token: env:JIRA_TOKEN",
    "jd": "{type: jira, variant: dc, token: env:JIRA_DC_TOKEN",
    "tr": "{type: trello, key: env:TRELLO_KEY, token: env:TRELLO_TOKEN",
    "kc": "{type: confluence, variant: cloud, email: env:CONFLUENCE_EMAIL, token: env:CONFLUENCE_TOKEN",
    "kd": "{type: confluence, variant: dc, token: env:CONFLUENCE_DC_TOKEN",
}
_TASK = {
    "jira": "status: {待办: todo, 进行中: in_progress, 已完成: done, To Do: todo, In Progress: in_progress, Done: done}\n"
    "task: {title: summary, vendor_status: status.name}\n",
    "trello": "status: {待办: todo, 进行中: in_progress, 已完成: done}\ntask: {title: name, vendor_status: list.name}\n",
    "confluence": "",
}


class Clock:
    """The sites' clock, a little later at every look, so that no two people save in the same instant."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        self.now = max(self.now + timedelta(milliseconds=3), datetime.now(UTC))
        return self.now


@dataclass(frozen=True)
class Prepared:
    """What all worlds of one worker share: configurations by the connections they have, and an empty database to copy."""

    folder: Path
    template: Path
    configs: dict[tuple[str, ...], tuple[LoadedConfig, Mappings]] = field(default_factory=dict)

    def config(self, names: tuple[str, ...]) -> tuple[LoadedConfig, Mappings]:
        if names not in self.configs:
            path = write_config(self.folder / "-".join(names), names)
            loaded = load_config(path)
            self.configs[names] = loaded, load_mappings(loaded)
        return self.configs[names]


def prepare(folder: Path) -> Prepared:
    """A folder for a worker's worlds."""
    os.environ.update(CREDENTIALS)
    folder.mkdir(parents=True, exist_ok=True)
    template = folder / "template.sqlite"
    with Store.open(f"sqlite:///{template}") as store:
        store.migrate()
    return Prepared(folder, template)


def write_config(folder: Path, names: tuple[str, ...]) -> Path:
    (folder / "mappings").mkdir(parents=True)
    lines = [
        f"installation: {INSTALLATION}",
        "database: sqlite:///unused.sqlite",
        "zone: Asia/Shanghai",
        "connections:",
    ]
    for name in names:
        kind = _CONNECTION[name].partition("type: ")[2].partition(",")[0]
        rest = f", base_url: http://{HOST[name]}, browse_base: http://{HOST[name]}, requests_per_second: 100000"
        lines.append(f"  {name}: {_CONNECTION[name]}{rest}}}")
        text = f"version: 1\nscope: [{SCOPE[name]}]\nlanguage: zh-CN\nzone: Asia/Shanghai\n{_TASK[kind]}"
        (folder / "mappings" / f"{name}.yaml").write_text(text, encoding="utf-8")
    path = folder / "tieline.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@dataclass
class Robot:
    """A webhook robot of a chat group: what was said can neither be looked up nor changed, and an answer may get lost."""

    said: list[tuple[str, str]] = field(default_factory=list)  # room, mark
    loses: Callable[[], bool] = lambda: False

    def for_process(self, process: Process, log: list[Write]) -> RobotPort:
        return RobotPort(self, process, log)


@dataclass
class RobotPort:
    """One process's way to the robot: the Messenger port."""

    robot: Robot
    process: Process
    log: list[Write]

    def find_message(self, room: Ref, mark: str) -> Written | None:
        raise CannotExpress("a webhook robot cannot be asked what it said")

    def send_message(self, room: Ref, mark: str, message: Message) -> Written:
        self.process.pass_by("message not sent")
        with self.process.lock:
            self.process.check()
            self.robot.said.append((room.key, mark))
            self.log.append((self.process.number, f"POST robot {room.key}"))
        self.process.pass_by("message carried out, not answered")
        if self.robot.loses():
            raise LostAnswer("the robot's answer got lost")
        return Written(str(len(self.robot.said)), "1")

    def edit_message(self, room: Ref, written: Written, mark: str, message: Message) -> Written:
        raise CannotExpress("what a robot said stays as it is")

    def repeatable_s(self, room: Ref, message: Message) -> float:
        return 0.0


class _Connections(Connections):
    """The configured connections over the watched wire, and the robot."""

    def __init__(self, loaded: LoadedConfig, mappings: Mappings, wire: Wire, robot: RobotPort) -> None:
        super().__init__(loaded, mappings)
        self._wire, self._robot = wire, robot
        self._leaps = itertools.count(1.0, 20.0).__next__

    def get(self, name: str) -> Any:
        connection = super().get(name)
        connection.remote._client._transport = self._wire
        connection.remote._sleep = lambda _: None
        connection.remote._gate = Gate(
            clock=self._leaps
        )  # a clock that leaps: no window is ever full, and no pause lasts
        return connection

    def messenger(self, name: str) -> Any:
        return self._robot if name == "robot" else super().messenger(name)


class World:
    """Sites, wishes and database. ``run`` is one process's life: a cycle, or an undo, that may end early."""

    def __init__(self, prepared: Prepared, names: tuple[str, ...], chance: random.Random, url: str) -> None:
        self.names, self.chance, self.url = names, chance, url
        self.loaded, self.mappings = prepared.config(names)
        self.clock = Clock()
        self.sites: dict[str, Any] = {name: _site(name, self.clock) for name in names}
        # Drawn from by threads: the story itself may not depend on their order.
        self.luck = random.Random(chance.random())
        self.robot = Robot(loses=lambda: self.luck.random() < self.fault_rate)
        self.wishes: dict[str, Wish] = {}
        self.earlier: dict[str, Wish] = {}  # the wishes before the last change
        self.files_said: dict[tuple[str, str], list[bytes]] = {}
        self.fault_rate = 0.0
        self.writes: list[Write] = []
        self.latest = 0
        self.faults: Counter[str] = Counter()

    def fault(self, kind: str) -> str:
        """What goes wrong on the wire this time, if anything."""
        rate = self.fault_rate if kind == "write" else self.fault_rate / 8
        if self.luck.random() >= rate:
            return ""
        words = ("lost answer", "lost answer", "bad gateway", "server error", "turned away", "no connection")
        word = self.luck.choice(words if kind == "write" else words[4:])
        self.faults[f"{kind}: {word}"] += 1
        return word

    def written_by(self, number: int) -> list[str]:
        """The writes that one process sent."""
        return [what for process, what in self.writes if process == number]

    @contextmanager
    def living(
        self, system: OperatingSystem, trap: Trap | None, machine: str = "here"
    ) -> Iterator[tuple[App, Process]]:
        """A process with its own application over the shared database. Whatever it raises but Killed goes through."""
        with system.process(machine, trap) as process:
            store = open_watched(self.url, process)
            app = App(self.loaded, self.mappings, store, self.clock)
            sites: dict[str, Simulator] = {HOST[name]: site for name, site in self.sites.items()}
            wire = Wire(process, sites, self.fault, self.writes)
            robot = self.robot.for_process(process, self.writes)
            app.connections = _Connections(self.loaded, self.mappings, wire, robot)
            app.engine = Engine(scripted(app, self.wishes))
            try:
                yield app, process
            finally:
                app.connections.close()
                Store.close(store)

    def run(
        self,
        system: OperatingSystem,
        trap: Trap | None = None,
        act: Callable[[Engine], Cycle] | None = None,
        machine: str = "here",
        hooks: Mapping[str, Callable[[], None]] | None = None,
    ) -> tuple[str, Cycle | None]:
        """(where it died or "", what it did). A run that found another one going on is told as ("busy", None)."""
        try:
            with self.living(system, trap, machine) as (app, process):
                process.hooks.update(hooks or {})
                self.latest = process.number
                return "", (act or accepted_cycle)(app.engine)
        except Killed as killed:
            return str(killed), None
        except TryLater as error:
            if "another run" in str(error):
                return "busy", None
            raise


def accepted_cycle(engine: Engine) -> Cycle:
    return engine.cycle(Accepted(is_first_run=True, is_plan=True))


def scripted(app: App, wishes: Mapping[str, Wish]) -> Parts:
    """The application's parts with the script for its only job, and the watched connections for its own."""
    sites = {name: partial(app.connections.site, name) for name in app.loaded.config.connections}
    return replace(app.engine._parts, jobs=(ScriptedJob(wishes).planned(),), ports=app.connections, sites=sites)


def _site(name: str, clock: Clock) -> Any:
    url = f"http://{HOST[name]}"
    if name in ("jc", "jd"):
        jira = JiraSimulator(name, "cloud" if name == "jc" else "dc", clock, public_url=url)
        jira.add_user("zhang-wei", "张伟")
        jira.add_project(SCOPE[name], SCOPE[name], "zhang-wei")
        return jira
    if name == "tr":
        trello = TrelloSimulator(name, clock, url, enforce_limits=False)
        trello.add_member("li-na", "李娜")
        company = trello.add_organization("company", "公司", ["li-na", "tieline"])
        trello.add_board(SCOPE[name], "li-na", LISTS, organization=company, members=("tieline",))
        return trello
    wiki = Confluence(name, clock, url, variant="cloud" if name == "kc" else "dc")
    wiki.site.add_space(SCOPE[name], SCOPE[name], wiki.tieline_id())
    return wiki


def new_database(prepared: Prepared, path: Path) -> str:
    """A fresh SQLite file with our tables; its URL."""
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    shutil.copyfile(prepared.template, path)
    return f"sqlite:///{path}"
