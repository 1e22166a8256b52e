"""Secrets stay inside: every credential is a canary, vendors and networks do their worst, and nothing that leaves may hold one.

Each case is a company of its own with other canaries, other faults of the network, other hostile answers, and a few commands. The
oracle knows the canaries and its own encoders, nothing else.
"""

from __future__ import annotations

import logging
import multiprocessing
import random
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from campaigns.report import Report
from campaigns.secrets_canaries import Canary
from campaigns.secrets_company import SITES, Company
from campaigns.secrets_door import HOSTILE, Elsewhere
from campaigns.secrets_sabotage import SABOTAGES
from sandbox.faults import Fault
from sandbox.world import World
from sync import remote
from sync.core import secrets
from sync.gate import Gate

__all__ = ["SABOTAGES", "Canary", "run"]

LONG, SHORT = 300, 10
PER_WORLD = 10  # cases: their writes pile up
ENOUGH = 30
NETWORK = ("rate_limited", "unauthorized", "server_error", "html", "truncated", "reset", "lost_answer")
SETUPS = (*["none"] * 16, "wrong port", "wrong host", "missing file", "folder for a file", "file of another encoding",
          "empty variable", "secret in the file", "secret in the address", "database")  # fmt: skip
LIGHT = (
    ("check",), ("plan",), ("plan", "--json"), ("findings", "--json", "--state", "all"), ("findings",), ("certify",),
    ("certify", "--json"), ("runs",), ("runs", "--json"), ("explain", "PAY-1"), ("explain", "PAY-1", "--json"), ("tasks", "--json"),
)  # fmt: skip
HEAVY = (("run", "--accept-first-run"), ("run", "--accept-first-run", "--json"), ("collect",), ("collect", "--json"),
         ("doctor",), ("doctor", "--json"), ("certify", "--now"), ("directly",))  # fmt: skip


