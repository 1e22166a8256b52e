"""``jobs.escalations``: the ladders for all, a department's own, and what cannot be."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sync.core.escalation import Ladder, Rung
from sync.core.ladders import CRITICAL, EscalationSettings, IncidentSettings, ladder_for
from sync.core.values import Department, Ref
from sync.job_settings import pace_problems
from sync.mapping.yaml import load

TECH = Department(Ref("tieline:department:tech"), "技术部", "Engineering")
PRODUCT = Department(Ref("tieline:department:product"), "产品部", "Product")


def settings(text: str) -> EscalationSettings:
    return msgspec.convert(load(text.encode(), "tieline.yaml").values() or {}, EscalationSettings)


def test_without_a_word_an_incident_has_thirty_minutes_and_two_hours() -> None:
    incident = ladder_for(settings(""), "critical", TECH, is_incident=True)
    assert incident == IncidentSettings(30, 120).ladder
    assert (incident.clock, incident.solution_from) == ("around_the_clock", "opened")
    assert [rung.after_minutes for rung in (*incident.response, *incident.solution)] == [0, 30, 120]
    assert incident.response[0].does == "room"


@pytest.mark.parametrize("severity", ["critical", "warning", "info"])
def test_an_ordinary_delay_climbs_in_working_time_and_the_owner_first(severity: Any) -> None:
    ladder = ladder_for(settings(""), severity, None, is_incident=False)
    assert ladder.clock == "working_time"
    assert ladder.response[0] == Rung(0, ("owner",))


def test_the_graver_the_sooner() -> None:
    ladders = [
        ladder_for(settings(""), severity, None, is_incident=False) for severity in ("critical", "warning", "info")
    ]
    heads = [next(rung.after_minutes for rung in ladder.response if "head" in rung.asks) for ladder in ladders]
    assert heads == sorted(heads)
    assert len(set(heads)) == 3


@pytest.mark.parametrize("name", ["tech", "技术部", "engineering"])
def test_a_department_may_have_its_own(name: str) -> None:
    text = f"""
incident: {{respond_minutes: 15}}
departments:
  {name}:
    incident: {{respond_minutes: 10, solve_minutes: 60}}
    warning: {{response: [{{after_minutes: 0, asks: [owner, deputy]}}]}}
"""
    found = settings(text)
    assert ladder_for(found, "warning", TECH, is_incident=False) == Ladder((Rung(0, ("owner", "deputy")),))
    assert ladder_for(found, "critical", TECH, is_incident=False) == CRITICAL
    assert ladder_for(found, "warning", PRODUCT, is_incident=False) == EscalationSettings().ladders.warning
    assert ladder_for(found, "info", TECH, is_incident=True) == IncidentSettings(10, 60).ladder
    assert ladder_for(found, "info", PRODUCT, is_incident=True) == IncidentSettings(15, 120).ladder


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "incident: {respond_minutes: 90, solve_minutes: 60}",
            "must lie between 1 and solve_minutes 60 - at `$.incident`",
        ),
        ("ladders: {warning: {response: []}}", "needs a response rung - at `$.ladders.warning`"),
        ("ladders: {warning: {response: [{after_minutes: 0, asks: [boss]}]}}", "'boss'"),
        ("ladders: {urgent: {response: []}}", "urgent"),
        ("departments: {技术部: {incident: {minutes: 5}}}", "minutes"),
    ],
)
def test_what_cannot_be_is_named(text: str, words: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        settings(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "fastest"),
    [
        ("", 30),
        ("incident: {respond_minutes: 115}", 115),  # both clocks count from the opening
        ("departments: {技术部: {incident: {respond_minutes: 5}}}", 5),
        (
            "departments: {技术部: {info: {response: [{after_minutes: 60, asks: [owner]}, {after_minutes: 80, asks: [head]}]}}}",
            20,
        ),
    ],
)
def test_the_shortest_time_between_two_rungs(text: str, fastest: int) -> None:
    assert settings(text).fastest_minutes == fastest


@pytest.mark.parametrize("every", [1, 10, 30])
def test_a_schedule_that_is_fast_enough_is_taken(every: int) -> None:
    assert pace_problems("escalations", EscalationSettings(), every, load(b"{}", "tieline.yaml"), "tieline.yaml") == []
    assert pace_problems("delays", object(), 1440, load(b"{}", "tieline.yaml"), "tieline.yaml") == []


def test_a_slower_schedule_is_refused_with_both_lines() -> None:
    node = load(b"jobs:\n  delays: {}\n  escalations: {}\nserve:\n  every_minutes: 45\n", "tieline.yaml")
    problem = pace_problems("escalations", EscalationSettings(), 45, node, "tieline.yaml")[0]
    assert (problem.file, problem.line, problem.path) == ("tieline.yaml", 5, "serve.every_minutes")
    assert problem.text == "45 minutes are too slow for jobs.escalations (line 3): a step comes after 30"
    assert problem.hint == "at most 30, or slower ladders"
    [problem] = pace_problems("escalations", EscalationSettings(), 45, load(b"jobs:\n  escalations: {}\n", "t"), "t")
    assert (problem.line, problem.path) == (2, "jobs.escalations")
    assert "serve: {every_minutes: 30}" in problem.hint


def test_a_number_of_refusals_is_no_negative_one() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"Expected `int` >= 0 - at `\$.declines_before_talk`"):
        settings("declines_before_talk: -1")
