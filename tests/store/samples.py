"""Values that the store's tests put in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sync.core.plan import Change, CommentContent, Published, digest_of
from sync.core.ports import Written
from sync.core.rich_text import Anchor, BulletList, ListItem, Paragraph, Text
from sync.core.values import Dependency, Evidence, Finding, RawRecord, Ref, Task

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


def task_ref(key: str, connection: str = "jira-main") -> Ref:
    return Ref.of(connection, "task", key)


def a_record(key: str = "1", payload: bytes = b'{"id":"1"}', **more: Any) -> RawRecord:
    values: dict[str, Any] = {"version": "1", "updated_at": NOON, "fetched_at": NOON, "scope": "PAY", **more}
    return RawRecord(ref=values.pop("ref", task_ref(key)), payload=payload, **values)


def a_task(key: str = "1", title: str = "支付接口开发", **more: Any) -> Task:
    ref = more.pop("ref", task_ref(key))
    return Task(ref, f"PAY-{key}", title, "todo", "待办", f"https://jira.test/{key}", NOON, **more)


def evidence_of(key: str, other: str = "2") -> Evidence:
    return Evidence(task_ref(key), "links", f"link-{key}", "jira-main.yaml:7", task_ref(key), task_ref(other))


def a_dependency(before: str = "1", after: str = "2", **more: Any) -> Dependency:
    return Dependency(task_ref(before), task_ref(after), evidence=(evidence_of(before, after),), **more)


def a_change(key: str = "delay:1", facts: dict[str, Any] | None = None, **more: Any) -> Change:
    facts = facts or {"days": 3}
    body = (
        Paragraph((Text("比计划晚 3 个工作日"), Anchor("PAY-1", "https://jira.test/1"))),
        BulletList((ListItem((Paragraph((Text("支付流程测试"),)),), is_done=False),)),
    )
    values: dict[str, Any] = {"operation": "create", "kind": "comment", "content": CommentContent(body), **more}
    return Change(
        key=key,
        job="delays",
        target=task_ref("1"),
        digest=digest_of("delay", facts),
        message="delay",
        facts=facts,
        reason="PAY-1 slipped",
        mark="tieline:x:1",
        **values,
    )


def published_from(change: Change, version: str = "1", run: str = "run") -> Published:
    return Published(
        key=change.key,
        job=change.job,
        target=change.target,
        kind=change.kind,
        written=Written("c-1", version),
        digest=change.digest,
        message=change.message,
        facts=change.facts,
        content=change.content,
        rests_on=("jira-main",),
        run=run,
        at=NOON,
    )


def a_finding(key: str = "late:1", severity: Any = "warning", **parameters: Any) -> Finding:
    return Finding(key, "late", severity, (task_ref("1"),), "late", parameters)
