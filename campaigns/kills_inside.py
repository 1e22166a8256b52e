"""Runs killed at chosen places in small worlds: what is wished changes, runs die over it, one ends, one more is quiet."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import create_engine, text

from campaigns.kills_oracle import differences, ledger_differences, rows
from campaigns.kills_points import OperatingSystem, Trap
from campaigns.kills_wishes import End, Wish
from campaigns.kills_world import LISTS, SCOPE, Prepared, World, accepted_cycle
from campaigns.report import Report
from sync.engine import Cycle, Engine

SENDING = ("write not sent", "write carried out, not answered", "write answered")
WRITING = (
    *SENDING * 3, "before add_intent", "after add_intent", "after add_intent", "before confirm_intent",
    "after confirm_intent", "before fail_intent", "message not sent", "message carried out, not answered",
    "before put_published", "after put_published",
)  # fmt: skip
READING = (
    "read not sent", "read carried out, not answered", "read answered", "transaction, not committed",
    "transaction, committed", "before save_raw", "before put_cursor", "after put_cursor", "before put_certificate",
    "before put_links", "after put_run_certificates", "before pin_connection",
)  # fmt: skip
AROUND = (
    "before acquire_lease", "after acquire_lease", "before release_lease", "before begin_run", "after begin_run",
    "before end_run", "after end_run", "before sync_findings", "after sync_findings", "after published",
    "after pending_intents", "before raw_versions", "after remove_published",
)  # fmt: skip
LAYOUTS: tuple[tuple[str, ...], ...] = (
    ("jc",), ("tr",), ("jc", "tr"), ("jc", "tr"), ("jd", "tr"), ("jc", "jd"), ("kc",), ("kd",), ("jc", "kc"), ("tr", "kd"),
)  # fmt: skip
SURE = (
    "read not sent", "read carried out, not answered", "read answered", "transaction, not committed",
    "transaction, committed", "before save_raw", "after put_cursor", "before put_cursor", "before put_certificate",
    "before put_links", "after put_run_certificates", "after acquire_lease", "before release_lease", "after begin_run",
    "before end_run", "after end_run", "before sync_findings", "after published", "before raw_versions",
)  # fmt: skip
MOST_KILLS = 9
LEASE = "SELECT holder FROM leases"
PICTURES = tuple(b"\x89PNG " + bytes([number]) * 20 for number in range(6))


def play(prepared: Prepared, seed: int, report: Report, system: OperatingSystem, url: str) -> None:
    """One world's whole story. Each divergence names seed and step, which is all that playing it again needs."""
    chance = random.Random(seed)
    world = World(prepared, chance.choice(LAYOUTS), chance, url)
    people(world)
    story = _Story(world, chance, report, system, seed)
    first_wishes(world)
    story.settle("create")
    for number in range(chance.randint(1, 3)):
        change_wishes(world, number)
        story.settle(f"change {number}")
    if chance.random() < 0.5:
        story.take_back()
    if chance.random() < 0.4:
        story.retract()
    report.count("worlds")
    for fault, times in world.faults.items():
        report.count(f"fault on a {fault}", times)


