"""A company of two tools and a knowledge base, in memory, collected, mapped, judged and written to by the real engine."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from jobs.baseline.judge import BaselineSettings
from sync.adoption import Adopting
from sync.core.brakes import Accepted, Limits
from sync.core.plan import Change
from sync.core.values import Language, RawRecord, Record
from sync.core.vendor_change import VendorChange
from sync.core.view import ConnectionFacts
from sync.derive import Deriver
from sync.engine import Cycle, Engine, Parts, PlannedJob
from sync.mapping.schema import parse_all
from sync.reading import Site
from sync.registry import jobs_by_name
from sync.store.store import Store
from tests.fakes import FakeKnowledgeBase, FakeSource, FakeTracker

TODAY = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # Monday 10:00 in Shanghai
TITLE = "跨部门延期盘点"
MAPPING = """
version: 1
scope: [S]
language: {language}
zone: Asia/Shanghai
status: {{todo: todo, doing: in_progress, done: done, dropped: cancelled}}
task: {{title: title, vendor_status: status, start: start, due: due, department: department, project: project, owner: owner, started: started, finished: finished}}
dependencies:
  - {{field: waits_for, other: predecessor}}
"""
DEPARTMENTS = """
departments:
  技术部: {english_name: Engineering, head: chen-jie}
  产品部: {english_name: Product, head: zhao-min}
  财务部: {english_name: Finance}
"""
PEOPLE = """
people:
  chen-jie: {name: 陈杰, english_name: Chen Jie, department: 技术部}
  zhao-min: {name: 赵敏, english_name: Zhao Min, department: 产品部}
"""
KINDS = {"a": "task", "b": "task", "kb": "document"}
FILES = {
    "a.yaml": MAPPING,
    "b.yaml": MAPPING,
    "kb.yaml": "version: 1\nscope: [S]\n",
    "departments.yaml": DEPARTMENTS,
    "people.yaml": PEOPLE,
}


def url_of(connection: str, key: str) -> str:
    return f"https://{connection}.example/{key}"


def decode(raw: RawRecord) -> Record:
    """The connector's part: the payload is the record."""
    values = json.loads(raw.payload)
    ref, url = raw.ref, url_of(raw.ref.connection, raw.ref.key)
    changes = tuple(
        VendorChange(ref.key, "status", before, after, datetime.fromisoformat(at))
        for at, before, after in values.get("history", ())
    )
    record = Record(
        ref, ref.key, values["title"], url, raw.updated_at, values, raw.scope, raw.visibility, aliases=(url,)
    )
    return replace(record, changes=changes)


