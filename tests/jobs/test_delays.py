"""The delays job: one comment each side, links, closings that are told once, and nothing about what is restricted."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from jobs.delays import JOB
from jobs.delays.judge import judge
from jobs.delays.lateness import DelaySettings
from sync.core.markdown import markdown_from_rich_text
from sync.core.plan import CommentContent, Desired, Judgement, LinkContent, Published
from sync.core.rich_text import Anchor, Paragraph
from sync.core.values import Dependency, DependencyType, Language, Ref
from sync.core.view import View
from tests.jobs.story import (
    API,
    AT,
    CAMPAIGN,
    FLOW,
    WAITS,
    check_golden,
    comments,
    digests,
    everything_said,
    publish,
    story,
    wait,
)

LANGUAGES: tuple[Language, ...] = ("zh-CN", "en")
A_DAY = timedelta(days=1)
LATER = datetime(2026, 10, 10, 1, 0, tzinfo=UTC)  # 支付流程测试 should have begun
OVERDUE: dict[str, Any] = {"due": date(2026, 9, 25)}
DONE: dict[str, Any] = {"status": "done", "finished": AT}


def judged(view: View, published: dict[str, Published] | None = None, **settings: Any) -> Judgement:
    return judge(view, DelaySettings(**settings), published or {})


def text_of(item: Desired) -> str:
    assert isinstance(item.content, CommentContent)
    return markdown_from_rich_text(item.content.body)


def texts(judgement: Judgement, about: Dependency = WAITS[0]) -> dict[Ref, str]:
    return {target: text_of(item).rstrip("\n") for target, item in comments(judgement, about).items()}


def links(judgement: Judgement) -> list[tuple[Ref, str, str]]:
    found = [(item.target, item.content) for item in judgement.desired if isinstance(item.content, LinkContent)]
    return [(target, content.side, content.other.title) for target, content in found]


def told(view: View) -> dict[str, Published]:
    return publish(judged(view).desired)


def test_the_manifest_names_the_judge() -> None:
    assert (JOB.name, JOB.settings, JOB.judge) == ("delays", DelaySettings, judge)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("name", "at", "changes"),
    [
        ("slip", AT, {}),
        ("open", LATER, {"api": OVERDUE}),
        ("nobody", AT, {"api": {"owner": None}, "flow": {"owner": None}}),
    ],
)
def test_one_comment_each_side_reads_well(language: Language, name: str, at: datetime, changes: dict[str, Any]) -> None:
    said = texts(judged(story(language, at, **changes)))
    assert set(said) == {API, FLOW}
    check_golden(f"delay-{name}-predecessor.{language}.md", said[API])
    check_golden(f"delay-{name}-successor.{language}.md", said[FLOW])


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_pushed_from_behind_says_so(language: Language) -> None:
    said = texts(judged(story(language)), WAITS[1])
    check_golden(f"delay-pushed-predecessor.{language}.md", said[FLOW])
    check_golden(f"delay-pushed-successor.{language}.md", said[CAMPAIGN])
    said = texts(judged(story(language, LATER, api=OVERDUE)), WAITS[1])
    check_golden(f"delay-upstream-predecessor.{language}.md", said[FLOW])
    check_golden(f"delay-upstream-successor.{language}.md", said[CAMPAIGN])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("type_", ["start_to_start", "finish_to_finish", "start_to_finish"])
def test_other_types_say_what_is_waited_for(language: Language, type_: DependencyType) -> None:
    late = {"start": date(2026, 10, 12), "due": date(2026, 10, 16), "status": "todo"}
    dependency = Dependency(API, FLOW, type_)
    said = texts(judged(story(language, waits=(dependency,), api=late)), dependency)
    check_golden(f"delay-{type_}-successor.{language}.md", said[FLOW])


def test_the_story_has_its_facts_and_finding() -> None:
    judgement = judged(story())
    facts = comments(judgement)[FLOW].facts
    assert (facts["planned"], facts["expected"], facts["slip_days"]) == (date(2026, 10, 8), date(2026, 10, 12), 3)
    assert [item["title"] for item in facts["downstream"]] == ["发布预热活动"]
    finding = next(item for item in judgement.findings if item.subjects == (API, FLOW))
    assert (finding.kind, finding.severity, finding.evidence) == ("delay", "warning", ("mappings/jira-main.yaml:12",))
    assert comments(judgement)[FLOW].rests_on == ("jira-main", "trello-main")


def test_a_pair_in_one_connection_has_its_comments_too() -> None:
    keys = [item.key for item in judged(story()).desired if isinstance(item.content, CommentContent)]
    assert len(keys) == len(set(keys)) == 4  # two dependencies, two sides each


def test_links_stand_in_both_tools_and_once_where_one_shows_at_both_ends() -> None:
    assert links(judged(story(waits=WAITS[:1]))) == [
        (API, "blocks", "支付流程测试"),
        (FLOW, "waits_for", "PAY-63 支付接口开发"),
    ]
    view = story(waits=(wait(FLOW, CAMPAIGN),))
    assert len(links(judged(view))) == 2
    mutual = replace(view.connections["trello-main"], has_mutual_links=True)
    one = replace(view, connections={**view.connections, "trello-main": mutual})
    assert links(judged(one)) == [(FLOW, "blocks", "发布预热活动")]


def test_what_has_no_address_is_told_of_but_not_linked_to() -> None:
    view = story(waits=WAITS[:1])
    row = replace(view.tasks[FLOW], url="")
    judgement = judged(replace(view, tasks={**view.tasks, FLOW: row}))
    assert links(judgement) == [(FLOW, "waits_for", "PAY-63 支付接口开发")]
    assert len(comments(judgement)) == 2


def test_a_tool_that_cannot_be_written_gets_nothing() -> None:
    view = story(waits=WAITS[:1])
    read_only = replace(view.connections["trello-main"], ports=("source",))
    judgement = judged(replace(view, connections={**view.connections, "trello-main": read_only}))
    assert {item.target for item in judgement.desired} == {API}


def test_settings_switch_links_and_comments() -> None:
    assert not links(judged(story(), is_linking=False))
    assert not comments(judged(story(), is_commenting=False))
    assert not comments(judged(story(), told(story()), is_commenting=False))  # and nothing false is said to close them
    assert not comments(judged(story(waits=WAITS[:1]), min_slip_days=4))
    severities = {item.severity for item in judged(story(), critical_slip_days=3).findings}
    assert severities == {"critical"}


@pytest.mark.parametrize("changes", [{}, {"api": OVERDUE}, {"api": DONE}, {"flow": {"status": "unknown"}}])
def test_an_unchanged_world_desires_the_same_digests(changes: dict[str, Any]) -> None:
    ledger = told(story())
    first = judged(story(**changes), ledger)
    second = judged(story(**changes), publish(first.desired, ledger))
    assert digests(first) == digests(second)
    assert first.desired


@pytest.mark.parametrize("days", [1, 2, 9])
def test_a_clock_tick_changes_no_digest(days: int) -> None:
    assert digests(judged(story())) == digests(judged(story(at=AT + days * A_DAY)))


@pytest.mark.parametrize("days", [1, 2, 9])
@pytest.mark.parametrize("campaign", [{}, {"start": date(2026, 10, 22), "due": date(2026, 10, 23)}])
def test_an_open_end_says_the_same_every_day(campaign: dict[str, Any], days: int) -> None:
    """Also where, day after day, more of what waits further down becomes late."""
    today, later = (judged(story(at=LATER + more * A_DAY, api=OVERDUE, campaign=campaign)) for more in (0, days))
    assert len(comments(today)) == 2
    for target, item in comments(today).items():
        assert digests(today)[item.key] == digests(later)[item.key], target
    assert [item["title"] for item in comments(today)[API].facts["downstream"]] == ["发布预热活动"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_new_date_no_number_of_days_is_told(language: Language) -> None:
    judgement = judged(story(language, at=LATER, api=OVERDUE))
    assert {FLOW, CAMPAIGN} <= {item.target for item in judgement.desired}
    for said in (*texts(judgement).values(), *texts(judgement, WAITS[1]).values()):
        assert not re.search(r"\d+ (个工作日|working day)", said)
        assert "最早" not in said
    for item in comments(judgement).values():
        assert (item.facts["slip_days"], item.facts["expected"], item.facts["awaited"]) == (None, None, None)
    for finding in (item for item in judgement.findings if item.kind == "delay"):
        assert (finding.parameters["slip_days"], finding.parameters["expected"]) == (None, None)
        assert finding.severity == "critical"


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_overdue_task_without_a_due_date_names_none(language: Language) -> None:
    judgement = judged(story(language, LATER, api={"due": None}))
    check_golden(f"delay-no-due-date-successor.{language}.md", texts(judgement)[FLOW])


def test_a_predecessor_that_waits_for_something_overdue_is_not_called_overdue() -> None:
    judgement = judged(story(at=LATER, api=OVERDUE))
    assert "已过计划完成日" in texts(judgement)[FLOW]
    for said in texts(judgement, WAITS[1]).values():
        assert "已过计划完成日" not in said
        assert "也在等" in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_done_is_told_once_and_never_edited_again(language: Language) -> None:
    ledger = told(story(language, waits=WAITS[:1]))
    closing = judged(story(language, waits=WAITS[:1], api=DONE), ledger)
    said = texts(closing)
    if language == "zh-CN":
        assert said[FLOW].startswith("可以开始了：支付流程测试。")
    check_golden(f"delay-done-predecessor.{language}.md", said[API])
    check_golden(f"delay-done-successor.{language}.md", said[FLOW])
    ledger = publish(closing.desired, ledger)
    for later in (
        story(language, waits=WAITS[:1], api=DONE, flow={"status": "in_progress", "title": "改了名"}),
        story(language, waits=WAITS[:1], api=DONE, flow={"status": "cancelled"}),
        story(language, waits=()),
    ):
        again = comments(judged(later, ledger))
        assert {target: item.message for target, item in again.items()} == {
            API: "delay_over_done",
            FLOW: "delay_over_done",
        }
        assert {item.key: digests(closing)[item.key] for item in again.values()} == {
            item.key: digests(judged(later, ledger))[item.key] for item in again.values()
        }


@pytest.mark.parametrize(
    ("changes", "waits", "message"),
    [
        ({"api": {"status": "cancelled"}}, WAITS[:1], "delay_over_gone"),
        ({"flow": {"status": "cancelled"}}, WAITS[:1], "delay_over_gone"),
        ({}, (), "delay_over_gone"),
        ({}, (replace(WAITS[0], state="rejected"),), "delay_over_gone"),
        ({"flow": {"status": "in_progress"}}, WAITS[:1], "delay_over_started"),
        ({"flow": {"status": "done"}}, WAITS[:1], "delay_over_finished"),
        ({"api": {"due": date(2026, 9, 30)}}, WAITS[:1], "delay_over_on_plan"),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_end_of_a_story_has_its_words(
    changes: dict[str, Any], waits: tuple[Dependency, ...], message: str, language: Language
) -> None:
    ledger = told(story(language, waits=WAITS[:1]))
    judgement = judged(story(language, waits=waits, **changes), ledger)
    assert {item.message for item in comments(judgement).values()} == {message}
    assert set(comments(judgement)) == {API, FLOW}
    check_golden(f"{message.replace('_', '-')}.{language}.md", texts(judgement)[FLOW])


def test_what_is_reopened_is_told_again() -> None:
    ledger = told(story())
    ledger = publish(judged(story(api=DONE), ledger).desired, ledger)
    assert comments(judged(story(), ledger))[FLOW].message == "delay"


@pytest.mark.parametrize("name", ["api", "flow"])
def test_an_unknown_status_closes_and_raises_nothing(name: str) -> None:
    unknown: dict[str, Any] = {name: {"status": "unknown"}}
    assert not comments(judged(story(waits=WAITS[:1], **unknown)))
    ledger = told(story(waits=WAITS[:1]))
    held = judged(story(waits=WAITS[:1], **unknown), ledger)
    assert {item.key: ledger[item.key].digest for item in comments(held).values()} == {
        item.key: digests(held)[item.key] for item in comments(held).values()
    }
    assert len(comments(held)) == 2


def test_a_proposed_dependency_is_a_finding_and_nothing_else() -> None:
    judgement = judged(story(waits=(replace(WAITS[0], state="proposed", confidence=0.4),)))
    assert not judgement.desired
    assert [(item.kind, item.severity) for item in judgement.findings] == [("proposed_dependency", "info")]


def test_a_cycle_is_a_finding_and_its_dependencies_say_nothing() -> None:
    view = story(waits=(*WAITS[:1], wait(FLOW, API)))
    judgement = judged(view)
    assert [(item.kind, item.subjects) for item in judgement.findings] == [("cycle", (API, FLOW))]
    assert not comments(judgement)
    held = judged(view, told(story(waits=WAITS[:1])))
    assert {item.message for item in comments(held).values()} == {"delay"}  # nor is anything closed because of it


SECRET: dict[str, Any] = {
    "title": "收购谈判",
    "key": "SEC-1",
    "url": "https://jira.example/browse/SEC-1",
    "visibility": "restricted",
}
SECRETS = ("收购谈判", "SEC-1", "张伟", "Zhang Wei")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_restricted_predecessor_is_named_nowhere(language: Language) -> None:
    for at, changes in ((AT, SECRET), (LATER, SECRET | OVERDUE), (AT, SECRET | {"start": None})):
        judgement = judged(story(language, at, api=changes))
        assert API in comments(judgement)
        assert not [secret for secret in SECRETS if secret in everything_said(judgement)]
        assert not any(target in (API, FLOW) and other != "发布预热活动" for target, _, other in links(judgement))
    check_golden(f"delay-restricted-successor.{language}.md", texts(judged(story(language, api=SECRET)))[FLOW])


@pytest.mark.parametrize(
    "changes", [DONE, {}, {"status": "unknown"}, {"status": "cancelled"}, {"due": date(2026, 9, 30)}]
)
def test_what_became_restricted_later_is_masked_in_every_later_text(changes: dict[str, Any]) -> None:
    before = {name: value for name, value in SECRET.items() if name != "visibility"}
    ledger = told(story(api=before))
    for published in (ledger, publish(judged(story(api=before | DONE), ledger).desired, ledger)):
        judgement = judged(story(api=SECRET | changes), published)
        assert FLOW in comments(judgement)
        assert not [secret for secret in SECRETS if secret in everything_said(judgement)]


def test_a_restricted_task_further_down_is_masked() -> None:
    judgement = judged(story(campaign={"title": "收购谈判", "visibility": "restricted"}))
    assert "受限任务，请联系 市场部 赵敏" in texts(judgement)[API]
    assert "收购谈判" not in everything_said(judgement)


def test_hostile_titles_stay_text() -> None:
    hostile = "**[x](javascript:alert(1))** <script> {before} {after}"
    content = comments(judged(story(flow={"title": hostile})))[API].content
    assert isinstance(content, CommentContent)
    sentence = content.body[1]
    assert isinstance(sentence, Paragraph)
    assert Anchor(hostile, "https://trello.com/c/flow") in sentence.content


def test_a_dependency_inside_a_department_or_of_nobody_says_nothing() -> None:
    product = story().tasks[FLOW].department
    assert not judged(story(waits=WAITS[:1], api={"department": product})).desired
    assert not judged(story(waits=WAITS[:1], api={"department": None})).desired


def test_comments_of_a_removed_connection_are_left_alone() -> None:
    ledger = told(story(waits=WAITS[:1]))
    view = story(waits=WAITS[:1], api=DONE)
    gone = replace(view, connections={"jira-main": view.connections["jira-main"]})
    assert set(comments(judged(gone, ledger))) == {API}
