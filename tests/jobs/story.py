"""The story of docs/scheduling.md as a view: 技术部's 支付接口开发 slips, 产品部's 支付流程测试 waits, 市场部 comes after it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from sync.core.calendar import Calendar
from sync.core.plan import CommentContent, Desired, Judgement, PageAsContent, Published, digest_of
from sync.core.ports import Written
from sync.core.values import Department, Dependency, Evidence, Language, Person, Ref, Task
from sync.core.view import ConnectionFacts, Freshness, View

GOLDEN = Path(__file__).parent / "golden"
AT = datetime(2026, 9, 28, 1, 0, tzinfo=UTC)  # Monday 09:00 in Shanghai
CHINA = Calendar(
    "CN",
    days_off=frozenset(date(2026, 10, day) for day in range(1, 8)),
    extra_workdays=frozenset({date(2026, 9, 20), date(2026, 10, 10)}),
)
TECH, PRODUCT, MARKET = (Ref.of("tieline", "department", name) for name in ("tech", "product", "market"))
API, FLOW, CAMPAIGN = Ref("jira-main:task:10063"), Ref("trello-main:task:5f01"), Ref("trello-main:task:5f02")


def person(name: str, chinese: str, english: str, department: Ref) -> Person:
    return Person(Ref.of("tieline", "person", name), chinese, department, english_name=english)


PEOPLE = [
    person("zhang-wei", "张伟", "Zhang Wei", TECH),
    person("li-na", "李娜", "Li Na", PRODUCT),
    person("zhao-min", "赵敏", "Zhao Min", MARKET),
    person("wang-qiang", "王强", "Wang Qiang", TECH),
]
DEPARTMENTS = [
    Department(TECH, "技术部", "Engineering", PEOPLE[3].ref),
    Department(PRODUCT, "产品部", "Product", PEOPLE[1].ref),
    Department(MARKET, "市场部", "Marketing", PEOPLE[2].ref),
]
TASKS = [
    Task(
        API, "PAY-63", "支付接口开发", "in_progress", "进行中", "https://jira.example/browse/PAY-63", AT,
        owner=PEOPLE[0].ref, department=TECH, start=date(2026, 9, 14), due=date(2026, 10, 10),
    ),
    Task(
        FLOW, "", "支付流程测试", "todo", "待办", "https://trello.com/c/flow", AT,
        owner=PEOPLE[1].ref, department=PRODUCT, start=date(2026, 10, 8), due=date(2026, 10, 10),
    ),
    Task(
        CAMPAIGN, "", "发布预热活动", "todo", "待办", "https://trello.com/c/campaign", AT,
        owner=PEOPLE[2].ref, department=MARKET, start=date(2026, 10, 12), due=date(2026, 10, 13),
    ),
]  # fmt: skip


def wait(before: Ref, after: Ref) -> Dependency:
    evidence = Evidence(before, "links", "1", "mappings/jira-main.yaml:12", str(before), str(after))
    return Dependency(before, after, evidence=(evidence,))


WAITS = (wait(API, FLOW), wait(FLOW, CAMPAIGN))


def story(
    language: Language = "zh-CN", at: datetime = AT, waits: tuple[Dependency, ...] = WAITS, **changes: dict[str, Any]
) -> View:
    """The view; ``changes`` name tasks by api, flow, campaign and the fields that differ."""
    names = {"api": API, "flow": FLOW, "campaign": CAMPAIGN}
    changed = {names[name]: fields for name, fields in changes.items()}
    tasks = {task.ref: replace(task, **changed.get(task.ref, {})) for task in TASKS}
    connections = [
        ConnectionFacts("jira-main", "jira", language, ports=("source", "tracker"), has_mutual_links=True),
        ConnectionFacts("trello-main", "trello", language, ports=("source", "tracker")),
        ConnectionFacts("wiki", "confluence", language, ports=("source", "knowledge_base")),
    ]
    return View(
        at,
        tasks,
        waits,
        people={item.ref: item for item in PEOPLE},
        departments={item.ref: item for item in DEPARTMENTS},
        connections={item.name: item for item in connections},
        freshness={item.name: Freshness(item.name, AT, is_complete=True) for item in connections},
        calendars={"CN": CHINA},
    )


def publish(desired: Iterable[Desired], before: Mapping[str, Published] = {}) -> dict[str, Published]:
    """What the ledger remembers after these were written: facts come back from JSON, so dates come back as text."""
    ledger = dict(before)
    for item in desired:
        ledger[item.key] = Published(
            item.key, item.job, item.target, item.kind, Written("1", "1"), digest(item), item.message,
            msgspec.json.decode(as_json(item.facts)), item.content, item.rests_on, "run-1", AT,
        )  # fmt: skip
    return ledger


def digest(item: Desired) -> str:
    return digest_of(item.message, item.facts)


def digests(judgement: Judgement) -> dict[str, str]:
    return {item.key: digest(item) for item in judgement.desired}


def comments(judgement: Judgement, about: Dependency = WAITS[0]) -> dict[Ref, Desired]:
    """One dependency's comments by target; by default those of the story itself."""
    return {
        item.target: item
        for item in judgement.desired
        if isinstance(item.content, CommentContent) and about.key in item.key
    }


def page(judgement: Judgement) -> PageAsContent:
    (item,) = judgement.desired
    assert isinstance(item.content, PageAsContent)
    return item.content


def as_json(value: object) -> bytes:
    return msgspec.json.encode(value, enc_hook=str)


def everything_said(judgement: Judgement) -> str:
    """All that would leave the house: contents with their pictures, and facts."""
    parts = [as_json([item.content, item.facts]).decode() for item in judgement.desired]
    for item in judgement.desired:
        if isinstance(item.content, PageAsContent):
            parts += [content.decode(errors="replace") for _, content in item.content.page.attachments]
    return "\n".join(parts)


def check_golden(name: str, text: str) -> None:
    """The text equals the golden file. TIELINE_WRITE_GOLDEN=1 writes it instead: then read it as the person who gets it."""
    path = GOLDEN / name
    if os.environ.get("TIELINE_WRITE_GOLDEN"):
        path.write_text(f"{text}\n", encoding="utf-8")
    assert f"{text}\n" == path.read_text(encoding="utf-8")