class _Story:
    """Kills, repeats, finishes, and asks the oracle."""

    def __init__(self, world: World, chance: random.Random, report: Report, system: OperatingSystem, seed: int) -> None:
        self.world, self.chance, self.report, self.system, self.seed = world, chance, report, system, seed
        self.deaths: list[str] = []

    def settle(self, step: str) -> None:
        """Kill run after run, let one end, check, run once more, and check that it was quiet."""
        self.deaths.append(f"{step}:")
        self.world.fault_rate = self.chance.choice((0.0, 0.1, 0.4))
        places: tuple[str, ...] = (*WRITING * 3, *READING, *AROUND)
        is_done = False
        for _ in range(self.chance.randint(2, MOST_KILLS)):
            if not self.kill(accepted_cycle, self.chance.choice(places)):
                places, is_done = SURE, self.world.fault_rate == 0
        self.finish(step, accepted_cycle, is_done=is_done)
        self.judge(step, lambda: differences(self.world, self.world.wishes))
        self.judge(step, lambda: ledger_differences(self.world, self.world.wishes))

    def kill(self, act: Callable[[Engine], Cycle], place: str) -> bool:
        """Run until the trap; False when the run ended before it."""
        passings = self.chance.randint(1, 8) if place.startswith("read") else self.chance.choice((1, 1, 1, 1, 2, 3))
        # Another machine cannot tell whether the dead holder of a lease is dead; it would have to wait.
        machine = "elsewhere" if self.chance.random() < 0.04 and not rows(self.world, LEASE) else "here"
        hooks: dict[str, Callable[[], None]] = {}
        if self.chance.random() < 0.1:
            hooks[self.chance.choice(("write not sent", "read not sent", "after add_intent"))] = self.rival
        died, _ = self.world.run(self.system, Trap(place, passings), act, machine, hooks)
        if died in ("", "busy"):
            self.report.count("runs that ended before their trap")
            if died:
                self.diverged("kill", f"a run to be killed at {place} found another one going on")
            return False
        self.deaths.append(died)
        self.report.count("kills inside")
        self.report.count(f"killed: {died}")
        if machine == "elsewhere":
            self.outlast(act)
        return True

    def rival(self) -> None:
        """Another process begins while this one runs: it must leave at once and write nothing."""
        outcome, _ = self.world.run(self.system, None, accepted_cycle)
        self.report.count("rival runs")
        if outcome != "busy" or self.world.written_by(self.world.latest):
            self.diverged("rival", f"a second run went on beside the first: {outcome!r}")

    def outlast(self, act: Callable[[Engine], Cycle]) -> None:
        """The dead run's machine cannot be asked: its lease must be waited for, and is then taken over."""
        if not rows(self.world, LEASE):
            return
        outcome, _ = self.world.run(self.system, None, act)
        if outcome != "busy" or self.world.written_by(self.world.latest):
            self.diverged("lease", f"a run began while a lease of another machine was valid: {outcome!r}")
        self.report.count("leases outlasted")
        engine = create_engine(self.world.url)
        with engine.begin() as connection:
            connection.execute(text("UPDATE leases SET until = '2020-01-01T00:00:00.000000Z'"))
        engine.dispose()

    def finish(self, step: str, act: Callable[[Engine], Cycle], *, is_done: bool = False) -> None:
        """One run that nothing disturbs (unless one has just ended so), and one more that writes nothing."""
        self.world.fault_rate = 0.0
        hooks = {"read not sent": self.rival} if self.chance.random() < 0.3 else {}
        died = "" if is_done else self.world.run(self.system, None, act, hooks=hooks)[0]
        if died:
            self.diverged(step, f"an undisturbed run ended as {died!r}")
        self.world.run(self.system, None, act)
        self.report.count("runs that ended", 1 if is_done else 2)
        if written := self.world.written_by(self.world.latest):
            self.diverged(step, f"an unchanged world was written to: {written[:4]}")

    def take_back(self) -> None:
        """Undo the last run that wrote, killed on the way: what it made is gone, what it replaced or removed is as it was, and stays so."""
        changes = rows(self.world, "SELECT run, key, operation FROM changes ORDER BY id")
        run = changes[-1][0]
        act: Callable[[Engine], Cycle] = lambda engine: engine.undo(run)  # noqa: E731
        self.deaths.append("undo:")
        for _ in range(self.chance.randint(1, 4)):
            self.kill(act, self.chance.choice(WRITING + AROUND))
        self.world.run(self.system, None, act)
        wanted = self._before(run, {key: operation for made, key, operation in changes if made == run})
        self.finish("undo", accepted_cycle)
        self.judge("undo", lambda: differences(self.world, wanted, messages=False))
        self.report.count("runs taken back")

    def retract(self) -> None:
        """Take everything back, killed on the way: nothing of ours stands but what was said, and nothing comes back."""
        act: Callable[[Engine], Cycle] = lambda engine: engine.retract()  # noqa: E731
        self.deaths.append("retract:")
        for _ in range(self.chance.randint(1, 5)):
            self.kill(act, self.chance.choice(WRITING + AROUND))
        self.world.run(self.system, None, act)
        self.finish("retract", accepted_cycle)
        self.judge("retract", lambda: differences(self.world, {}, messages=False))
        self.report.count("worlds retracted")

    def _before(self, run: str, operations: Mapping[str, str]) -> dict[str, Wish]:
        """What should stand once a run's writes are taken back."""
        wanted = dict(self.world.wishes)
        for key, operation in operations.items():
            if operation == "create":
                wanted.pop(key)
            else:
                wanted[key] = self.world.earlier[key]
                for name, data in wanted[key].files:
                    self.world.files_said[(key, name)].append(data)
        return wanted

    def judge(self, step: str, ask: Callable[[], Iterator[str]]) -> None:
        self.report.count("oracle's questions")
        for difference in ask():
            self.diverged(step, difference)

    def diverged(self, step: str, what: str) -> None:
        deaths = " > ".join(self.deaths)
        self.report.diverged(f"seed {self.seed} {'+'.join(self.world.names)} step {step}: {what} [deaths: {deaths}]")


