"""A real Jira Server's archive, collected whole: every issue a task, every link one dependency, relation or external reference.

The archive's own list of links (links.csv) is the judge: it names each link once with its direction, whichever ends show it.
"""

from __future__ import annotations

import csv
import gzip
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sandbox.jira import PERSONAL_ACCESS_TOKEN, JiraSimulator
from sandbox.server import Sandbox
from sync.app import App, build
from sync.core.values import Evidence, Ref
from sync.core.view import View
from sync.reading import Collected
from tests.shared import SHARED

ARCHIVE = SHARED / "data/jira-archive"
PROJECTS = ["ALOY", "DAEMON", "MOD"]
pytestmark = pytest.mark.skipif(not ARCHIVE.is_dir(), reason=f"the Jira archive is not at {ARCHIVE}")

# Which end comes first in time, read off the archive's outward words ("A depends on B": B first). Includes is left out of the
# mapping on purpose: a type that no rule names must come through too.
DEPENDENCIES = {
    "Blocks": ("source", "finish_to_start"),
    "Depends": ("target", "finish_to_start"),
    "Gantt: finish-start": ("source", "finish_to_start"),
    "Gantt End to Start": ("source", "finish_to_start"),
    "Gantt: start-finish": ("source", "start_to_finish"),
    "Gantt End to End": ("source", "finish_to_finish"),
}
RELATIONS = {"Relates": "relates", "Duplicate": "duplicates", "Cloners": "is cloned from", "Includes": "includes"}
MAPPING = """
version: 1
scope: [{scope}]
language: en
zone: UTC
status:
  {{Open: todo, Reopened: todo, In Progress: in_progress, In Review: in_progress, In QE Test: in_progress, Resolved: done, Closed: done}}
task: {{title: summary, vendor_status: status.name, owner: assignee, finished: resolutiondate, labels: labels}}
dependencies:
  - {{link: Blocks, outward: predecessor}}
  - {{link: Depends, outward: successor}}
  - {{link: "Gantt: finish-start", outward: predecessor}}
  - {{link: Gantt End to Start, outward: predecessor}}
  - {{link: "Gantt: start-finish", outward: predecessor, type: start_to_finish}}
  - {{link: Gantt End to End, outward: predecessor, type: finish_to_finish}}
  - {{link: Relates, relation: relates}}
  - {{link: Duplicate, relation: duplicates}}
  - {{link: Cloners, relation: is cloned from}}
"""
CONFIG = """
database: sqlite:///archive.sqlite
connections:
  archive: {{type: jira, variant: dc, base_url: "{url}", token: env:JIRA_DC_TOKEN, page_size: {page_size}, requests_per_second: 1000}}
"""


@dataclass(frozen=True)
class Link:
    """A line of links.csv."""

    id: str
    type: str
    source: str
    target: str

    @property
    def ends(self) -> tuple[str, str]:
        """The keys of predecessor and successor; of source and target where there is no order."""
        is_turned = DEPENDENCIES.get(self.type, ("source",))[0] == "target"
        return (self.target, self.source) if is_turned else (self.source, self.target)

    @property
    def meaning(self) -> str:
        return DEPENDENCIES[self.type][1] if self.type in DEPENDENCIES else RELATIONS[self.type]


@cache
def issues() -> dict[str, Any]:
    """The archive's issues by key, in the order of its files."""
    found = {}
    for project in PROJECTS:
        with gzip.open(ARCHIVE / f"{project}.issues.jsonl.gz", "rt", encoding="utf-8") as lines:
            found.update({issue["key"]: issue for issue in map(json.loads, lines)})
    return found


@cache
def links() -> tuple[Link, ...]:
    with (ARCHIVE / "links.csv").open(encoding="utf-8", newline="") as lines:
        return tuple(
            Link(row["link_id"], row["type"], row["source_outward_key"], row["target_key"])
            for row in csv.DictReader(lines)
        )


def ref(key: str) -> Ref:
    return Ref.of("archive", "task", issues()[key]["id"])


def count_inside(link: Link) -> int:
    return sum(key in issues() for key in link.ends)


def expected_between() -> set[tuple[str, str, str, str]]:
    """(link id, first end, second end, meaning) of each link with both ends in the archive."""
    found: set[tuple[str, str, str, str]] = set()
    for link in links():
        if count_inside(link) == 2:
            first, second = map(ref, link.ends)
            if link.meaning == "relates":  # says the same from both ends
                first, second = sorted((first, second))
            found.add((link.id, first, second, link.meaning))
    return found


