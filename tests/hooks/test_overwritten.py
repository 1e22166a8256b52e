"""A colleague saves a comment of ours between our last look and our write: the words are kept, shown, and put back once."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.jira.hooks import hints_from, signature
from sandbox.http import Request, Response
from sandbox.jira.adf import as_wiki
from sandbox.jira.seed import SECURITY
from sandbox.trello import TOKEN
from sync.core.hooks import EditedComment, Hint, HookRequest
from sync.core.ports import ConnectionSettings
from sync.overwritten import keep_edits, overwritten, settle_edits
from tests.end_to_end.company import Company
from tests.hooks.desk import SECRETS, Desk, eventually, listening, served

BLOCKER, WAITING = "PAY-1", "支付流程测试"
NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
WORDS = "已经和张伟确认过，周五能给，先别催。"


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with listening(tmp_path / "company") as made:
        made.first_run()
        yield made


@pytest.fixture
def desk(company: Company) -> Iterator[Desk]:
    with served(company) as made:
        company.world.jira_cloud.webhooks.add(f"{made.url}/hooks/jira-main", SECRETS["JIRA_HOOK"], ("comment_updated",))
        state = company.world.trello.state
        board = company.world.trello.find_card(WAITING)["idBoard"]
        state.webhooks["w1"] = {
            "id": "w1", "description": "", "idModel": board, "callbackURL": f"{made.url}/hooks/trello-main", "active": True,
            "consecutiveFailures": 0, "firstConsecutiveFailDate": None, "token": TOKEN,
        }  # fmt: skip
        yield made


def slip(company: Company) -> None:
    """The date moves again, so that the comments on both sides must be updated."""
    due = company.world.jira_cloud.issue(BLOCKER).due
    assert due
    company.world.jira_cloud.edit_issue(BLOCKER, duedate=due + timedelta(days=7))


def strike(simulator: Any, marker: str, edit: Callable[[str], object]) -> list[str]:
    """Somebody saves the comment just before our update of it arrives."""
    handle, struck = simulator.handle, list[str]()

    def watched(request: Request) -> Response:
        if request.method == "PUT" and marker in request.path and not struck:
            struck.append(request.path)
            edit(re.findall(r"/(?:comment|actions)/(\w+)", request.path)[0])
            time.sleep(
                0.005
            )  # vendors tell times in milliseconds: within one, nobody could say which of the two was later
        answer: Response = handle(request)
        return answer

    simulator.handle = watched
    return struck


def said(company: Company, tool: str) -> list[str]:
    """Every comment on the story's task in one tool, as text."""
    if tool == "jira-main":
        return [str(as_wiki(comment.body)) for comment in company.world.jira_cloud.issue(BLOCKER).comments]
    state = company.world.trello.state
    card = company.world.trello.find_card(WAITING)["id"]
    return [
        state.actions[key]["data"]["text"]
        for key in state.actions_of[card]
        if state.actions[key]["type"] == "commentCard"
    ]


def edit_in_the_moment(company: Company, tool: str) -> list[str]:
    if tool == "jira-main":
        jira = company.world.jira_cloud
        return strike(jira, "/comment/", lambda number: jira.edit_comment(BLOCKER, number, WORDS, "zhang-wei"))
    trello = company.world.trello

    def edit(action: str) -> None:
        trello.edit_comment(action, f"{WORDS}\n\n{trello.state.actions[action]['data']['text']}")

    return strike(trello, "/actions/", edit)


@pytest.mark.parametrize("tool", ["jira-main", "trello-main"])
def test_words_written_in_the_moment_of_our_update_are_kept_and_put_back_once(
    company: Company, desk: Desk, tool: str
) -> None:
    slip(company)
    struck = edit_in_the_moment(company, tool)
    company.run(0)
    assert struck
    assert not [text for text in said(company, tool) if WORDS in text], "nobody can see them any more"
    eventually(lambda: overwritten(desk.app.store))
    company.run(0)
    findings = company.say("findings", "--json").expect(0).json()
    [found] = [item for item in findings if item["kind"] == "overwritten"]
    assert "盖掉" in found["text"]
    assert WORDS not in str(found)
    [listed] = company.say("overwritten", "--json").expect(0).json()
    assert WORDS in listed["words"]
    company.say("overwritten", "--put-back", listed["id"]).expect(0)
    assert len([text for text in said(company, tool) if WORDS in text]) == 1
    assert "nothing that was overwritten" in company.say("overwritten", "--put-back", listed["id"]).expect(2).problem
    company.run(0)
    assert len([text for text in said(company, tool) if WORDS in text]) == 1
    assert not [item for item in company.say("findings", "--json").json() if item["kind"] == "overwritten"]


