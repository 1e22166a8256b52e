from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from sync.core.errors import RecordError
from sync.core.values import Account, Assignment, Link, Mention, Record, Ref
from sync.mapping.identity import Identity, people_from_accounts
from sync.mapping.normalise import Mapped, explain, normalise
from sync.mapping.people import parse_departments, parse_people
from sync.mapping.rules import ConnectionMapping, Directory
from sync.mapping.schema import json_schema, parse_mapping

DEPARTMENTS = parse_departments(
    "departments:\n  技术部: {english_name: Engineering}\n  市场部: {}\n".encode(), "departments.yaml"
)
PEOPLE = parse_people(
    "people:\n  zhang-wei: {name: 张伟, department: 技术部, email: zhang.wei@example.com, accounts: {jira-main: [abc]}}\n"
    "  li-na: {name: 李娜, accounts: {jira-main: [Li.Na]}}\n".encode(),
    "people.yaml",
    DEPARTMENTS,
)
DIRECTORY = Directory(PEOPLE, DEPARTMENTS)
IDENTITY = Identity(DIRECTORY)
NOW = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
ME = Ref("jira-main:task:1")
HEAD = "version: 1\nscope: [PAY]\nstatus:\n  待办: todo\n  On: in_progress\n"


def mapping(rest: str) -> ConnectionMapping:
    return parse_mapping((HEAD + rest).encode(), "mappings/jira-main.yaml", DIRECTORY)


def mapped(task: str, values: dict[str, Any], rest: str = "", **more: Any) -> Mapped:
    made = mapping("task:\n  vendor_status: status\n" + task + rest)
    record = Record(ME, "PAY-1", "标题", "https://x/browse/PAY-1", NOW, {"status": "On", **values}, scope="PAY", **more)
    return normalise(record, made, IDENTITY)


def value(name: str, rule: str, raw: Any) -> Any:
    return getattr(mapped(f"  {name}: {rule}\n", {"f": raw}).task, name)


@pytest.mark.parametrize(
    ("name", "rule", "raw", "expected"),
    [
        ("due", "f", date(2026, 12, 1), date(2026, 12, 1)),
        ("due", "f", datetime(2026, 11, 30, 16, 0, tzinfo=UTC), date(2026, 12, 1)),  # midnight in Shanghai
        ("due", "f", "2026-12-01", date(2026, 12, 1)),
        ("due", "f", "2026年12月1日", date(2026, 12, 1)),
        ("due", "f", "2026-11-30T16:00:00Z", date(2026, 12, 1)),
        ("due", "f", "", None),
        ("must_finish", "f", "2026-12-01", date(2026, 12, 1)),
        ("finished", "f", "2026-12-01T08:00:00+08:00", datetime(2026, 12, 1, tzinfo=UTC)),
        ("finished", "f", date(2026, 12, 1), datetime(2026, 12, 1, 4, tzinfo=UTC)),
        ("estimate_minutes", "{path: f, unit: seconds}", 3600, 60),
        ("estimate_minutes", "{path: f, unit: days}", "1.5", 720),
        ("labels", "f", ["a", "b", "a"], ("a", "b")),
        ("labels", "f[].name", [{"name": "a"}, {"x": 1}], ("a",)),
        ("labels", '{jmespath: "f[?on].name"}', [{"name": "a", "on": True}, {"name": "b"}], ("a",)),
        ("priority", '{jmespath: "lower(f)"}', "HIGH", "high"),
        ("priority", "{jmespath: \"split(f, '/') | [1]\"}", "a/b", "b"),
        ("priority", "{path: f.名称}", {"名称": "高"}, "高"),
        ("priority", "'f.\"a.b\"[0]'", {"a.b": ["x"]}, "x"),
        ("priority", "[{path: f, when: 'other'}, {value: fallback}]", "x", "fallback"),
        ("kind", "{path: f, words: {突发: incident}, default: work}", "突发", "incident"),
        ("kind", "{path: f, words: {突发: incident}, default: work}", "别的", "work"),
        ("department", "{path: f, words: {支付: 技术部}, default: 市场部}", "支付", Ref("tieline:department:技术部")),
        ("department", "{path: f, words: {支付: 技术部}, default: 市场部}", None, Ref("tieline:department:市场部")),
        ("department", "f", "engineering", Ref("tieline:department:技术部")),
        ("owner", "f", Account("abc", "谁"), Ref("tieline:person:zhang-wei")),
        ("owner", "f[0]", [Account("q", "?", login="li.na")], Ref("tieline:person:li-na")),
        ("owner", "f", Account("q", "?", email="Zhang.Wei@example.com"), Ref("tieline:person:zhang-wei")),
        ("owner", "f", Account("q", "张伟"), Ref("jira-main:account:q")),  # never by display name
        ("parent", "f.id", {"id": 7}, Ref("jira-main:task:7")),
        ("parent", "f", "1", None),  # its own parent
    ],
)
def test_values(name: str, rule: str, raw: Any, expected: Any) -> None:
    assert value(name, rule, raw) == expected