def people(world: World) -> None:
    """The items that wishes are about, made by people."""
    for name in world.names:
        site = world.sites[name]
        for number in range(world.chance.randint(2, 4)):
            if name in ("jc", "jd"):
                site.create_issue(SCOPE[name], f"支付接口 {number}", "zhang-wei")
            elif name == "tr":
                board = next(iter(site.state.boards.values()))["id"]
                site.add_card(board, LISTS[0], f"支付测试 {number}", by="li-na")
    world.clock.now += timedelta(minutes=20)  # what was just made is not within the overlap any more


def ends(world: World) -> list[End]:
    """Every task of the world as an end of links."""
    found: list[End] = []
    for name in world.names:
        site = world.sites[name]
        if name in ("jc", "jd"):
            for issue in site.site.issues.values():
                url = f"http://{name}.test/browse/{issue.key}"
                found.append(End(name, str(issue.id), issue.key, issue.summary, url))
        elif name == "tr":
            cards = site.state.cards.values()
            found += [End(name, c["id"], "", c["name"], f"http://tr.test/c/{c['shortLink']}") for c in cards]
    return found


def first_wishes(world: World) -> None:
    """A comment on some tasks, links between some at each end, pages with files and labels, and words in a room."""
    tasks = ends(world)
    for number, task in enumerate(tasks):
        if world.chance.random() < 0.8:
            add(world, Wish(f"c{number}", "comment", task.site, task.item, "比计划晚 1 个工作日"))
    for _ in range(world.chance.randint(1, 3) if len(tasks) > 1 else 0):
        link(world, *world.chance.sample(tasks, 2))
    for name in set(world.names) & {"kc", "kd"}:
        files = (("图.png", PICTURES[0]),)
        add(world, Wish(f"{name}-top", "page", name, SCOPE[name], "第 1 版", files=files, labels=("alpha",)))
        add(world, Wish(f"{name}-sub", "page", name, SCOPE[name], "第 1 版", below=f"{name}-top", labels=("beta",)))
        add(world, Wish(f"{name}-bare", "page", name, SCOPE[name], "第 1 版"))
    if world.chance.random() < 0.6:
        add(world, Wish("m0", "message", "robot", "group-1", "支付接口开发比计划晚"))


def add(world: World, wish: Wish) -> None:
    world.wishes[wish.key] = wish
    for name, data in wish.files:
        contents = world.files_said.setdefault((wish.key, name), [])
        if data not in contents[-1:]:
            contents.append(data)


def link(world: World, before: End, after: End) -> None:
    """The first blocks the second, said at both ends; in one tool that shows links at both, said once. Never the reverse as well."""
    pairs = {(w.item, w.other.item) for w in world.wishes.values() if w.other}
    if (before.item, after.item) in pairs or (after.item, before.item) in pairs:
        return
    key = f"{before.site}{before.item}>{after.site}{after.item}"
    add(world, Wish(f"{key}:a", "link", before.site, before.item, other=after, is_blocking=True))
    if before.site != after.site or before.site == "tr":
        add(world, Wish(f"{key}:b", "link", after.site, after.item, other=before, is_blocking=False))


def change_wishes(world: World, number: int) -> None:
    """Texts, files and labels change; links are withdrawn and others wished; one more thing is said."""
    before = dict(world.wishes)
    for wish in list(world.wishes.values()):
        if wish.kind == "comment" and world.chance.random() < 0.7:
            add(world, replace(wish, text=f"比计划晚 {number + 2} 个工作日"))
        elif wish.kind == "page" and world.chance.random() < 0.7:
            files = tuple((name, PICTURES[number + 1]) for name, _ in wish.files)
            labels = world.chance.choice((("alpha",), ("gamma",), ("alpha", "delta")))
            add(world, replace(wish, text=f"第 {number + 2} 版", files=files, labels=labels))
    links = sorted({key[:-1] for key, wish in world.wishes.items() if wish.kind == "link"})
    for key in links:
        if world.chance.random() < 0.4:
            for side in "ab":
                world.wishes.pop(key + side, None)
    tasks = ends(world)
    if len(tasks) > 1 and world.chance.random() < 0.7:
        link(world, *world.chance.sample(tasks, 2))
    if world.chance.random() < 0.4:
        add(world, Wish(f"m{number + 1}", "message", "robot", "group-1", f"又晚了 {number}"))
    if _lasting(world.wishes) != _lasting(
        before
    ):  # else what may be taken back was written for the change before this one
        world.earlier = before


def _lasting(wishes: Mapping[str, Wish]) -> dict[str, Wish]:
    """What is put somewhere; words in a room are not taken back, and may be unsure."""
    return {key: wish for key, wish in wishes.items() if wish.kind != "message"}
