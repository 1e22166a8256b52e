"""A record that everybody could read becomes restricted, or hidden: what was written of it is neither repeated nor put back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from sandbox.jira.seed import SECURITY
from tests.end_to_end.company import Company

TITLE, KEY = "支付接口开发", "PAY-1"


def restrict(company: Company, key: str = KEY) -> None:
    site = company.world.jira_cloud.site
    site.put(replace(site.any_issue(key), security=SECURITY, updated=site.now()))


def others(company: Company) -> str:
    """Everything that stands on Trello's cards and on Confluence's pages now, as Tieline wrote it; what people wrote is left out."""
    state = company.world.trello.state
    texts: list[Any] = [action["data"]["text"] for action in state.actions.values() if action["type"] == "commentCard"]
    texts += [page.latest.storage for page in company.world.confluence_cloud.site.pages.values()]
    return json.dumps(texts, ensure_ascii=False)


def test_an_undo_does_not_say_again_what_became_restricted(settled: Company) -> None:
    assert TITLE in others(settled)
    restrict(settled)
    run = settled.run()["run"]
    assert TITLE not in others(settled)
    said = settled.say("undo", run, "--json").expect(5)
    assert "restricted" in {item["why"] for item in said.json()["kept"]}
    assert TITLE not in others(settled)
    assert TITLE not in said.out


def test_a_plan_names_no_link_that_it_takes_away_for_that(settled: Company) -> None:
    restrict(settled)
    settled.say("collect").expect(0)
    for form in ((), ("--json",)):
        said = settled.say("plan", *form).expect(0)
        assert "remove link" in said.out
        assert TITLE not in said.out
        assert KEY not in said.out


def test_an_export_leaves_out_what_quotes_a_restricted_record(settled: Company, tmp_path: Path) -> None:
    restrict(settled)
    settled.run()
    file = tmp_path / "records.jsonl"
    settled.say("raw", "export", file).expect(0)
    text = file.read_text(encoding="utf-8")
    assert TITLE not in text  # PAY-4 is linked to it, and Jira writes its title there
    assert ":history:" not in text
    assert "jira-finance:task:" in text


def test_what_stands_on_a_hidden_record_is_not_forgotten(settled: Company) -> None:
    """ "Not there" from a vendor who hides a record is not "taken away": shown again, the link is still known and removed."""
    jira = settled.world.jira_cloud
    before = len(jira.site.any_issue(KEY).remote_links)
    assert before
    jira.hide_issue(KEY)
    trello = settled.world.trello
    trello.set_permission(trello.find_card("支付流程测试")["idBoard"], "private")
    settled.run()
    jira.hide_issue(KEY, is_hidden=False)
    settled.run()
    assert len(jira.site.any_issue(KEY).remote_links) < before


def test_a_link_to_a_record_that_was_hidden_and_shows_again_comes_back_once(settled: Company) -> None:
    trello, jira = settled.world.trello, settled.world.jira_cloud
    card = trello.find_card("支付流程测试")
    home, address = card["idBoard"], f"/c/{card['shortLink']}"
    elsewhere = trello.add_board("董事会", "li-na", ("待办",), permission_level="private", members=())["id"]

    def links() -> int:
        return sum(address in str(link.object) for link in jira.site.any_issue(KEY).remote_links)

    assert links() == 1
    trello.move_card(card["id"], list_name="待办", board=elsewhere)
    settled.say("run").expect(5)  # our comment on the card is out of reach, and that is told
    assert links() == 0
    trello.move_card(card["id"], list_name="待办", board=home)
    for _ in range(2):
        settled.run()
        assert links() == 1
