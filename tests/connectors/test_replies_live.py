"""People's comments over real HTTP: who is no person, what only some read, and whom a comment calls upon. Requests keep the contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.asana.replies import words_of as words_of_asana
from sync.core.values import Ref
from tests.connectors.test_asana_live import Bench as AsanaBench
from tests.connectors.test_asana_live import bench as asana_bench
from tests.connectors.test_jira_live import Bench, bench_of

__all__ = ["asana_bench"]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["cloud", "dc"])
def jira(request: pytest.FixtureRequest) -> Iterator[Bench]:
    yield from bench_of(request.param)


def said(bench: Bench) -> list[tuple[str, str, str]]:
    found = bench.jira.replies(bench.task(bench.first), LONG_AGO)
    return [(reply.text.strip(), reply.by, reply.visibility) for reply in found]


def test_jira_tells_apps_and_customers_from_people_where_it_can(jira: Bench) -> None:
    people = jira.simulator.site.users
    people["li-na"] = replace(people["li-na"], kind="customer")
    people["wang-fang"] = replace(people["wang-fang"], kind="app")
    for author in ("zhang-wei", "li-na", "wang-fang"):
        jira.simulator.comment(jira.first, "不是依赖" if not jira.is_cloud else document("不是依赖"), author=author)
    others = "other" if jira.is_cloud else "person"
    assert [by for _, by, _ in said(jira)] == ["person", others, others]


def test_jira_tells_what_only_some_read(jira: Bench) -> None:
    body = document("我来处理") if jira.is_cloud else "我来处理"
    jira.simulator.comment(jira.first, body, author="zhang-wei", visibility={"type": "role", "value": "Developers"})
    note = {"sd.public.comment": {"internal": True}}
    jira.simulator.comment(jira.first, body, author="zhang-wei", properties=note)
    jira.simulator.comment(jira.first, body, author="zhang-wei")
    assert [seen for _, _, seen in said(jira)] == ["restricted", "restricted", "open"]


def test_whom_a_comment_on_an_issue_calls_upon_is_no_part_of_it(jira: Bench) -> None:
    mention = {"type": "mention", "attrs": {"id": "1", "text": "@Tieline 机器人"}}
    body = document(" 我来处理", mention) if jira.is_cloud else "[~tieline] 我来处理\n{quote}别的{quote}\nbq. 还有"
    jira.simulator.comment(jira.first, body, author="zhang-wei")
    assert [text for text, _, _ in said(jira)] == ["我来处理"]


def document(text: str, *before: Any) -> dict[str, Any]:
    content = [*before, {"type": "text", "text": text}]
    return {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": content}]}


def test_asana_tells_what_a_rule_wrote(asana_bench: AsanaBench) -> None:
    gid = asana_bench.task("一")
    asana_bench.simulator.comment(gid, "我来处理").by = None  # type: ignore[assignment]
    asana_bench.simulator.comment(gid, "不是依赖")
    found = asana_bench.asana.replies(Ref.of("asana-main", "task", gid), LONG_AGO)
    assert [(reply.text, reply.by) for reply in found] == [("我来处理", "other"), ("不是依赖", "person")]


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ('<body><a data-asana-gid="1" data-asana-type="user" href="x">@李雷 Li</a> 我来处理</body>', "我来处理"),
        ("<body><blockquote>不是依赖</blockquote>怎么看？</body>", "怎么看？"),
        ('<body>不是依赖 <a data-asana-gid="2" data-asana-type="task" href="x">支付</a><ul><li>一</li></ul></body>', "不是依赖 支付\n\n一"),
        ("<body>A &amp; B\nC</body>", "A & B\nC"),
    ],
)  # fmt: skip
def test_what_a_comment_in_asana_says(html: str, words: str) -> None:
    assert words_of_asana(html) == words
