"""The first day in a living company: one page, no comment; then only news. Through the real engine, over fakes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sync.adoption import Adopting
from sync.core.errors import UnsafePlan
from sync.core.markdown import markdown_from_rich_text
from tests.adoption.company import TITLE, Company, changes_of

TWO_COMMENTS = ["create link", "create link", "create comment", "create comment"]


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    made = Company(tmp_path)
    yield made
    made.store.close()


def page_text(company: Company) -> str:
    [stored] = company.base.pages.values()
    return markdown_from_rich_text(stored.body)


def test_860_late_pairs_are_one_page_and_then_only_news_is_told(tmp_path: Path) -> None:
    company = Company(tmp_path)
    for number in range(860):
        company.late_pair(str(number), days=3 + number % 20)
    assert company.written() == ["create page"]
    assert (company.comments(), company.links(), company.writes()) == (0, 0, 1)
    assert page_text(company).count("任务 p") == 860
    company.wait()
    company.late_pair("new")
    assert company.written() == TWO_COMMENTS
    assert (company.comments(), company.links(), company.writes()) == (2, 2, 5)
    company.wait()
    assert company.written() == []
    assert company.writes() == 5


def test_a_slip_of_a_known_pair_makes_exactly_two_comments(company: Company) -> None:
    company.late_pair("1", days=7)
    company.late_pair("2", days=7)
    company.run()
    company.wait()
    company.put("a", "p1", due=company.now.date() + timedelta(days=30))
    assert company.written() == TWO_COMMENTS
    company.wait()
    assert company.written() == []


def test_pairs_on_plan_get_no_links_on_the_first_day_and_speak_when_they_are_late(company: Company) -> None:
    company.late_pair("late")
    due = company.now.date() + timedelta(days=10)
    company.pair("fine", due, due + timedelta(days=5))
    assert company.written() == ["create page"]
    assert company.written() == []
    company.put("a", "pfine", due=due + timedelta(days=20))
    assert company.written() == TWO_COMMENTS


def test_a_pair_that_is_new_is_linked_at_once(company: Company) -> None:
    company.late_pair("late")
    company.run()
    due = company.now.date() + timedelta(days=10)
    company.pair("new", due, due + timedelta(days=5))
    assert company.written() == ["create link", "create link"]


def test_the_clock_alone_is_no_news(company: Company) -> None:
    """Past due without a new date on the first day: silent however long it lasts."""
    today = company.now.date()
    company.pair("1", today - timedelta(days=3), today - timedelta(days=10))
    company.run()
    for _ in range(10):
        company.wait(3)
        assert company.written() == []
    company.put("a", "p1", due=company.now.date() + timedelta(days=5))
    assert company.written() == TWO_COMMENTS


def test_a_promised_date_that_is_not_kept_is_news_once(company: Company) -> None:
    today = company.now.date()
    company.pair("1", today + timedelta(days=2), today)
    company.run()
    company.wait(2)
    assert company.written() == []
    company.wait(7)
    assert company.written() == TWO_COMMENTS
    company.wait(7)
    assert company.written() == []


def test_what_was_over_and_is_late_again_is_news(company: Company) -> None:
    start = company.now.date() + timedelta(days=14)
    company.pair("1", start + timedelta(days=7), start)
    company.run()
    company.put("a", "p1", due=start - timedelta(days=3))
    assert company.written() == []
    assert company.written() == []
    company.put("a", "p1", due=start + timedelta(days=7))  # as late as on the first day, and a new delay all the same
    assert company.written() == TWO_COMMENTS


def test_a_small_slip_waits_until_it_is_worth_a_comment(tmp_path: Path) -> None:
    company = Company(tmp_path, job_settings={"min_slip_days": 3})
    start = company.now.date() + timedelta(days=14)
    company.pair("1", start + timedelta(days=7), start)
    company.run()
    company.put("b", "s1", start=start - timedelta(days=1))  # the successor's own plan moves: one day more between them
    assert company.written() == []
    company.put("b", "s1", start=start - timedelta(days=7))
    assert company.written() == TWO_COMMENTS


def test_an_earlier_date_is_no_news(company: Company) -> None:
    start = company.now.date() + timedelta(days=14)
    company.pair("1", start + timedelta(days=14), start)
    company.run()
    company.put("a", "p1", due=start + timedelta(days=7))
    assert company.written() == []


@pytest.mark.parametrize("name", ["a", "b", "kb"])
def test_nothing_is_said_before_everything_is_complete(company: Company, name: str) -> None:
    company.late_pair("1")
    company.source[name].is_hidden = True
    assert company.written() == []
    assert "baseline_waits" in {item.finding.kind for item in company.store.findings("open")}
    company.source[name].is_hidden = False
    assert company.written() == ["create page"]
    assert "baseline_waits" not in {item.finding.kind for item in company.store.findings("open")}


def test_a_company_without_dependencies_has_no_first_day_yet(company: Company) -> None:
    company.put("a", "p1", department="技术部")
    assert company.written() == []
    company.late_pair("1")
    assert company.written() == ["create page"]


def test_findings_are_there_from_the_first_day(company: Company) -> None:
    company.late_pair("1")
    company.run()
    [found] = [item.finding for item in company.store.findings("open") if item.finding.kind == "delay"]
    assert found.parameters["is_baseline"] is True


def test_the_page_is_a_record_of_its_day(company: Company) -> None:
    for name in ("1", "2", "3"):
        company.late_pair(name)
    company.run()
    before = page_text(company)
    company.put("a", "p1", status="done")
    company.put("a", "p2", title="改过的名字")
    company.wait(5)
    assert company.written() == []
    assert page_text(company) == before


def test_a_title_that_becomes_restricted_is_masked_on_the_page_once(company: Company) -> None:
    company.late_pair("1")
    company.late_pair("2")
    company.run()
    assert "任务 p1" in page_text(company)
    company.source["a"].restricted.add("p1")
    company.put("a", "p1", title="秘密收购")
    assert company.written() == ["update page"]
    assert "任务 p1" not in page_text(company)
    assert "秘密收购" not in page_text(company)
    assert "受限任务，请联系 技术部 陈杰" in page_text(company)
    assert "任务 p2" in page_text(company)
    company.source["a"].restricted.clear()
    company.put("a", "p1", title="公开了")
    assert company.written() == []


def test_a_restricted_pair_is_masked_from_the_first_day(company: Company) -> None:
    company.source["a"].restricted.add("p1")
    company.late_pair("1")
    company.put("a", "p1", title="秘密收购")
    company.run()
    assert "秘密收购" not in page_text(company)
    assert "https://a.example/p1" not in page_text(company)


def test_people_write_around_the_page_and_it_stays(company: Company) -> None:
    company.late_pair("1")
    company.run()
    [stored] = company.base.pages.values()
    stored.outside = "讨论：下周一过一遍"
    stored.edit()
    company.wait()
    assert company.written() == []


def test_the_page_alone_needs_no_acceptance_and_everything_else_does(tmp_path: Path) -> None:
    with_baseline, without = Company(tmp_path), Company(_folder(tmp_path, "other"), adopting=Adopting())
    with_baseline.late_pair("1")
    assert with_baseline.written() == ["create page"]
    without.late_pair("1")
    without.engine.collect()
    with pytest.raises(UnsafePlan, match="accept-first-run"):
        without.engine.apply()
    assert without.written(is_first_run=True) == TWO_COMMENTS


def test_where_a_page_of_that_title_stands_the_baseline_is_taken_all_the_same(company: Company) -> None:
    """The place is taken: a finding tells; nothing floods because of it, and news is still told."""
    from sync.core.ports import PageContent

    company.base.create_page("", PageContent("TEAM", TITLE, ()))
    company.late_pair("1")
    cycle = company.run()
    assert changes_of(cycle) == []
    assert "not_ours" in {item.finding.kind for item in company.store.findings("open")}
    company.late_pair("2")
    assert company.written() == TWO_COMMENTS


def test_clearing_lets_a_pair_speak(company: Company) -> None:
    key, other = company.late_pair("1"), company.late_pair("2")
    company.run()
    company.store.let_speak([key])
    assert company.written() == TWO_COMMENTS
    assert company.written() == []
    company.store.let_speak()
    assert company.written() == TWO_COMMENTS
    assert company.store.baseline()[1] == []
    assert other in {
        item.key.removeprefix("delays:comment:").rpartition("@")[0] for item in company.store.published().values()
    }


def test_a_tieline_that_spoke_before_has_no_first_day(tmp_path: Path) -> None:
    company = Company(tmp_path, adopting=Adopting())
    company.late_pair("1")
    company.run(is_first_run=True)
    company.adopting = Adopting(has_baseline=True)
    company.restarted()
    company.late_pair("2")
    assert company.written() == TWO_COMMENTS
    assert company.base.pages == {}


def test_taking_the_section_away_does_not_make_the_first_day_speak(company: Company) -> None:
    company.late_pair("1")
    company.run()
    company.adopting = Adopting()
    company.restarted()
    company.wait()
    assert company.written() == []


def _folder(path: Path, name: str) -> Path:
    (path / name).mkdir()
    return path / name
