"""What tells our own comment from a person's edit of it, however Jira spells it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from connectors.jira import marks
from connectors.jira.bodies import comment_cloud, comment_dc
from sandbox.http import Request, Response
from sync.core.rich_text import (
    Anchor,
    BulletList,
    CodeBlock,
    ListItem,
    NumberedList,
    Panel,
    Paragraph,
    PersonMention,
    RichText,
    Table,
    Text,
)
from sync.core.values import Ref
from tests.connectors.test_jira_live import bench_of

MARK = "tieline:demo:0123456789abcdef"
BODY: RichText = (
    Paragraph((Text("比计划晚 3 个工作日 "), Text("很急", is_bold=True), PersonMention("李娜", "id-1"))),
    NumberedList((ListItem((Paragraph((Anchor("卡片", "https://trello.com/c/1"),)),)),)),
    BulletList((ListItem((Paragraph((Text("一"),)),), is_done=True),)),
    Panel("note", (Paragraph((Text("注意"),)),)),
    Table(((Text("任务"),),), (((Text("支付"),),),)),
    CodeBlock("x = 1\n", "python"),
)


def changed(node: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """The document with each node changed, children first."""
    if "content" in node:
        node = {**node, "content": [changed(child, change) for child in node["content"]]}
    return change(node)


def with_ids(node: dict[str, Any]) -> dict[str, Any]:
    return (
        {**node, "attrs": {**node.get("attrs", {}), "localId": "abc"}} if node["type"] not in ("doc", "text") else node
    )


def with_defaults(node: dict[str, Any]) -> dict[str, Any]:
    extra: dict[str, dict[str, Any]] = {
        "table": {"layout": "default", "isNumberColumnEnabled": False},
        "tableCell": {"colspan": 1},
        "mention": {"accessLevel": ""},
    }
    return {**node, "attrs": {**node.get("attrs", {}), **extra[node["type"]]}} if node["type"] in extra else node


def without_usual_order(node: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in node.items() if name != "attrs"} if node["type"] == "orderedList" else node


def with_split_text(node: dict[str, Any]) -> dict[str, Any]:
    content: list[Any] = []
    for child in node.get("content", ()):
        half = len(child.get("text", "")) // 2
        is_text = child["type"] == "text" and half and node["type"] != "codeBlock"
        content += (
            [{**child, "text": child["text"][:half]}, {**child, "text": child["text"][half:]}] if is_text else [child]
        )
    return {**node, "content": content} if content else node


def with_blank_line(node: dict[str, Any]) -> dict[str, Any]:
    return {**node, "content": [*node["content"], {"type": "paragraph"}]} if node["type"] == "doc" else node


@pytest.mark.parametrize("rewriting", [with_ids, with_defaults, without_usual_order, with_split_text, with_blank_line])
def test_what_jira_rewrites_by_itself_is_no_edit(rewriting: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    sent = comment_cloud(MARK, BODY, is_internal=False)
    stored = changed(sent["body"], rewriting)
    assert stored != sent["body"]
    assert marks.digest_of_body(stored) == marks.digest_of_body(sent["body"])


def edited_word(node: dict[str, Any]) -> dict[str, Any]:
    return {**node, "text": node["text"].replace("3", "4")} if node["type"] == "text" else node


def not_bold(node: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in node.items() if name != "marks"} if node.get("text") == "很急" else node


def somebody_else(node: dict[str, Any]) -> dict[str, Any]:
    return {**node, "attrs": {**node["attrs"], "id": "id-2"}} if node["type"] == "mention" else node


def another_link(node: dict[str, Any]) -> dict[str, Any]:
    return msgspec.json.decode(msgspec.json.encode(node).replace(b"trello.com/c/1", b"trello.com/c/2"))  # type: ignore[no-any-return]


@pytest.mark.parametrize("edit", [edited_word, not_bold, somebody_else, another_link])
def test_what_a_person_changes_is_an_edit(edit: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    sent = comment_cloud(MARK, BODY, is_internal=False)
    assert marks.digest_of_body(changed(sent["body"], edit)) != marks.digest_of_body(sent["body"])


def test_wiki_text_is_compared_without_our_anchors_line_ends_and_blanks() -> None:
    sent = comment_dc(MARK, (Paragraph((Text("一"),)), Paragraph((Text("二"),))), False, {})["body"]
    stored = sent.replace("\n", "  \r\n") + "\r\n"
    kept = marks.kept_in({"body": stored})
    assert kept is not None
    assert marks.block_of(marks.digest_of_body(stored), kept) == (kept.block, True)
    assert marks.block_of(marks.digest_of_body(f"{stored}三"), kept)[1] is False
    assert marks.marks_in({"body": stored}) == (MARK,)


def test_a_comment_from_before_digests_were_kept_is_found_and_not_taken_for_untouched() -> None:
    old = {"body": f"一\n{{anchor:{MARK}}}"}
    assert marks.is_marked(old, MARK)
    assert marks.kept_in(old) is None
    property_alone = {"body": {"type": "doc"}, "properties": [{"key": "tieline.mark", "value": {"mark": MARK}}]}
    assert marks.kept_in(property_alone) is None


def test_a_site_that_stores_other_nodes_than_we_sent_is_believed_once() -> None:
    """What Jira makes of our text is not a person's edit: the property learns how it reads."""
    for bench in bench_of("cloud"):
        task = Ref.of("jira-main", "task", str(bench.simulator.issue(bench.first).id))
        handle = bench.simulator.handle

        def stubborn(request: Request, handle: Callable[[Request], Response] = handle) -> Response:
            if request.method in ("POST", "PUT") and "/comment" in request.path and "/properties" not in request.path:
                sent = request.json()
                sent["body"]["content"].append(
                    {"type": "paragraph", "content": [{"type": "text", "text": "(sent by Tieline)"}]}
                )
                request = dataclasses.replace(request, body=msgspec.json.encode(sent))
            return handle(request)

        bench.simulator.handle = stubborn  # type: ignore[method-assign]
        made = bench.jira.add_comment(task, MARK, BODY)
        assert (made.is_untouched, made.block) == (True, bench.jira.block_of_comment(BODY))
        assert bench.jira.find_comment(task, MARK) == made
        edited = bench.jira.edit_comment(task, made, MARK, BODY[:1])
        assert bench.jira.find_comment(task, MARK) == edited
        assert edited.is_untouched
