"""The Trello simulator's reads over real HTTP: the door, boards, cards, actions, pages of listings, limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.faults import Fault
from sandbox.story import DEPARTMENTS, GROWTH_PLAN, RACI_ROWS, story
from sandbox.trello import KEY, TOKEN, TrelloSimulator, seed
from tests.sandbox.trello_site import ANCHOR, URLS, Site, served_site


@pytest.fixture
def site() -> Iterator[Site]:
    with served_site() as served:
        yield served


def test_one_read_gives_a_board_with_everything_on_it(site: Site) -> None:
    board = site.get(
        f"/boards/{site.board('产品部看板')}",
        fields="name,url,closed,dateLastActivity,idOrganization", lists="all", list_fields="name,closed,pos",
        cards="all", card_fields="all", card_attachments="true", card_customFieldItems="true", checklists="all",
        labels="all", labels_limit=1000, members="all", member_fields="fullName,username", customFields="true",
    )  # fmt: skip
    assert [item["name"] for item in board["lists"]] == ["待办", "进行中", "已完成"]
    assert set(board["lists"][0]) == {"id", "name", "closed", "pos"}
    assert {"zhang-wei", "tieline"} <= {member["username"] for member in board["members"]}
    cards = {card["name"]: card for card in board["cards"]}
    test, launch = cards["支付流程测试"], cards["支付功能上线说明"]
    assert test["due"] == "2026-11-30T10:00:00.000Z"
    assert test["start"] == "2026-11-26T01:00:00.000Z"
    assert [label["name"] for label in test["labels"]] == ["支付"]
    waits = {item["idCard"]: [entry["name"] for entry in item["checkItems"]] for item in board["checklists"]}
    assert waits[test["id"]] == ["https://company.atlassian.net/browse/PAY-1"]
    assert waits[launch["id"]] == [test["url"]]
    assert [item["url"] for item in test["attachments"]] == [launch["url"]]
    assert test["badges"]["attachmentsByType"]["trello"]["card"] == 1
    assert "desc" not in board
    assert board["dateLastActivity"].startswith("2026-11-04")


def test_the_raci_table_stands_in_custom_fields_of_type_list(site: Site) -> None:
    board = site.board(GROWTH_PLAN)
    definitions = site.get(f"/boards/{board}/customFields")
    assert [item["name"] for item in definitions] == list(DEPARTMENTS)
    letters = {option["id"]: option["value"]["text"] for item in definitions for option in item["options"]}
    rows = {}
    for card in site.get(f"/boards/{board}/cards/all", customFieldItems="true"):
        values = {item["idCustomField"]: letters[item["idValue"]] for item in card["customFieldItems"]}
        assert all(item["value"] is None for item in card["customFieldItems"])
        rows[card["name"]] = "".join(values[item["id"]] for item in definitions)
    assert rows == dict(RACI_ROWS)


def test_ids_are_the_same_for_the_same_seed_and_carry_their_time(site: Site) -> None:
    other = TrelloSimulator()
    seed(other, story(ANCHOR), URLS)
    for kind in ("members", "boards", "cards", "checklists", "actions", "custom_fields"):
        assert list(getattr(other.state, kind)) == list(getattr(site.simulator.state, kind))
    made = site.ask("POST", "/cards", json={"idList": site.card("支付流程测试")["idList"], "name": "新卡片"})
    assert int(made["id"][:8], 16) == int(site.clock.now.timestamp())


@pytest.mark.parametrize(
    ("header", "query", "status", "text"),
    [
        ("", f"?key={KEY}&token={TOKEN}", 200, "tieline"),
        ("", "", 401, "invalid key"),
        ("", f"?key={KEY}", 401, "unauthorized permission requested"),
        ("", f"?key={KEY}&token=nonsense", 401, "invalid token"),
        (f'OAuth oauth_consumer_key="wrong", oauth_token="{TOKEN}"', "", 401, "invalid key"),
    ],
)
def test_the_door(site: Site, header: str, query: str, status: int, text: str) -> None:
    headers = {"Authorization": header} if header else {}
    answer = httpx.get(f"{site.client.base_url}/1/members/me{query}", headers=headers)
    assert answer.status_code == status
    assert text in answer.text
    if status != 200:
        assert answer.headers["content-type"].startswith("text/plain")


def test_an_expired_and_a_revoked_token_are_told_apart(site: Site) -> None:
    expired = site.simulator.issue_token("li-na", expires="2026-01-01T00:00:00.000Z")
    assert site.refused("GET", "/members/me", headers=_oauth(expired)) == (401, "expired token")
    revoked = site.simulator.issue_token("li-na")
    assert site.ask("DELETE", f"/tokens/{revoked}", headers=_oauth(revoked)) == {"_value": None}
    assert site.refused("GET", "/members/me", headers=_oauth(revoked)) == (401, "invalid token")
    reader = site.simulator.issue_token("li-na", can_write=False)
    comment = f"/cards/{site.card('支付流程测试')['id']}/actions/comments"
    assert site.refused("POST", comment, headers=_oauth(reader), json={"text": "好"})[0] == 401


def _oauth(token: str) -> dict[str, str]:
    return {"Authorization": f'OAuth oauth_consumer_key="{KEY}", oauth_token="{token}"'}


def test_a_private_board_is_hidden_from_who_left_it_but_an_org_board_is_not(site: Site) -> None:
    board, card = site.board("产品部看板"), site.card("支付流程测试")["id"]
    site.simulator.leave_board(board, "tieline")
    assert site.get(f"/cards/{card}")["id"] == card
    assert site.refused("PUT", f"/cards/{card}", json={"name": "x"}) == (401, "unauthorized card permission requested")
    site.simulator.set_permission(board, "private")
    assert site.refused("GET", f"/cards/{card}") == (401, "unauthorized card permission requested")
    assert site.refused("GET", f"/boards/{board}") == (401, "unauthorized permission requested")
    assert board not in [item["id"] for item in site.get("/members/me/boards")]


def test_refusals_are_plain_text_in_the_vendors_words(site: Site) -> None:
    card = site.card("支付流程测试")["id"]
    assert site.refused("GET", "/cards/nonsense!") == (400, "invalid id")
    assert site.refused("GET", f"/cards/{'0' * 24}") == (404, "The requested resource was not found.")
    assert site.refused("POST", "/cards", json={"name": "x"}) == (400, "invalid value for idList")
    assert site.refused("GET", f"/cards/{card}", params={"fields": "nonsense"}) == (400, "invalid value for fields")
    assert site.refused("PATCH", f"/cards/{card}")[0] == 404
    assert site.refused("GET", "/nowhere")[0] == 404
    assert site.refused("POST", f"/cards/{card}/actions/comments", json={"text": ""})[0] == 400
    assert (
        site.refused(
            "POST", f"/cards/{card}/actions/comments", content=b"{", headers={"content-type": "application/json"}
        )[0]
        == 400
    )
    assert site.refused("PUT", f"/cards/{card}", json={"due": "tomorrow"}) == (400, "invalid date")


def test_cards_page_by_creation_newest_first_without_loss(site: Site) -> None:
    board = site.board("销售部看板")
    for number in range(25):
        site.simulator.add_card(board, "待办", f"客户 {number}")
    wanted = sorted(site.simulator.state.cards_of_board[board], reverse=True)
    assert _walk(site, f"/boards/{board}/cards/all") == wanted
    newest = site.get(f"/boards/{board}/cards/all", limit=1000, since=wanted[3])
    assert [card["id"] for card in newest] == wanted[:3]
    assert site.refused("GET", f"/boards/{board}/cards", params={"limit": 1001}) == (400, "invalid value for limit")


def _walk(site: Site, path: str, **params: Any) -> list[str]:
    """Ids of a listing, page after page until one is empty."""
    ids: list[str] = []
    while page := site.get(path, limit=10, **params, **({"before": ids[-1]} if ids else {})):
        ids += [item["id"] for item in page]
    return ids


def test_visible_hides_cards_of_an_archived_list(site: Site) -> None:
    board = site.board("产品部看板")
    site.simulator.archive_list(board, "待办")
    assert site.get(f"/boards/{board}/cards") == []
    assert len(site.get(f"/boards/{board}/cards/open")) == len(site.get(f"/boards/{board}/cards/all")) == 2
    site.simulator.archive(site.card("支付流程测试")["id"])
    assert [card["name"] for card in site.get(f"/boards/{board}/cards/closed")] == ["支付流程测试"]


def test_page_faults(site: Site) -> None:
    board = site.board(GROWTH_PLAN)
    path = f"/boards/{board}/cards/all"
    first = [card["id"] for card in site.get(path, limit=2)]
    site.simulator.faults.plan(Fault("repeated_page"))
    assert [card["id"] for card in site.get(path, limit=2, before=first[-1])] == first
    site.simulator.faults.plan(Fault("short_page"), Fault("empty_page"))
    assert len(site.get(path, limit=4)) == 2
    assert site.get(path, limit=4) == []
    site.simulator.faults.plan(Fault("edited_between_pages"))
    edited = site.get(path, limit=2)[-1]
    assert site.get(f"/cards/{edited['id']}")["dateLastActivity"] > edited["dateLastActivity"]


def test_a_list_move_is_an_update_and_hidden_types_are_in_no_listing(site: Site) -> None:
    simulator, board = site.simulator, site.board("产品部看板")
    card = site.card("支付流程测试")["id"]
    last = site.get(f"/boards/{board}/actions", limit=1)[0]["id"]
    checklist = simulator.state.checklists_of_card[card][0]
    before = site.get(f"/cards/{card}", fields="dateLastActivity")["dateLastActivity"]
    item = simulator.add_check_item(checklist, "https://trello.com/c/AbC123xy")
    assert site.get(f"/cards/{card}", fields="dateLastActivity")["dateLastActivity"] > before
    simulator.label(card, "紧急")
    comment = simulator.add_comment(card, "今天提测", by="li-na")
    simulator.edit_comment(comment["id"], "明天提测")
    simulator.tick(item["id"])
    simulator.move_card(card, "进行中")
    told = site.get(f"/boards/{board}/actions", since=last, limit=1000, filter="all")
    assert [action["type"] for action in told] == ["updateCard", "updateCheckItemStateOnCard", "commentCard"]
    assert told[0]["data"]["old"].keys() == {"idList"}
    assert told[0]["data"]["listAfter"]["name"] == "进行中"
    assert told[2]["data"]["text"] == "明天提测"
    assert told[0]["appCreator"] is None
    assert site.get(f"/boards/{board}/actions", since=last, filter="updateCard:idList") == told[:1]
    assert site.get(f"/boards/{board}/actions", since=last, filter="updateCard:due") == []
    hidden = [key for key, action in simulator.state.actions.items() if action["type"] == "createCheckItem"]
    assert site.get(f"/actions/{hidden[-1]}")["data"]["checkItem"]["id"] == item["id"]
    assert "memberCreator" not in site.get(f"/boards/{board}/actions", limit=1, memberCreator="false")[0]


def test_actions_page_back_to_the_beginning(site: Site) -> None:
    board = site.board(GROWTH_PLAN)
    ids = _walk(site, f"/boards/{board}/actions")
    assert ids == sorted(site.simulator.state.actions_of[board], reverse=True)
    assert site.get(f"/boards/{board}/actions", limit=0) == []
    assert site.refused("GET", f"/boards/{board}/actions", params={"limit": 1001})[0] == 400
    assert len(ids) > 50 == len(site.get(f"/boards/{board}/actions"))


def test_a_deleted_card_is_404_and_leaves_only_its_ids(site: Site) -> None:
    card = dict(site.card("支付流程测试"))
    assert site.ask("DELETE", f"/cards/{card['shortLink']}") == {"limits": {}}
    assert site.refused("GET", f"/cards/{card['id']}")[0] == 404
    told = [
        item
        for item in site.get(f"/boards/{card['idBoard']}/actions", limit=1000)
        if item["data"].get("card", {}).get("id") == card["id"]
    ]
    assert [item["type"] for item in told] == ["deleteCard"]
    assert told[0]["data"]["card"] == {name: card[name] for name in ("id", "idShort", "shortLink")}


def test_a_card_moved_to_another_board_changes_its_short_number(site: Site) -> None:
    card = dict(site.card("支付流程测试"))
    site.simulator.move_card(card["id"], "待办", board=site.board("销售部看板"))
    moved = site.get(f"/cards/{card['shortLink']}")
    assert moved["idBoard"] == site.board("销售部看板")
    assert moved["idShort"] != card["idShort"]
    assert site.get(f"/boards/{card['idBoard']}/actions", limit=1)[0]["type"] == "moveCardFromBoard"