def test_an_edit_that_stands_is_no_loss(company: Company, desk: Desk) -> None:
    """Nobody took it away: it is left alone and told as edited by hand, as ever."""
    [ours] = [item.id for item in company.world.jira_cloud.issue(BLOCKER).comments]
    company.world.jira_cloud.edit_comment(BLOCKER, ours, WORDS, "zhang-wei")
    eventually(lambda: desk.app.store.comment_edits(("open",)))
    slip(company)
    company.run(0)
    assert overwritten(desk.app.store) == []
    assert [text for text in said(company, "jira-main") if WORDS in text]


def test_a_colleagues_own_comment_is_not_kept(company: Company, desk: Desk) -> None:
    hint = Hint(
        "d1", "issues", "", "10001", "comment_updated", None, EditedComment("999999", WORDS, "张伟", "2026-11-25")
    )
    assert keep_edits(desk.app.store, "jira-main", (hint,), NOW)[0].edited is None
    assert desk.app.store.comment_edits(("open", "overwritten")) == []


def test_what_nobody_took_away_is_forgotten_after_a_week(company: Company, desk: Desk) -> None:
    store = desk.app.store
    entry = next(item for item in store.published().values() if item.kind == "comment")
    edited = EditedComment(entry.written.id, WORDS, "张伟", "2026-11-25T01:00:00.000+0000")
    hint = Hint("d1", "issues", "", entry.target.key, "comment_updated", None, edited)
    keep_edits(store, entry.target.connection, (hint,), NOW)
    assert len(store.comment_edits(("open",))) == 1
    settle_edits(store, NOW + timedelta(days=6))
    assert len(store.comment_edits(("open",))) == 1
    settle_edits(store, NOW + timedelta(days=8))
    assert store.comment_edits(("open",)) == []


def test_nobody_is_quoted_of_a_task_that_became_restricted(company: Company, desk: Desk) -> None:
    slip(company)
    edit_in_the_moment(company, "jira-main")
    company.run(0)
    eventually(lambda: overwritten(desk.app.store))
    site = company.world.jira_cloud.site
    site.put(replace(site.any_issue(BLOCKER), security=SECURITY, updated=site.now()))
    company.run(0)
    said = company.say("overwritten").expect(0).out + company.say("overwritten", "--json").expect(0).out
    assert "张伟" not in said
    assert WORDS not in said
    assert "***" in said


def test_an_edit_on_data_center_is_read_as_well() -> None:
    comment = {
        "id": "10001",
        "body": WORDS,
        "updated": "2026-11-25T01:00:00.000+0000",
        "updateAuthor": {"displayName": "张伟"},
    }
    body = {"webhookEvent": "comment_updated", "comment": comment, "issue": {"id": "10000"}}
    data = json.dumps(body, ensure_ascii=False).encode()
    settings = ConnectionSettings("dc", "jira", "", "dc", credentials={"webhook_secret": "s"})
    request = HookRequest({"x-hub-signature": signature("s", data)}, data, "")
    (hint,) = hints_from(request, settings)
    assert hint.edited == EditedComment("10001", WORDS, "张伟", "2026-11-25T01:00:00.000+0000")
    comment["body"] = {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": [{"type": "text", "text": WORDS}]}],
    }
    data = json.dumps(body, ensure_ascii=False).encode()
    (hint,) = hints_from(HookRequest({"x-hub-signature": signature("s", data)}, data, ""), settings)
    assert hint.edited
    assert hint.edited.words.strip() == WORDS
