"""The Trello simulator before outside judges: the vendor's contract, real recordings, its own nested read, size."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from sandbox.server import Sandbox
from sandbox.story import GROWTH_PLAN
from sandbox.trello import TrelloSimulator
from sandbox.trello.call import ROUTES
from tests.sandbox.trello_site import OAUTH, Clock, Payload, Site, served_site
from tests.shared import SHARED

EXCHANGES = SHARED / "data/trello-exchanges/exchanges.jsonl"
SPEC = SHARED / "specs/trello/trello.swagger.v3.json"


@pytest.fixture
def site() -> Iterator[Site]:
    with served_site() as served:
        yield served


# Answered by Trello and recorded or in the fact sheet, though the published contract leaves them out.
BEYOND_THE_CONTRACT = {
    "PUT /cards/{}/{}",  # recorded: PUT /cards/{id}/idList?value=
    "GET /cards/{}/attachments/{}/download/{}",  # attachments[].url of an upload
    "GET /boards/{}/pluginData",  # recorded
    "GET /boards/{}/cards/{}",
    "GET /members/{}/{}",
    "GET /organizations/{}/members/{}",  # recorded: /members/all
}


def test_every_served_path_is_in_the_vendors_contract() -> None:
    if not SPEC.exists():
        pytest.skip("the vendor's contract is not here: the folder shared is absent")
    paths = json.loads(SPEC.read_text())["paths"]
    known = {_shape(method, path) for path, methods in paths.items() for method in methods}
    served = {_shape(method, path) for method, path, _ in ROUTES}
    assert served - known - BEYOND_THE_CONTRACT == set()


def _shape(method: str, path: str) -> str:
    return f"{method.upper()} {re.sub(r'{[^}]+}', '{}', path).rstrip('/')}"


def test_recorded_reads_come_back_with_the_recorded_values() -> None:
    """Load every recorded answer, then ask the same of the simulator: fields that both have must agree."""
    if not EXCHANGES.exists():
        pytest.skip("real exchanges are not here: the folder shared is absent")
    exchanges = [json.loads(line) for line in EXCHANGES.read_text().splitlines()]
    simulator = TrelloSimulator(clock=Clock(), enforce_limits=False)
    with Sandbox([simulator]) as sandbox, httpx.Client(base_url=sandbox.url("trello"), headers=OAUTH) as client:
        compared = sum(_replayed(simulator, client, exchange) for exchange in exchanges)
    assert compared > 100  # 101 of the recordings are whole reads of one object by its id


# Counted from what hangs on a card (not in a lone read), or written by the vendor without a rule (descData).
LOOSE = {
    "descData",
    "badges",
    "limits",
    "prefs",
    "url",
    "shortUrl",
    "cover",
    "checkItemStates",
    "idChecklists",
    "comments",
}
LONE = re.compile(r"/1/(boards|cards|lists|labels|checklists|customFields|actions)/[0-9a-f]{24}")


def _replayed(simulator: TrelloSimulator, client: httpx.Client, exchange: Payload) -> bool:
    """Whether a recorded lone read was loaded, asked again, and found to be the same."""
    path = urlsplit(exchange["uri"]).path
    if (
        exchange["method"] != "GET"
        or exchange["status"] != 200
        or not LONE.fullmatch(path)
        or "fields=" in exchange["uri"]
    ):
        return False
    if simulator.load(exchange) == "nothing":
        return False
    recorded = exchange["resp_json"]
    if path.startswith("/1/checklists") and recorded["idCard"] not in simulator.state.cards:
        return False
    answer = client.get(path)
    assert answer.status_code == 200, f"{path}: {answer.text}"
    shown = answer.json()
    for name in (recorded.keys() & shown.keys()) - LOOSE:
        assert shown[name] == recorded[name], f"{path} {name}"
    assert {"id", "name"} & recorded.keys() <= shown.keys()
    return True


def test_a_nested_board_becomes_state_again(site: Site) -> None:
    asked = {"lists": "all", "cards": "all", "card_attachments": "true", "card_customFieldItems": "true", "checklists": "all",
             "labels": "all", "members": "all", "customFields": "true", "fields": "all"}  # fmt: skip
    path = f"/1/boards/{site.board(GROWTH_PLAN)}"
    original = site.client.get(path, params=asked).json()
    other = TrelloSimulator(clock=Clock())
    with Sandbox([other]) as sandbox, httpx.Client(base_url=sandbox.url("trello"), headers=OAUTH) as client:
        loaded = httpx.post(f"{sandbox.url('trello')}/_sandbox/load", content=json.dumps({"board": original}))
        assert loaded.json()["loaded"] == {"board": 1}
        copy = client.get(path, params=asked).json()
    for name in ("lists", "cards", "checklists", "labels", "customFields"):
        assert sorted(item["id"] for item in copy[name]) == sorted(item["id"] for item in original[name])
    for one, other_card in zip(original["cards"], copy["cards"], strict=True):
        assert one == other_card


def test_a_board_of_twenty_thousand_cards_pages_quickly() -> None:
    simulator = TrelloSimulator(enforce_limits=False)
    simulator.add_member("li-na", "李娜")
    board = simulator.add_board("大看板", "li-na", ("待办",), permission_level="public")
    for number in range(20_000):
        simulator.add_card(board["id"], "待办", f"卡片 {number}")
    with (
        Sandbox([simulator]) as sandbox,
        httpx.Client(base_url=sandbox.url("trello"), headers=OAUTH, timeout=20) as client,
    ):
        seen: set[str] = set()
        before: dict[str, str] = {}
        while page := client.get(
            f"/1/boards/{board['id']}/cards/all", params={"limit": 1000, "fields": "name", **before}
        ).json():
            seen |= {card["id"] for card in page}
            before = {"before": page[-1]["id"]}
    assert len(seen) == 20_000
