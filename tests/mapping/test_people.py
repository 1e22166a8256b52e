"""Who is away, on call and in a coordination group, as people.yaml and departments.yaml say it."""

from __future__ import annotations

from datetime import date
from typing import Any

import jsonschema
import pytest

from sync.core.duty import Leave, OnCall
from sync.mapping.people import department_ref, parse_departments, parse_people, person_ref
from sync.mapping.schema import json_schema

ZHANG, CHEN, LI = person_ref("zhang-wei"), person_ref("chen-jie"), person_ref("li-na")


def test_absences_are_read_with_their_deputies() -> None:
    text = """
people:
  zhang-wei:
    name: 张伟
    deputy: chen-jie
    absences:
      - {from: 2026-12-01, to: 2026-12-05, deputy: li-na}
      - {from: 2026-12-06, to: 2026-12-06}
  chen-jie: {name: 陈杰}
  li-na: {name: 李娜}
"""
    people = parse_people(text.encode(), "people.yaml")
    assert people[ZHANG].absences == (
        Leave(date(2026, 12, 1), date(2026, 12, 5), LI),
        Leave(date(2026, 12, 6), date(2026, 12, 6)),
    )
    assert people[CHEN].absences == ()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("", None),
        ("on_call: zhang-wei", OnCall((ZHANG,))),
        ("on_call: [zhang-wei, chen-jie]", OnCall((ZHANG, CHEN))),
        (
            "on_call: {people: [zhang-wei, chen-jie], from: 2026-11-02, every_days: 3}",
            OnCall((ZHANG, CHEN), date(2026, 11, 2), 3),
        ),
        ("on_call: {people: [zhang-wei], from: 2026-11-02}", OnCall((ZHANG,), date(2026, 11, 2), 7)),
    ],
)
def test_on_call_is_a_list_or_a_rota(written: str, read: OnCall | None) -> None:
    text = f"departments:\n  技术部: {{{written}}}\n"
    if "{people" in written:
        text = f"departments:\n  技术部:\n    {written}\n"
    found = parse_departments(text.encode(), "departments.yaml")[department_ref("技术部")]
    assert (found.on_call, found.coordination_group) == (read, ())


def test_the_coordination_group_is_a_list_of_people() -> None:
    text = "departments:\n  技术部: {coordination_group: [chen-jie, li-na]}\n"
    found = parse_departments(text.encode(), "departments.yaml")[department_ref("技术部")]
    assert found.coordination_group == (CHEN, LI)


@pytest.mark.parametrize(
    ("name", "section"),
    [
        ("people", {"zhang-wei": {"name": "张伟", "absences": [{"from": "2026-12-01", "to": "2026-12-05"}]}}),
        ("departments", {"技术部": {"on_call": ["zhang-wei"], "coordination_group": ["chen-jie"]}}),
        ("departments", {"技术部": {"on_call": {"people": ["zhang-wei"], "from": "2026-11-02", "every_days": 7}}}),
    ],
)
def test_editors_are_told_of_them(name: str, section: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(json_schema(name))
    validator.validate({name: section})
    broken = {key: {**item, "abscences": []} for key, item in section.items()}
    assert not validator.is_valid({name: broken})
