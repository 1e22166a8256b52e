"""One world's story: runs of the command line with people in between, and after each of them a search of every place for what may not
stand there.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

from prometheus_client import generate_latest

from campaigns.report import Report
from campaigns.restricted_company import FORMS, Wire, new_database, tieline
from campaigns.restricted_places import Place, places_of
from campaigns.restricted_search import Haystack, around
from campaigns.restricted_world import World

RUNS = (("run", "--accept-first-run", "--accept-plan"), ("run", "--accept-first-run", "--accept-plan", "--json"))
LOOKS = (
    ("tasks",), ("tasks", "--json"), ("dependencies",), ("dependencies", "--json"), ("dependencies", "--relations", "--json"),
    ("dependencies", "--external"), ("dependencies", "--external", "--json"), ("findings", "--state", "all"),
    ("findings", "--json", "--state", "all"), ("certify",), ("certify", "--json"), ("runs",), ("runs", "--json"),
    ("remap", "--dry-run"), ("remap", "--dry-run", "--json"), ("plan",), ("plan", "--json"), ("baseline",), ("baseline", "--json"),
    ("retract", "--dry-run"), ("retract", "--dry-run", "--json"), ("collect",), ("collect", "--json"), ("apply", "--json"),
)  # fmt: skip
MASKS = ("受限任务，请联系", "Restricted item, please ask")
# What people wrote on open records themselves, in links that they made, may be read there by everybody.
QUOTES_PEOPLE = ("dependencies --external", "raw export: the file")


class Story:
    """One world from its first run on."""

    def __init__(self, folder: Path, wire: Wire, seed: int, report: Report) -> None:
        self.seed, self.report, self.wire, self.folder = seed, report, wire, folder
        self.chance = random.Random(seed ^ 0x5EC2E7)
        number = self.chance.randrange(len(FORMS))
        self.world = World(seed, FORMS[number].sites)
        wire.sites, wire.broken = self.world.sites, {}
        wire.written.clear()
        self.config = folder / str(number) / "tieline.yaml"
        self.database = new_database(folder, "world.sqlite")
        self.past: set[Place] = set()
        self.step, self.deeds = 0, ["the first run"]
        self.told: set[str] = set()

    def play(self, looks: int) -> None:
        """Two to four runs, each looked at; at the end perhaps something is taken back."""
        runs = self.chance.choice((2, 2, 3, 3, 4))
        for number in range(runs):
            if number:
                self.deeds = self.world.act()
                self.report.count("things people did", len(self.deeds))
                for deed in self.deeds:
                    self.report.count(f"people {deed.split()[0]}")
            if self.chance.random() < 0.4:
                self._look_before()
            self._run(self.chance.choice(RUNS), is_a_run=True)
            for command in self.chance.sample(LOOKS, looks):
                self._run(command)
            self._explain()
            if number == runs - 1 or self.chance.random() < 0.3:
                self._export()
        if self.chance.random() < 0.35:
            self._take_back()
        self.report.count("worlds")

    def play_by_script(self) -> None:
        """What every campaign must have seen at least once: a link and a comment whose end is closed, and the end of a story told before
        its end is closed. A world without a pair of open ends in two tools tells nothing.
        """
        self._run(RUNS[0], is_a_run=True)
        if pairs := self.world.open_pairs():
            self.report.count("scripted stories")
            before, after = self.chance.choice(pairs)
            end = self.chance.choice((before, after))
            self._then(lambda: self.world.slip(before, 25))
            self._then(lambda: self.world.close(end))
            self._then(lambda: self.world.open_again(end))
            self._hide_and_show()
            self._then(lambda: self.world.finish(before))
            self._then(lambda: self.world.close(end))
            if end.kind == "issue":
                self._then(lambda: self.world.hide(end))
            self._undo(3)
        self.report.count("worlds")

    def _hide_and_show(self) -> None:
        """An issue that a text of another tool names is closed to everybody but a few, and Tieline's account is none of them."""
        named = [
            item
            for item in self.world.tasks()
            if item.kind == "issue" and not item.is_restricted and self.world.is_named(item)
        ]
        if named:
            item = self.chance.choice(named)
            self._then(lambda: self.world.hide(item))
            self._then(lambda: self.world.hide(item))

    def _then(self, deed: Callable[[], str]) -> None:
        self.world.hidden_now.clear()
        self.deeds = self.world.does(deed)
        self._run(("collect",))
        self._run(("plan", "--json"))
        self._run(("plan",))
        self._run(RUNS[1], is_a_run=True)
        self._run(("findings", "--json", "--state", "all"))

    # -- commands

    def _run(self, command: tuple[str, ...], is_a_run: bool = False) -> None:
        self.step += 1
        self.wire.written.clear()
        code, said = tieline(self.config, self.database, *command)
        self.report.count("runs" if is_a_run else "commands looked at")
        name = " ".join(command)
        if code in (70, 1) or "Traceback" in said:
            self._diverged(f"{name}: exit {code}: {said[-600:]}")
        self._search_output(name, said)
        self._search_writes(name)
        if is_a_run:
            self.report.count(f"exit {code}")
            self._search_places(name)
            self._search_output("metrics", generate_latest().decode())

    def _look_before(self) -> None:
        """A careful admin reads what a run would do: it may take away what must not be quoted for that."""
        self._run(("collect",))
        self._run(self.chance.choice((("plan",), ("plan", "--json"), ("retract", "--dry-run", "--json"))))

    def _explain(self) -> None:
        item = self.chance.choice(self.world.items)
        self._run(("explain", item.ref, *self.chance.choice(((), ("--json",)))))

    def _export(self) -> None:
        file = self.folder / "export.jsonl"
        file.unlink(missing_ok=True)
        self._run(("raw", "export", str(file)))
        if file.exists():
            self._search_output("raw export: the file", file.read_text(encoding="utf-8"))

    def _take_back(self) -> None:
        """Undo a run or retract everything: what is put back may not be what may not be said any more."""
        self.deeds = self.world.act()
        self._run(RUNS[0], is_a_run=True)
        if self.chance.random() < 0.5:
            self._run(("retract", "--yes"), is_a_run=True)
            return
        self._undo(self.chance.choice((1, 2, 3)))

    def _undo(self, most: int) -> None:
        _, listed = tieline(self.config, self.database, "runs", "--json")
        runs = [run["id"] for run in json.loads(listed) if run["counts"].get("written")]
        for run in runs[:most]:
            self._run(("undo", run, *self.chance.choice(((), ("--json",)))), is_a_run=True)

    # -- the search

    def _search_output(self, name: str, text: str) -> None:
        """What is printed, logged or exported is read by nobody knows whom."""
        if not text:
            return
        hay = Haystack(text)
        for mask in MASKS:
            self.report.count("masks seen in outputs", text.count(mask))
        is_quoting = name.startswith(QUOTES_PEOPLE)
        for what, core, _ in self.world.secrets():
            self.report.count("canaries searched for")
            if hay.holds(core) and not (is_quoting and core in self.world.said):
                self._diverged(f"{name} shows the {what}: …{around(text, core)}…")

    def _search_writes(self, name: str) -> None:
        """What was sent to a vendor stands somewhere for a moment at least: only on the record itself may it name it."""
        for site, method, path, body in self.wire.written:
            hay = Haystack(f"{path}\n{body.decode('utf-8', 'replace')}")
            for what, core, circle in self.world.secrets():
                self.report.count("canaries searched for")
                if hay.holds(core) and not self._is_there_already(site, path, what, circle):
                    self._diverged(f"{name} sends the {what} to {site} {method} {path[:80]}: …{around(body, core)}…")
        self.report.count("writes searched", len(self.wire.written))

    def _is_there_already(self, site: str, path: str, what: str, circle: str) -> bool:
        """Whether a request's path names a record that may hold it. Trello's comments and check items are found by where they stand now."""
        for item in self.world.items:
            if item.site == site and (f"/{item.id}" in path or (item.key and f"/{item.key}" in path)):
                return self.world.may_stand(Place(site, item.id, "", ""), what, circle)
        return False

    def _search_places(self, name: str) -> None:
        now: set[Place] = set()
        secrets = list(self.world.secrets())
        out_of_reach = {(item.site, item.id) for item in self.world.items if item.is_hidden}  # Tieline sees it no more
        for place, text in places_of(self.world.sites):
            key = Place(place.site, place.item, "version", place.id) if "page" in place.kind else place
            now.add(key)
            if (place.site, place.item) in out_of_reach:
                continue
            if self.world.by_hand.get(place) == text or (place.kind == "old page" and key in self.past):
                continue
            self.report.count("places searched")
            self.report.count("messages searched", place.kind == "message")
            hay = Haystack(text)
            for mask in MASKS:
                self.report.count("masks seen at vendors", text.count(mask))
            for what, core, circle in secrets:
                self.report.count("canaries searched for")
                if hay.holds(core) and not self.world.may_stand(place, what, circle):
                    self._diverged(f"after {name}, {place} names the {what}: …{around(text, core)}…")
        self.past = now

    def _diverged(self, text: str) -> None:
        kind = text.partition(":")[0]
        if kind in self.told:
            return
        self.told.add(kind)
        self.report.diverged(f"seed {self.seed}, step {self.step} ({'; '.join(self.deeds)}): {text}")


def play(folder: Path, wire: Wire, seed: int, report: Report, looks: int = 4, *, is_scripted: bool = False) -> None:
    story = Story(folder, wire, seed, report)
    if is_scripted:
        story.play_by_script()
    else:
        story.play(looks)
