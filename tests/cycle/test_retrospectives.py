"""Retrospectives through the real engine: what ended is told to jobs once and for all, and a page that was handed over stays people's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from jobs.delays.lateness import DelaySettings
from jobs.retrospectives.episodes import RetrospectiveSettings
from sync.adoption import Adopting, Pilot
from sync.core.brakes import Accepted, Limits
from sync.core.plan import Judgement, fingerprint
from sync.core.ports import Job
from sync.core.rich_text import Paragraph, Text
from sync.core.values import TrackedFinding
from sync.core.view import View
from sync.engine import Engine, PlannedJob
from tests.adoption.company import TODAY, Company, changes_of
from tests.fakes import StoredPage

START = date(2026, 12, 7)  # Monday
QUIET = {"is_linking": False, "is_commenting": False}


def founded(folder: Path, **values: object) -> Company:
    others = {"retrospectives": RetrospectiveSettings("kb", "TEAM")}
    return Company(folder, Adopting(), dict(QUIET), others, **values)  # type: ignore[arg-type]


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    made = founded(tmp_path)
    made.pair("1", START + timedelta(days=14), START)
    assert made.written(is_first_run=True) == []
    made.wait()
    yield made
    made.store.close()


def drafts(company: Company) -> list[StoredPage]:
    return list(company.base.pages.values())


def kinds(company: Company) -> set[str]:
    return {item.finding.kind for item in company.store.findings("open")}


def finish(company: Company) -> list[str]:
    company.put("a", "p1", status="done")
    return company.written(is_first_run=True)


def test_one_page_when_it_is_over_and_then_it_is_peoples_own(company: Company) -> None:
    assert finish(company) == ["create page"]
    assert company.written() == []
    [page] = drafts(company)
    assert page.page.title == "复盘：任务 p1 延期（2026-11-24）"
    page.edit(body=(Paragraph((Text("原因：测试环境不够"),)),))
    company.wait()
    assert company.written() == []
    company.base.pages.clear()
    assert company.written() == []
    assert not {"edited", "gone"} & kinds(company)


def test_what_becomes_restricted_is_masked_unless_somebody_wrote_there_who_then_hears_of_it(company: Company) -> None:
    finish(company)
    company.source["a"].restricted.add("p1")
    company.put("a", "p1", status="done")
    assert company.written() == ["update page"]
    [page] = drafts(company)
    assert page.page.title == "复盘：任务 s1 等待前置任务（2026-11-24）"
    page.edit(body=(Paragraph((Text("任务 s1 等了两周"),)),))
    company.source["b"].restricted.add("s1")
    company.put("b", "s1")
    assert company.written() == []
    assert "edited" in kinds(company)


class Spy(Struct, frozen=True):
    """Settings of a job that reads findings: what it saw as over, run by run."""

    seen: list[list[str]]


def spied(company: Company, delays: Job | None = None) -> Spy:
    """A reader beside, or instead of, the jobs of this company."""
    spy = Spy([])

    def judge(view: View, settings: Spy, _published: object) -> Judgement:
        settings.seen.append([item.finding.kind for item in view.ended if item.resolved_at == view.at])
        return Judgement()

    reader = PlannedJob(Job("spy", Spy, judge, reads_findings=True), spy, lambda: ())
    jobs = tuple(
        replace(item, job=delays) if delays and item.job.name == "delays" else item for item in company.parts.jobs
    )
    company.engine = Engine(replace(company.parts, jobs=(*jobs, reader)))
    return spy


def test_a_source_that_is_down_ends_nothing(company: Company) -> None:
    spy = spied(company)
    company.put("a", "p1", status="done")
    company.source["b"].is_hidden = True
    assert company.written() == []
    company.wait()
    company.source["b"].is_hidden = False
    assert company.written(is_first_run=True) == ["create page"]
    company.run()
    assert spy.seen == [[], ["delay", "one_sided", "unowned"], []]


def test_a_job_that_breaks_ends_nothing(company: Company) -> None:
    def judge(*_: object) -> Judgement:
        raise KeyError("no such thing")

    spy = spied(company, Job("delays", DelaySettings, judge))
    assert finish(company) == []
    assert spy.seen == [[]]


def test_a_delay_that_ended_in_a_run_that_wrote_nothing_is_looked_back_on_by_the_next(company: Company) -> None:
    company.put("a", "p1", status="done")
    held = company.engine.cycle()  # held by the brake of a first run
    assert held.refused is not None
    assert "delay" in {item.finding.kind for item in held.news.resolved}
    company.wait(6)
    assert company.written(is_first_run=True) == ["create page"]
    assert "（2026-11-24）" in drafts(company)[0].page.title


def test_what_was_over_for_long_before_anybody_asked_is_not_looked_back_on(company: Company) -> None:
    company.put("a", "p1", status="done")
    company.other_jobs.clear()
    company.restarted()
    company.run()
    company.wait(8)
    company.other_jobs["retrospectives"] = RetrospectiveSettings("kb", "TEAM")
    company.restarted()
    assert company.written() == []


def test_what_was_reviewed_is_what_is_written_later(company: Company) -> None:
    company.put("a", "p1", status="done")
    company.engine.collect()
    [change] = company.engine.plan().plan.changes
    company.now += timedelta(minutes=5)
    cycle = company.engine.apply(Accepted(is_first_run=True), reviewed={fingerprint(change)})
    assert changes_of(cycle) == [change]


def test_outside_the_pilot_nothing_is_drafted(company: Company) -> None:
    market = company.mappings.directory.department("财务部")
    assert market is not None
    company.adopting = Adopting(pilot=Pilot(frozenset({market})))
    company.restarted()
    assert finish(company) == []


# -- over random histories

EDGES = {"p1": ("s1", "s2"), "p2": ("s3",)}
Op = tuple[str, int, int]
OPS = st.lists(
    st.tuples(
        st.sampled_from(["due", "due", "finish", "reopen", "down", "replan"]), st.integers(0, 1), st.integers(-1, 4)
    ),
    min_size=3,
    max_size=9,
)


class Watch:
    """An account of its own: what stood, how bad it was, and which pages there must be."""

    def __init__(self) -> None:
        self.worst: dict[str, tuple[bool, int]] = {}  # standing: whether it was critical, and the most days told
        self.over: dict[str, list[tuple[bool, int]]] = {"p1": [], "p2": []}
        self.pages = 0

    def see(self, standing: list[TrackedFinding]) -> None:
        now = {item.finding.key: item.finding for item in standing if item.finding.kind == "delay"}
        for key in self.worst.keys() - now.keys():
            self.over[_predecessor(key)].append(self.worst.pop(key))
        for key, finding in now.items():
            is_critical, days = self.worst.get(key, (False, 0))
            told = finding.parameters["slip_days"]
            worse = days if told is None else max(days, told)
            self.worst[key] = (is_critical or finding.severity == "critical", worse)
        busy = {_predecessor(key) for key in self.worst}
        for name in self.over.keys() - busy:
            is_due = any(is_critical and (days == 0 or days >= 3) for is_critical, days in self.over[name])
            self.pages += is_due
            if is_due:
                self.over[name].clear()


def _predecessor(key: str) -> str:
    return next(name for name in EDGES if f"task:{name}>" in key)


def _play(company: Company, op: Op) -> bool:
    """One thing that happens; whether every source can be read then."""
    what, number, weeks = op
    name = f"p{number + 1}"
    if what == "due":
        company.put("a", name, due=START + timedelta(days=weeks * 3))
    elif what in ("finish", "reopen"):
        company.put("a", name, status="done" if what == "finish" else "doing")
    elif what == "replan":
        for waiting in EDGES[name]:
            start = START + timedelta(days=weeks * 3)
            company.put("b", waiting, start=start, due=start + timedelta(days=3))
    company.source["b"].is_hidden = what == "down"
    return what != "down"


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(OPS)
def test_at_most_one_page_per_episode_none_below_the_floor_and_none_on_incomplete_data(
    tmp_path_factory: pytest.TempPathFactory, ops: list[Op]
) -> None:
    company = founded(tmp_path_factory.mktemp("history"), limits=Limits(max_share=1.0))
    for name, waiting in EDGES.items():
        company.put("a", name, department="技术部", start=TODAY.date(), due=START - timedelta(days=3))
        for other in waiting:
            waits_for = [f"https://a.example/{name}"]
            dates = {"start": START, "due": START + timedelta(days=3)}
            company.put("b", other, department="产品部", waits_for=waits_for, **dates)
    watch = Watch()
    try:
        for op in ops:
            is_complete = _play(company, op)
            before = len(drafts(company))
            written = company.written(is_first_run=True)
            watch.see(company.store.findings("open", "acknowledged"))
            assert set(written) <= {"create page"}
            assert is_complete or not written
            assert len(drafts(company)) - before == len(written)
            assert len(drafts(company)) == watch.pages
            company.wait()
    finally:
        company.store.close()
