"""Adoption and retraction through the command line against the simulators: no mark of ours is left, and people's work is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.end_to_end.company import Company, founded, tieline
from tests.end_to_end.test_story import card_comments
from tests.end_to_end.traces import things

LANGUAGES = ("zh-CN", "en")
BLOCKER, WAITING = "PAY-1", "支付流程测试"
PAGE = {"connection": "confluence-main", "space": "TEAM", "title": "跨部门延期盘点"}
INTRO = {"zh-CN": "开始关注跨部门的任务依赖", "en": "began to watch dependencies between departments"}
SECRET = "核心商户赔付名单"  # the restricted PAY-3 carries it in its title


@pytest.fixture(params=LANGUAGES)
def told(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Company, str]]:
    with founded(tmp_path / "company", request.param) as made:
        yield made, request.param


def adopt(company: Company) -> None:
    """Only the delays and the first day, as a company begins that keeps its SOPs elsewhere."""
    company.configure(jobs={"delays": {}}, adoption={"page": dict(PAGE)})


def stock_page(company: Company) -> str:
    page = company.world.confluence_cloud.page_named("TEAM", PAGE["title"])
    assert page is not None
    assert page.status == "current"
    return page.latest.storage


def postpone(company: Company, days: int = 7) -> None:
    due = company.world.jira_cloud.issue(BLOCKER).due
    assert due is not None
    company.world.jira_cloud.edit_issue(BLOCKER, duedate=due + timedelta(days=days))


# -- the first day


def test_the_first_day_is_one_page_and_the_next_slip_two_comments(told: tuple[Company, str]) -> None:
    company, language = told
    adopt(company)
    [change] = company.run(0)["apply"]["written"]
    assert (change["operation"], change["kind"]) == ("create", "page")
    text = stock_page(company)
    assert INTRO[language] in text
    assert WAITING in text
    assert SECRET not in text
    with company.silence():
        company.run(0)
    postpone(company)
    kinds = sorted(item["kind"] for item in company.run(0)["apply"]["written"])
    assert kinds.count("comment") == 2
    assert set(kinds) <= {"comment", "link"}
    with company.silence():
        company.run(0)


def test_the_baseline_is_listed_and_let_speak(told: tuple[Company, str]) -> None:
    company, _ = told
    adopt(company)
    assert company.say("baseline", "--json").expect(0).json() == {"day": None, "pairs": []}
    assert "No stock" in company.say("baseline").expect(0).out
    company.run(0)
    listed = company.say("baseline", "--json").expect(0).json()
    late = [pair["key"] for pair in listed["pairs"] if pair["is_late"]]
    assert late
    shown = company.say("baseline").expect(0).out
    assert WAITING in shown
    assert SECRET not in shown
    wrong = company.say("baseline", "--clear", late[0][:-1])
    assert wrong.code == 2
    assert "did you mean" in wrong.problem
    company.say("baseline", "--clear", late[0]).expect(0)
    written = company.run(0)["apply"]["written"]
    assert sum(1 for change in written if change["kind"] == "comment") == 2
    company.say("baseline", "--all").expect(0)
    assert company.say("baseline", "--json").expect(0).json()["pairs"] == []


def test_what_init_writes_is_sound_and_asks_for_a_first_day(tmp_path: Path) -> None:
    tieline("init", tmp_path).expect(0)
    text = (tmp_path / "tieline.yaml").read_text(encoding="utf-8")
    assert "adoption:" in text
    said = tieline("check", "--config", tmp_path / "tieline.yaml")
    assert {line for line in said.problem.splitlines() if "adoption" in line} == set()


# -- what may be wrong with the section


@pytest.mark.parametrize(
    ("adoption", "place", "hint"),
    [
        ({"page": {**PAGE, "connection": "confluence-mian"}}, "adoption.page.connection", "confluence-main"),
        ({"page": {**PAGE, "connection": "trello-main"}}, "adoption.page.connection", "has no pages"),
        ({"page": {"connection": "confluence-main", "space": "TEAM"}}, "adoption.page.title", "missing"),
        ({"pilot": {}}, "adoption.pilot", "names no department and no project"),
        ({"pilot": {"departments": ["技术步"]}}, "adoption.pilot.departments", "技术部"),
        ({"pilot": {"departments": ["Enginering"]}}, "adoption.pilot.departments", "Engineering"),
        ({"pilot": {"projects": ["PAYY"]}}, "adoption.pilot.projects", "PAY"),
        ({"pilots": {"projects": ["PAY"]}}, "adoption.pilots", "pilot"),
    ],
)
def test_check_names_what_is_wrong_with_adoption(company: Company, adoption: object, place: str, hint: str) -> None:
    company.configure(adoption=adoption)
    said = company.say("check").expect(2)
    assert place in said.problem
    assert hint in said.problem
    assert "line 0" not in said.problem


def test_the_job_of_the_page_has_no_place_of_its_own(company: Company) -> None:
    company.configure(jobs__baseline=dict(PAGE))
    assert "adoption.page" in company.say("check").expect(2).problem


def test_a_pilot_is_written_to_and_nobody_else(told: tuple[Company, str]) -> None:
    company, _ = told
    company.configure(jobs={"delays": {}}, adoption={"pilot": {"departments": ["Engineering"]}})
    company.say("check").expect(0)
    written = company.run(0, "--accept-first-run")["apply"]["written"]
    assert written
    assert {change["target"].split(":")[0] for change in written} == {"jira-main"}
    with company.silence():
        company.run(0)


# -- retract


def marks(company: Company) -> list[str]:
    """Every mark that stands at the sites; what is in a trash is where people may restore it."""
    standing = [item for item in things(company) if not item[1].startswith("page trashed")]
    return sorted(mark for _, _, mark in standing if "tieline" in mark)


def test_retract_leaves_no_mark_and_what_people_made(told: tuple[Company, str]) -> None:
    company, _ = told
    before = things(company)
    company.first_run()
    company.world.jira_cloud.comment(BLOCKER, "收到，我来跟。")
    with company.silence():
        listed = company.say("retract", "--dry-run", "--json").expect(0).json()
        assert "--yes" in company.say("retract").expect(2).problem
    answer = company.say("retract", "--yes", "--json").expect(0).json()
    assert [item["key"] for item in answer["written"]] == [item["key"] for item in listed["changes"]]
    assert answer["kept"] == []
    assert marks(company) == []
    left = things(company) - before
    assert [(site, kind) for site, kind, _ in left if not kind.startswith("page trashed")] == [
        (f"cloud {BLOCKER}", "comment")
    ]
    assert before - things(company) == {}
    postpone(company)
    with company.silence():
        answer = company.run(0)
    assert {skip["reason"] for skip in answer["plan"]["skips"]} == {"retracted"}
    assert "tieline resume" in company.say("findings").expect(0).out
    assert company.say("runs", "--json").expect(0).json()[1]["kind"] == "retract"


def test_what_somebody_edited_stays_and_the_code_says_so(company: Company) -> None:
    company.first_run()
    trello = company.world.trello
    [(number, text)] = card_comments(company).items()
    trello.edit_comment(number, f"已和张伟确认。\n\n{text}")
    said = company.say("retract", "--yes").expect(5)
    assert "somebody edited it" in said.out
    assert trello.state.actions[number]["data"]["text"].startswith("已和张伟确认。")
    assert len(marks(company)) == 1


def test_resume_writes_again_only_what_is_accepted(company: Company) -> None:
    company.first_run()
    company.say("retract", "--yes").expect(0)
    company.say("resume").expect(0)
    with company.silence():
        company.run(4)
    assert company.run(0, "--accept-first-run")["apply"]["written"]
    assert "Nothing was retracted" in company.say("resume").expect(0).out


def test_a_name_that_is_no_connection_or_job_is_refused(company: Company) -> None:
    company.first_run()
    assert "trello-main" in company.say("retract", "--connection", "trello-mian", "--yes").expect(2).problem
    assert "delays" in company.say("retract", "--job", "delay", "--yes").expect(2).problem
    company.say("retract", "--connection", "trello-main", "--job", "delays", "--yes").expect(0)
    assert not [item for item in things(company) if item[0].startswith("trello") and "tieline" in item[2]]
    assert marks(company)


# -- plan = apply


def test_a_plan_in_a_file_is_carried_out_as_reviewed(told: tuple[Company, str], tmp_path: Path) -> None:
    company, _ = told
    company.say("collect").expect(0)
    file = tmp_path / "plan.json"
    with company.silence():
        planned = company.say("plan", "--json", "--out", file).expect(0).json()
    assert json.loads(file.read_text(encoding="utf-8"))["changes"] == planned["changes"]
    said = company.say("apply", "--plan", file, "--accept-first-run", "--json").expect(0).out
    assert json.dumps(json.loads(said)["written"]) == json.dumps(planned["changes"])
    with company.silence():
        again = company.say("apply", "--plan", file, "--json").expect(0).json()
    assert again["written"] == []
    assert len(again["drifted"]) == len(planned["changes"])


def test_what_drifted_is_left_and_written_by_the_next_run(company: Company, tmp_path: Path) -> None:
    company.say("collect").expect(0)
    file = tmp_path / "plan.json"
    company.say("plan", "--out", file).expect(0)
    postpone(company)
    company.say("collect").expect(0)
    answer = company.say("apply", "--plan", file, "--accept-first-run", "--json").expect(0).json()
    drifted = {(change["kind"], change["key"]) for change in answer["drifted"]}
    assert {kind for kind, _ in drifted} == {"comment", "page", "table"}
    later = {(change["kind"], change["key"]) for change in company.run(0)["apply"]["written"]}
    assert drifted <= later
    shown = company.say("apply", "--plan", file).expect(0).out
    assert "drifted" in shown
    assert company.say("apply", "--plan", tmp_path / "none.json").code == 2


# -- undo


@pytest.mark.parametrize(
    ("edited", "said"),
    [("我改过了。\n\n{text}", "somebody edited it"), ("我改过了。", "no longer carries our mark")],
    ids=["edited", "rewritten"],
)
def test_undo_says_what_it_cannot(company: Company, edited: str, said: str) -> None:
    run = company.first_run()["run"]
    [(number, text)] = card_comments(company).items()
    company.world.trello.edit_comment(number, edited.format(text=text))
    answer = company.say("undo", run).expect(5)
    assert "stays: create comment" in answer.out
    assert said in answer.out
    assert list(card_comments(company)) == [number]