def expected_outside() -> set[tuple[str, str, str, str, str]]:
    """(link id, our end, key of the other end, what the other end is, relation) of each link that leaves the archive."""
    found: set[tuple[str, str, str, str, str]] = set()
    for link in links():
        if count_inside(link) == 1:
            first, second = link.ends
            relation = RELATIONS.get(link.type, "")
            if first in issues():
                found.add((link.id, ref(first), second, "successor", relation))
            else:
                found.add((link.id, ref(second), first, "predecessor", relation))
    return found


def between(view: View) -> list[tuple[str, str, str, str]]:
    """What was made of the links inside: each link id once for every dependency or relation that rests on it."""
    found: list[tuple[str, str, str, str]] = []
    for item in view.dependencies:
        found += [(link_id, item.predecessor, item.successor, item.type) for link_id in link_ids(item.evidence)]
    for relation in view.relations:
        found += [(link_id, relation.source, relation.target, relation.word) for link_id in link_ids(relation.evidence)]
    return found


def link_ids(evidence: Iterable[Evidence]) -> set[str]:
    return {item.source_id for item in evidence}


def outside(view: View) -> list[tuple[str, str, str, str, str]]:
    return [
        (link_id, str(item.record), item.text, str(item.side), item.relation)
        for item in view.external_references
        for link_id in link_ids(item.evidence)
    ]


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[App]:
    """Tieline over a Data Center that holds the archive: in pages of this size, loaded and collected in an order of this seed."""
    page_size, seed = request.param
    shuffled, scope = list(issues().values()), list(PROJECTS)
    if seed:
        random.Random(seed).shuffle(shuffled)
        random.Random(seed).shuffle(scope)
    site = JiraSimulator("archive", "dc")
    for issue in shuffled:
        assert site.load(issue) == "issue"
    monkeypatch.setenv("JIRA_DC_TOKEN", PERSONAL_ACCESS_TOKEN)
    with Sandbox([site]) as sandbox:
        (tmp_path / "mappings").mkdir()
        (tmp_path / "mappings" / "archive.yaml").write_text(MAPPING.format(scope=", ".join(scope)))
        (tmp_path / "tieline.yaml").write_text(CONFIG.format(url=sandbox.url("archive"), page_size=page_size))
        opened = build(tmp_path / "tieline.yaml")
        yield opened
        opened.close()


def collected(app: App) -> Collected:
    _, (report,) = app.engine.collect()
    assert report.error is None
    certificate = report.certificate(app.clock())
    assert certificate.is_complete
    assert (certificate.counted, certificate.stored, certificate.skipped) == (len(issues()), len(issues()), {})
    return report


def assert_whole(app: App) -> View:
    """Nothing lost, nothing twice, nothing the wrong way round."""
    view = app.engine.view()
    titles = {str(task.ref): task.title for task in view.tasks.values()}
    # Mapping trims what it reads; 80 of the archive's summaries begin or end in spaces.
    assert titles == {str(ref(key)): issue["fields"]["summary"].strip() for key, issue in issues().items()}
    assert "unknown" not in {task.status for task in view.tasks.values()}
    assert sorted(between(view)) == sorted(expected_between())
    assert sorted(outside(view)) == sorted(expected_outside())
    for evidence in (item.evidence for group in (view.dependencies, view.relations) for item in group):
        assert set(Counter(item.source_id for item in evidence).values()) == {2}, "each link is seen from both its ends"
    return view


@pytest.mark.parametrize("app", [(1000, 0), (50, 2)], indirect=True, ids=["1000", "50-shuffled"])
def test_every_issue_and_every_link_of_the_archive_arrives_once(app: App) -> None:
    assert collected(app).stored == len(issues())
    view = assert_whole(app)
    assert collected(app).stored == 0
    assert app.engine.view().dependencies == view.dependencies
    assert_whole(app)
    findings = {
        (item.kind, item.parameters["value"]) for item in app.deriver.findings() if item.kind != "contradiction"
    }
    assert findings == {("unmapped_link", "Includes")}
    inside = Counter(count_inside(link) for link in links())
    print(  # noqa: T201 - the figures of docs/benchmarks.md: pytest -s
        f"{len(view.tasks)} issues; {len(links())} links: {inside[2]} inside, {inside[1]} with one end outside, "
        f"{inside[0]} that touch none of them; {len(view.dependencies)} dependencies, {len(view.relations)} relations, "
        f"{len(view.external_references)} external references"
    )
