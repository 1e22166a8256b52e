"""What tells our own comment on a card from a person's edit of it: the last line, which people see, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.trello.hooks import hints_from, signature
from connectors.trello.markdown import comment_text, said_digest
from sandbox.http import Request, Response
from sync.core.errors import Conflict
from sync.core.hooks import HookRequest
from sync.core.marks import kept_from, mark_from
from sync.core.ports import ConnectionSettings
from sync.core.rich_text import Paragraph, PersonMention, Text
from tests.connectors.trello_bench import MARK, PRODUCT, Bench, open_bench, text


@pytest.fixture
def bench() -> Iterator[Bench]:
    with open_bench() as opened:
        yield opened


def test_the_mark_line_is_short() -> None:
    last = comment_text(text("一"), MARK).splitlines()[-1]
    assert last.startswith(f"[{MARK} ")
    assert len(last) <= len(MARK) + 15


def test_a_line_from_before_digests_were_kept_is_a_mark_and_not_untouched(bench: Bench) -> None:
    task = bench.card("支付流程测试")
    made = bench.trello.add_comment(task, MARK, text("一"))
    bench.simulator.edit_comment(made.id, f"一\n\n[{MARK}]")
    found = bench.trello.find_comment(task, MARK)
    assert found is not None
    assert (found.id, found.is_untouched) == (made.id, False)
    assert list(bench.trello.marks_on(task)) == [MARK]
    assert bench.trello.edit_comment(task, found, MARK, text("二")).is_untouched


@pytest.mark.parametrize("edit", ["{}\n\n人写的", "人写的\n\n{}", "{}\n人写的"])
def test_words_above_or_below_the_mark_are_an_edit_and_the_comment_is_still_found(bench: Bench, edit: str) -> None:
    task = bench.card("支付流程测试")
    made = bench.trello.add_comment(task, MARK, text("一"))
    bench.simulator.edit_comment(made.id, edit.format(bench.simulator.state.actions[made.id]["data"]["text"]))
    found = bench.trello.find_comment(task, MARK)
    assert found is not None
    assert (found.id, found.is_untouched, found.block != made.block) == (made.id, False, True)
    with pytest.raises(Conflict):
        bench.trello.edit_comment(task, made, MARK, text("二"))


def test_blanks_and_line_ends_are_no_edit() -> None:
    sent = comment_text((Paragraph((Text("一"), PersonMention("李娜", "1"))), *text("二")), MARK, {"1": "lina"})
    kept = kept_from(sent)
    assert kept is not None
    assert kept.block != kept.as_stored  # the person is named by her user name there
    stored = sent.replace("\n", " \r\n") + "\r\n"
    assert (mark_from(stored), said_digest(stored), kept_from(stored)) == (MARK, kept.as_stored, kept)
    assert said_digest(sent.replace("二", "三")) != kept.as_stored


def test_words_that_our_write_took_away_unseen_are_told_by_the_delivery_and_nothing_else_is(bench: Bench) -> None:
    """Trello keeps no versions of a comment: what a person wrote between our last look and our write is in the webhook only."""
    task = bench.card("支付流程测试")
    heard: list[dict[str, Any]] = []
    bench.simulator.state.on_action = heard.append
    made = bench.trello.add_comment(task, MARK, text("一"))
    handle, theirs = bench.simulator.handle, [f"一\n\n人写的\n\n[{MARK}]"]

    def watched(request: Request) -> Response:
        if request.method == "PUT" and theirs:
            bench.simulator.edit_comment(made.id, theirs.pop())
        return handle(request)

    bench.simulator.handle = watched  # type: ignore[method-assign]
    edited = bench.trello.edit_comment(task, made, MARK, text("二"))
    bench.trello.edit_comment(task, edited, MARK, text("三"))
    settings = ConnectionSettings("trello", "trello", "", credentials={"webhook_secret": "s"}, scopes=(PRODUCT,))
    replaced = []
    for action in heard:
        body = json.dumps({"action": action}).encode()
        request = HookRequest(
            {"x-trello-webhook": signature("s", body, "https://t.example/")}, body, "https://t.example/"
        )
        replaced += [hint.edited.words if hint.edited else "" for hint in hints_from(request, settings)]
    assert [words for words in replaced if words] == [f"一\n\n人写的\n\n[{MARK}]"]
    assert len(replaced) == 4