@pytest.mark.parametrize(
    ("name", "raw", "text"),
    [
        ("due", "soon", "not a date"),
        ("due", 5, "not a date"),
        ("estimate_minutes", "many", "not a number"),
        ("estimate_minutes", -1, "not a possible duration"),
        ("owner", "张伟", "not an account, and people.yaml lists nobody under it"),
        ("department", "法务部", "departments.yaml has no such department"),
        ("priority", {"x": 1}, "not a text"),
    ],
)
def test_a_bad_value_is_none_and_a_problem_with_its_line(name: str, raw: Any, text: str) -> None:
    made = mapped(f"  {name}: f\n", {"f": raw})
    assert made.task is not None
    assert not getattr(made.task, name)
    assert [(item.kind, item.field, item.text, item.line) for item in made.problems] == [("bad_value", name, text, 8)]


def test_an_unmapped_status_is_unknown_and_a_problem() -> None:
    made = mapped("", {"status": "评审中"})
    assert made.task is not None
    assert (made.task.status, made.task.vendor_status) == ("unknown", "评审中")
    assert [(item.kind, item.value) for item in made.problems] == [("unmapped_status", "评审中")]


@pytest.mark.parametrize(
    ("task", "values"), [("", {"status": None}), ("", {"status": {"a": 1}}), ("  title: t\n", {"t": " "})]
)
def test_without_title_or_status_the_record_is_skipped(task: str, values: dict[str, Any]) -> None:
    with pytest.raises(RecordError) as caught:
        mapped(task, values)
    assert caught.value.ref == ME
    assert caught.value.line in (7, 8)


def test_the_owners_department_counts_where_no_rule_says_more() -> None:
    made = mapped("  owner: f\n", {"f": Account("abc")})
    assert made.task is not None
    assert made.task.department == "tieline:department:技术部"


def test_raci_by_people_and_by_department_fields() -> None:
    rest = "raci:\n  responsible: f\n  departments: {市场部: 市场部, 技术部: customFields.技术部}\n"
    made = mapped("", {"f": [Account("abc")], "customFields": {"市场部": "A/R", "技术部": "X"}}, rest)
    assert made.task is not None
    market, wei = Ref("tieline:department:市场部"), Ref("tieline:person:zhang-wei")
    assert set(made.task.assignments) == {Assignment(wei, "responsible"), Assignment(market, "responsible")} | (
        {Assignment(market, "accountable")}
    )
    assert [item.text for item in made.problems] == ["'X' is no RACI word"]


def test_explain_names_line_raw_value_and_word() -> None:
    made = mapping(
        "task:\n  vendor_status: status.name\n  kind: {path: t, words: {突发: incident}, default: work}\n  due: d\n"
    )
    record = Record(ME, "PAY-1", "标题", "u", NOW, {"status": {"name": "on"}, "d": NOW})
    steps = {step.field: step for step in explain(record, made, IDENTITY)}
    status = steps["status"]
    assert (status.line, status.raw_value, status.value, status.note) == (5, "on", "in_progress", "status.On")
    assert (steps["kind"].line, steps["kind"].value, steps["kind"].note) == (8, "work", "default")
    assert (steps["due"].line, steps["due"].path, steps["due"].value) == (9, "d", date(2026, 11, 24))
    assert [step.field for step in explain(record, made, IDENTITY, "due")] == ["due"]


RULES = """dependencies:
  - {link: Blocks, outward: predecessor, lag_days: 2}
  - {link: 依赖, outward: successor}
  - {link: Relates, relation: relates}
  - {link: Cloners, ignore: true}
  - {field: cf, other: predecessor, confidence: 0.9}
  - {checklist: [依赖, Depends on], other: predecessor, confidence: 0.9}
  - {attachment: "*.link", other: successor, confidence: 0.4}
  - {text: desc, pattern: '依赖[:：]\\s*(?P<key>[A-Z]+-\\d+)', other: predecessor, confidence: 0.5}
"""


def ends(record: dict[str, Any]) -> list[tuple[str, str, str]]:
    made = mapped("", record.pop("values", {}), RULES, **record)
    return [(item.predecessor, item.successor, item.rule.rpartition(":")[2]) for item in made.evidence]


