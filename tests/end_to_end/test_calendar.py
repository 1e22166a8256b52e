"""A day off is put into calendar.yaml: what it moves is told, and nothing else is touched."""

from __future__ import annotations

from datetime import date

from sandbox.story import weekday
from tests.end_to_end.company import Company
from tests.end_to_end.test_story import BLOCKER, card_comments, issue_comments

RESTRICTED = "受限任务，请联系 技术部 陈杰"  # PAY-3, for which 大客户续约方案 waits


def story_day(company: Company, number: int) -> date:
    """The working day of that number in sandbox/story.py, on whose fourth 支付接口开发 is due."""
    due = company.world.jira_cloud.issue(BLOCKER).due
    assert due is not None
    return weekday(due, number - 4)


def closed_on(company: Company, day: date) -> None:
    """The company adds a day on which nobody works."""
    company.rewrite("mappings/calendar.yaml", "days_off: [", f"days_off: [{day}, ")


def named(company: Company, comment: str) -> str:
    """The task on which a comment with this key stands, by the name it may be called by."""
    titles = {item["ref"]: item["title"] for item in company.say("tasks", "--json").expect(0).json()}
    return str(titles[comment.rpartition("@")[2]])


def test_a_day_off_tells_only_what_it_moves(settled: Company) -> None:
    """On the seventh day 大客户续约方案 should have begun again and Channel campaign launch should begin: both are told, to both sides.
    支付流程测试 has to wait until the fifth day as before.
    """
    issue, card = issue_comments(settled), card_comments(settled)
    closed_on(settled, story_day(settled, 7))
    written = settled.written()
    assert set(written.values()) == {"update"}
    comments = {named(settled, key) for key in written if key.startswith("delays:comment:")}
    assert comments == {"Annual budget approval", "Channel campaign launch", RESTRICTED, "大客户续约方案"}
    assert {key.split(":")[0] for key in written if "comment" not in key} == {"status_view"}
    assert (issue_comments(settled), card_comments(settled)) == (issue, card)
    with settled.silence():
        settled.run(0)


def test_a_day_off_that_moves_nothing_writes_nothing(settled: Company) -> None:
    closed_on(settled, story_day(settled, 200))
    with settled.silence():
        settled.run(0)