def run(*, seed: int, scale: float, workers: int) -> Report:
    """``scale`` 0 is the short form of CI, 1 the long one: three hundred companies."""
    report = Report("secrets", seed)
    if not scale:
        report.merge(part(seed, 0, SHORT))
        return report
    total = max(1, round(LONG * scale))
    shares = [(number, min(PER_WORLD, total - number)) for number in range(0, total, PER_WORLD)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for piece in pool.map(part, [seed] * len(shares), *zip(*shares, strict=True)):
            report.merge(piece)
    return report


def part(seed: int, first: int, cases: int) -> Report:
    """So many cases from this number on, in one world. A divergence names seed and case: ``part(seed, case, 1)`` plays it again."""
    report = Report("secrets", seed)
    with quick(), World() as world, TemporaryDirectory() as folder:
        world.trello.limits.enforce = False
        elsewhere = Elsewhere()
        try:
            for number in range(first, first + cases):
                if len(report.divergences) < ENOUGH:
                    place = Path(folder) / str(number)
                    place.mkdir()
                    case(seed, number, world, place, elsewhere, report)
        finally:
            elsewhere.close()
    return report


@contextmanager
def quick() -> Iterator[None]:
    """Nothing waits: what the vendors ask for is known, and not slept."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(remote, "_wait_s", lambda _: 0.0))
        stack.enter_context(patch.object(Gate, "hold", lambda *_: None))
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
        yield


def case(seed: int, number: int, world: World, folder: Path, elsewhere: Elsewhere, report: Report) -> None:
    """One company, from its configuration to what it left behind."""
    chance = random.Random(f"{seed} {number}")
    secrets._secrets.clear()
    elsewhere.heads.clear()
    company = Company(chance, world, folder, elsewhere, number)
    where = f"seed {seed} case {number}"
    try:
        setup = chance.choice(SETUPS)
        _set_up(setup, company, chance)
        report.count("companies")
        report.count(f"set up: {setup}")
        for form in company.forms:
            report.count(f"secret: {form}")
        with company.inside():
            for command in _commands(chance):
                _break_things(company, chance, report)
                _do(company, command, f"{where} {' '.join(command)}", report)
        _look(company, where, report)
    finally:
        company.close()
        for simulator in world.simulators.values():
            simulator.faults.clear()


def _commands(chance: random.Random) -> list[tuple[str, ...]]:
    return [chance.choice(HEAVY), chance.choice(LIGHT), chance.choice(LIGHT)]


def _do(company: Company, command: tuple[str, ...], where: str, report: Report) -> None:
    report.count(f"command: {command[0]}")
    code, said = (0, company.ask_directly()) if command == ("directly",) else company.say(*command)
    report.count(f"exit code {code}")
    for found in company.canaries.found_in(said.encode("utf-8", "backslashreplace")):
        report.diverged(f"{where}: said {found}")


def _look(company: Company, where: str, report: Report) -> None:
    played = [play for door in company.doors.values() for play in door.played]
    for play in played:
        report.count(f"hostile: {play}")
    told = {f"{place}: {found}" for place, data in company.leaves() for found in _found(company, place, data, played)}
    # A vendor is told the secret it signs deliveries with, and nothing else.
    for name, target, data in company.sent():
        but = frozenset({f"{name}.webhook_secret"}) if "webhook" in target else frozenset()
        told |= {f"sent to {name}: {found}" for found in company.canaries.found_in(data, but)}
    report.count("errors looked at", len(company.raised))
    report.count("requests looked at", sum(len(door.arrived) for door in company.doors.values()))
    for head in company.elsewhere.heads:
        if "authorization" in head.lower() or company.canaries.found_in(head.encode()):
            told.add("a redirect was followed with our credentials")
    for text in sorted(told):
        report.diverged(f"{where} {text} (played {sorted(set(played))})")


def _found(company: Company, place: str, data: bytes, played: list[str]) -> list[str]:
    """A colleague's text that holds a short word of ours stays what they wrote, so then only long secrets are looked for."""
    is_written_by_people = place.startswith("database") and bool({"echo_record", "echo_word"} & {*played})
    return company.canaries.found_in(data, is_only_long=is_written_by_people)


def _break_things(company: Company, chance: random.Random, report: Report) -> None:
    if chance.random() < 0.25:  # nothing fails, and our secrets stand in what people wrote, everywhere
        for door in company.doors.values():
            door.skip, door.plan = 0, [chance.choice(["echo_record", "echo_word"])] * 500
        return
    for name in chance.sample(list(SITES), chance.randint(1, 4)):
        door = company.doors[name]
        if chance.random() < 0.35:
            kind: Any = chance.choice(NETWORK)
            fault = Fault(kind, times=chance.choice([1, 2, 6, 40]), skip=chance.choice([0, 0, 1, 3, 8]), value=120)
            company.world.simulators[SITES[name]].faults.plan(fault)
            report.count(f"network: {kind}")
        else:
            door.skip = chance.choice([0, 0, 0, 1, 2, 4, 9])
            play = HOSTILE[company.turn % len(HOSTILE)]  # in turn, so that all of them come
            company.turn += 1
            is_item = play in ("echo_record", "echo_word")
            door.plan = [play] * (200 if is_item else chance.choice([1, 5, 6, 30]))


def _set_up(setup: str, company: Company, chance: random.Random) -> None:
    name = chance.choice(list(SITES))
    what = chance.choice([key for key in company.auth[name] if key not in ("email", "user")])
    secret = next(canary.text for canary in company.canaries.all if canary.name == f"{name}.{what}")
    path = company.folder / "odd"
    if setup == "database":
        company.hide_database(chance.choice(["postgresql+psycopg", "postgresql"]))
        return
    if setup == "folder for a file":
        path.mkdir()
    elif setup == "file of another encoding":
        path.write_bytes(secret.encode() + b"\xff\xfe" + secret.encode("utf-16"))
    values = {
        "wrong port": {"base_url": "http://127.0.0.1:1"}, "wrong host": {"base_url": "http://no-such-host.invalid"},
        "secret in the address": {"base_url": f"http://tieline:{secret}@127.0.0.1:1/"},
    }.get(setup, {})  # fmt: skip
    reference = {
        "missing file": "file:no/such/file", "folder for a file": "file:odd", "file of another encoding": "file:odd",
        "empty variable": "env:NOT_SET", "secret in the file": secret,
    }.get(setup)  # fmt: skip

    def change(tree: Any) -> None:
        connection = tree["connections"][name]
        connection.update(values)
        if reference:
            (connection["auth"] if what in connection.get("auth", {}) else connection)[what] = reference

    company.change(change)


if __name__ == "__main__":
    print("\n".join(part(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])).lines()))