@pytest.mark.parametrize(
    ("name", "is_outward", "expected"),
    [
        ("Blocks", True, (ME, "jira-main:task:2")),
        ("blocks", False, ("jira-main:task:2", ME)),
        ("依赖", True, ("jira-main:task:2", ME)),
        ("依赖", False, (ME, "jira-main:task:2")),
        ("Relates", True, (ME, "jira-main:task:2")),
        ("Relates", False, ("jira-main:task:2", ME)),
    ],
)
def test_a_link_points_the_way_its_words_say(name: str, is_outward: bool, expected: tuple[str, str]) -> None:
    found = ends({"links": (Link("9", "1", name, is_outward, "w", "2", "PAY-2"),)})
    assert [item[:2] for item in found] == [expected]


def test_an_unknown_link_type_is_a_problem_and_an_ignored_one_is_not() -> None:
    links = (Link("1", "1", "Causes", True, "w", "2"), Link("2", "2", "Cloners", True, "w", "2"))
    made = mapped("", {}, RULES, links=links)
    assert [(item.place, item.relation) for item in made.evidence] == [("link Causes", "causes")]
    assert [(item.kind, item.value) for item in made.problems] == [("unmapped_link", "Causes")]


def test_fields_checklists_attachments_and_texts() -> None:
    mentions = (
        Mention("checklist", "c1", "depends on", "等 https://t/c/AbC/1-x。"),
        Mention("checklist", "c2", "依赖", "财务批预算", mark="tieline:x:1"),
        Mention("checklist", "c3", "别的", "PAY-9"),
        Mention("attachment", "a1", "y.link", "https://t/c/Q"),
        Mention("attachment", "a2", "y.png", "https://t/c/Q"),
    )
    found = ends(
        {"values": {"cf": ["PAY-3, PAY-4", {"key": "PAY-5"}], "desc": "依赖：PAY-6\n依赖: PAY-6"}, "mentions": mentions}
    )
    assert found == [
        ("PAY-3", ME, "13"), ("PAY-4", ME, "13"), ("PAY-5", ME, "13"), ("https://t/c/AbC/1-x", ME, "14"), ("财务批预算", ME, "14"),
        (ME, "https://t/c/Q", "15"), ("PAY-6", ME, "16"),
    ]  # fmt: skip


def test_lag_days_are_working_minutes() -> None:
    made = mapped("", {}, RULES, links=(Link("9", "1", "Blocks", True, "w", "2"),))
    assert (made.evidence[0].lag_minutes, made.evidence[0].lag_unit) == (960, "working")


def test_a_document_needs_no_rules() -> None:
    ref = Ref("wiki:document:5")
    values = {"version": {"number": 3}, "parentId": "4", "labels": ["raci"]}
    made = normalise(Record(ref, "5", "页", "u", NOW, values, scope="TEAM"), mapping(""), IDENTITY).document
    assert made is not None
    assert (made.version, made.parent, made.labels, made.space) == ("3", "wiki:document:4", ("raci",), "TEAM")


def test_accounts_become_people_with_the_evidence_kept() -> None:
    accounts = [Account("abc", "w"), Account("z", "张伟"), Account("e", email="zhang.wei@example.com")]
    people, claims = people_from_accounts(IDENTITY, {"jira-main": accounts})
    again = people_from_accounts(IDENTITY, {"jira-main": accounts[::-1]})
    assert (people, claims) == again
    assert people[Ref("tieline:person:zhang-wei")].accounts == {"jira-main": ("abc", "e")}
    assert people[Ref("jira-main:account:z")].name == "张伟"
    assert [(claim.account, claim.by) for claim in claims] == [("abc", "id"), ("e", "email")]


def test_vendor_fields_are_all_that_is_read() -> None:
    rest = 'task:\n  vendor_status: status.name\n  due: {field: cf_1}\n  labels: {jmespath: "not_null(a.b, c[0])", when: "d == \'x\'"}\n'
    assert mapping(rest + RULES).vendor_fields() == ("a", "c", "cf", "cf_1", "d", "desc", "status")


FOLDER = Path(__file__).parents[2] / "mappings"


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.yaml")), ids=lambda path: path.stem)
def test_the_shipped_files_fit_their_json_schema(path: Path) -> None:
    name = path.stem if path.stem in ("people", "departments", "calendar") else "mapping"
    jsonschema.Draft202012Validator(json_schema(name)).validate(YAML(typ="safe", pure=True).load(path.read_text()))