@dataclass
class Company:
    """``a`` holds what is waited for, ``b`` what waits; pages go to ``kb``. A day passes by ``wait``."""

    folder: Path
    adopting: Adopting = field(default_factory=lambda: Adopting(has_baseline=True))
    job_settings: dict[str, Any] = field(default_factory=dict)
    other_jobs: dict[str, Any] = field(default_factory=dict)  # settings by name
    limits: Limits = field(default_factory=Limits)
    language: Language = "zh-CN"
    now: datetime = TODAY
    source: dict[str, FakeSource] = field(
        default_factory=lambda: {n: FakeSource(n, kind=kind) for n, kind in KINDS.items()}
    )
    trackers: dict[str, FakeTracker] = field(default_factory=lambda: {n: FakeTracker() for n in "ab"})
    base: FakeKnowledgeBase = field(default_factory=FakeKnowledgeBase)

    def __post_init__(self) -> None:
        self.store = Store.open(f"sqlite:///{self.folder}/t.sqlite")
        self.store.migrate()
        texts = {
            name: text.format(language=self.language) if name in ("a.yaml", "b.yaml") else text
            for name, text in FILES.items()
        }
        files = {name: text.encode() for name, text in texts.items()}
        self.mappings = parse_all(files, {name: f"{name}.yaml" for name in KINDS})
        self.engine = self.restarted()

    def restarted(self) -> Engine:
        """The engine over the present settings."""
        jobs = [PlannedJob(jobs_by_name()["delays"], self._settings("delays"), lambda: ())]
        if self.adopting.has_baseline:
            page = BaselineSettings("kb", "TEAM", TITLE)
            jobs.append(PlannedJob(jobs_by_name()["baseline"], page, lambda: ()))
        jobs += [PlannedJob(jobs_by_name()[name], made, lambda: ()) for name, made in self.other_jobs.items()]
        facts = {
            name: ConnectionFacts(name, "fake", self.language, ports=("source", "tracker")) for name in ("a", "b")
        } | {"kb": ConnectionFacts("kb", "fake", self.language, ports=("knowledge_base",))}
        deriver = Deriver(self.store, self.mappings, dict.fromkeys(KINDS, decode), dict.fromkeys(KINDS, "1"))
        sites = {name: partial(Site, name, source, ("S",), 4, lambda: 0) for name, source in self.source.items()}
        self.parts = Parts(
            "acme", "Asia/Shanghai", self.store, deriver, sites, self, tuple(jobs), facts, self.mappings.calendars,
            self.limits, lambda: self.now, adopting=self.adopting,
        )  # fmt: skip
        self.engine = Engine(self.parts)
        return self.engine

    def _settings(self, job: str) -> Any:
        return jobs_by_name()[job].settings(**self.job_settings)

    def tracker(self, connection: str) -> FakeTracker:
        return self.trackers[connection]

    def knowledge_base(self, connection: str) -> FakeKnowledgeBase:
        return self.base

    def messenger(self, connection: str) -> Any:
        raise AssertionError("nothing is said in rooms here")

    def metric_sink(self, connection: str) -> Any:
        raise AssertionError("nothing is said in rooms here")

    def put(self, connection: str, key: str, **values: Any) -> None:
        """A task as its tool has it now; what is not named keeps its value."""
        source = self.source[connection]
        old = json.loads(source.items[key][2]) if key in source.items else {"title": f"任务 {key}", "status": "todo"}
        plain = {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}
        source.put(key, json.dumps(old | plain, ensure_ascii=False).encode())

    def pair(self, name: str, due: date, start: date, before: str = "技术部", after: str = "产品部") -> str:
        """A task of ``before`` due then, and one of ``after`` that should start then and waits for it; the dependency's key."""
        self.put("a", f"p{name}", department=before, start=due - timedelta(days=5), due=due, project="PAY")
        waits_for = [url_of("a", f"p{name}")]
        self.put(
            "b",
            f"s{name}",
            department=after,
            start=start,
            due=start + timedelta(days=3),
            waits_for=waits_for,
            project="WEB",
        )
        return f"a:task:p{name}>b:task:s{name}:finish_to_start"

    def late_pair(self, name: str, days: int = 7, **departments: str) -> str:
        """A pair whose predecessor is due ``days`` days after the successor should have started; both in the future."""
        start = self.now.date() + timedelta(days=14)
        return self.pair(name, start + timedelta(days=days), start, **departments)

    def wait(self, days: int = 1) -> None:
        self.now += timedelta(days=days)

    def run(self, **accepted: bool) -> Cycle:
        """One cycle that no brake held, a moment later than the last."""
        self.now += timedelta(seconds=1)
        cycle = self.engine.cycle(Accepted(**accepted))
        assert cycle.refused is None, str(cycle.refused)
        return cycle

    def written(self, **accepted: bool) -> list[str]:
        """What one cycle wrote: operation and kind, in order."""
        return [f"{change.operation} {change.kind}" for change in changes_of(self.run(**accepted))]

    def writes(self) -> int:
        """Writes that reached anything, ever."""
        return sum(tracker.writes for tracker in self.trackers.values()) + self.base.writes

    def comments(self) -> int:
        return sum(len(items) for tracker in self.trackers.values() for items in tracker.comments.values())

    def links(self) -> int:
        return sum(len(items) for tracker in self.trackers.values() for items in tracker.links.values())


def changes_of(cycle: Cycle) -> list[Change]:
    assert cycle.outcome is not None
    assert not (cycle.outcome.failed)
    assert not (cycle.outcome.unsure)
    assert not (cycle.outcome.deferred)
    return cycle.outcome.written
