"""`tieline run` killed without warning at random moments of the first run: nothing twice, nothing missing, and then quiet."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

from tests.end_to_end.company import Company, founded, spawn
from tests.end_to_end.traces import Thing, things

KILLS = 5


def kill_at_a_random_moment(company: Company, chance: random.Random) -> bool:
    """Start a run and kill it: before it writes, or right after some write reached a site. False when it ended first."""
    before, wanted = len(company.writes()), chance.randint(0, 4)
    ends_at = time.monotonic() + (chance.uniform(0.2, 1.5) if wanted == 0 else 30)
    running = spawn("run", "--accept-first-run", "--config", company.config)
    while running.poll() is None and time.monotonic() < ends_at:
        if wanted and len(company.writes()) >= before + wanted:
            time.sleep(chance.uniform(0, 0.02))
            break
        time.sleep(0.002)
    was_running = running.poll() is None
    running.kill()
    running.communicate()
    return was_running


def test_killed_again_and_again_nothing_is_written_twice(tmp_path: Path, undisturbed: Counter[Thing]) -> None:
    chance = random.Random(1)
    with founded(tmp_path / "company") as company:
        kills = sum(kill_at_a_random_moment(company, chance) for _ in range(KILLS))
        assert kills  # how many depends on how quick this machine is just now
        answer = company.run(0, "--accept-first-run")
        assert answer["apply"]["failed"] == answer["apply"]["unsure"] == []
        assert all(item["certificate"]["is_complete"] for item in answer["collect"].values())
        assert things(company) == undisturbed
        with company.silence():
            company.run(0)
        killed = [run for run in company.say("runs", "--json").json() if run["ended_at"] is None]
        assert killed, "the runs that were killed can be seen"
