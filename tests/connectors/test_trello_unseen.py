"""Trello as the fact sheet tells it and no more: endpoints it does not name are missing, and payloads are odd."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from connectors.trello import CONNECTOR
from connectors.trello.answers import decipher, is_too_big
from connectors.trello.client import Trello
from sandbox.http import Request, Response, json_response, text_response
from sandbox.server import Sandbox
from sandbox.story import story
from sandbox.trello import KEY, TOKEN, TrelloSimulator, seed
from sync.core.errors import Nonsense, NotFound, RecordError, Refused
from sync.core.ports import ConnectionSettings, LinkEnd
from sync.core.rich_text import Paragraph, PersonMention
from sync.core.values import LinkSide, RawRecord, Ref, Visibility

BOARD, MARK = "产品部看板", "tieline:demo:0123456789abcdef"
OTHER = LinkEnd(Ref("jira-main:task:1"), "PAY-1", "支付接口开发", "https://company.atlassian.net/browse/PAY-1")
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
SETTINGS = ConnectionSettings(name="trello-main", type="trello", base_url="https://api.trello.com")


class OddTrello(TrelloSimulator):
    """A Trello without some of its endpoints, that leaves out parameters and twists its answers."""

    missing: str = "^$"
    forgotten: tuple[str, ...] = ()
    twist: Callable[[Request, Any], Any] | None = None

    def handle(self, request: Request) -> Response:
        if re.search(self.missing, f"{request.method} {request.path}"):
            return text_response("The requested resource was not found.", 404)
        query = {name: values for name, values in request.query.items() if name not in self.forgotten}
        answer = super().handle(replace(request, query=query))
        if self.twist is None or answer.status != 200 or request.method != "GET":
            return answer
        return json_response(self.twist(request, json.loads(answer.body)))


class Bench:
    def __init__(self, simulator: OddTrello, url: str) -> None:
        self.simulator = simulator
        settings = ConnectionSettings(
            name="trello-main", type="trello", base_url=url, scopes=(BOARD,), installation="demo",
            credentials={"key": KEY, "token": TOKEN}, requests_per_second=2000,
        )  # fmt: skip
        trello = CONNECTOR.connect(settings)
        assert isinstance(trello, Trello)
        self.trello, self.settings = trello, settings
        self.board = next(item for item in simulator.state.boards.values() if item["name"] == BOARD)
        self.task = Ref.of("trello-main", "task", simulator.find_card("支付流程测试")["id"])

    def read(self, stream: str = "cards", scope: str = "") -> dict[str, Any]:
        shards = list(self.trello.shards(stream, None, scope or self.board["id"]))
        raws = [raw for shard in shards for page in self.trello.fetch(shard) for raw in page]
        return {raw.ref.key: CONNECTOR.record_from_raw(raw, self.settings) for raw in raws}


@pytest.fixture
def bench() -> Iterator[Bench]:
    simulator = OddTrello(clock=lambda: NOW, enforce_limits=False)
    seed(simulator, story(date(2026, 11, 24)), {"trello": "https://trello.com"})
    with Sandbox([simulator]) as sandbox:
        made = Bench(simulator, sandbox.url("trello"))
        yield made
        made.trello.close()


def test_a_board_is_found_by_id_and_short_link_where_boards_are_not_listed(bench: Bench) -> None:
    bench.simulator.missing = "/members/me"
    for scope in (bench.board["id"], bench.board["shortLink"]):
        assert bench.trello.site.board_id(scope) == bench.board["id"]
    with pytest.raises(NotFound, match="没有的看板"):
        bench.trello.site.board_id("没有的看板")
    settings = msgspec.structs.replace(bench.settings, scopes=(bench.board["id"],))
    trello = CONNECTOR.connect(settings)
    assert isinstance(trello, Trello)
    assert trello.vocabulary().scopes == {bench.board["id"]: BOARD}
    trello.close()


def odd_board(request: Request, answer: Any) -> Any:
    """Holes, numbers and nulls wherever the sheet promises objects and texts."""
    if not request.path.startswith("/1/boards/") or not isinstance(answer, dict) or "lists" not in answer:
        return answer
    answer["lists"] = [None, {**answer["lists"][0], "id": 77}, *answer["lists"][1:]]
    answer["customFields"] = [{"id": None, "name": "坏"}, None, *answer.get("customFields", [])]
    answer["members"] = [None, *answer["members"]]
    for checklist in answer.get("checklists", ()):
        checklist["checkItems"] = [None, *checklist["checkItems"]]
    if cards := answer.get("cards"):
        cards[0] |= {"id": "not-hex", "idList": 77, "dateLastActivity": 1764000000, "idMembers": [None], "due": 5}
        answer["cards"] = [None, *cards]
    return answer


def test_an_odd_board_is_read_whole(bench: Bench) -> None:
    wanted = {record.title for record in bench.read().values()}
    bench.simulator.twist = odd_board
    records = bench.read()
    assert {record.title for record in records.values()} == wanted
    odd = records["not-hex"]
    assert odd.values["list"]["id"] == 77
    assert odd.values["dateCreated"] is None
    assert [mention.text for record in records.values() for mention in record.mentions]


def test_odd_actions_are_read_whole(bench: Bench) -> None:
    wanted = set(bench.read("actions"))

    def twist(request: Request, answer: Any) -> Any:
        if not request.path.endswith("/actions") or not answer:
            return answer
        odd: tuple[dict[str, Any], ...] = (
            {"memberCreator": "张伟"},
            {"data": []},
            {"data": {"card": {"id": None}}},
            {"date": 1764000000},
        )
        return [None, *({**action, **odd[place % 4]} for place, action in enumerate(answer))]

    bench.simulator.twist = twist
    assert set(bench.read("actions")) == wanted


ODD: tuple[Any, ...] = (
    None,
    5,
    1.5,
    True,
    "x",
    [],
    {},
    [None],
    {"id": None},
    [{"id": []}],
    [[1]],
    "0001-01-01T00:00:00+09:00",
)
CARD_KEYS = (
    "id", "due", "labels", "idMembers", "customFieldItems", "checklists", "attachments", "shortLink", "url", "closed", "name",
)  # fmt: skip
VISIBILITIES: tuple[Visibility, ...] = ("open", "restricted")
SIDES: tuple[LinkSide, ...] = ("waits_for", "blocks")
ACTION_KEYS = ("memberCreator", "idMemberCreator", "data", "date", "type")


def _payloads() -> Iterator[tuple[str, Mapping[str, Any]]]:
    item = {"idCustomField": "f", "idValue": "o", "value": {"text": "1"}}
    field = {"id": "f", "name": "n", "type": "list", "options": [{"id": "o", "value": {"text": "t"}}]}
    checklist = {"id": "c", "name": "n", "checkItems": [{"id": "i", "name": "x", "idMember": "m"}]}
    card = {"id": "6740f1a00000000000000001", "customFieldItems": [item], "checklists": [checklist]}
    whole: dict[str, Any] = {"card": card, "customFields": [field], "members": [{"id": "m"}], "board": {"id": "b"}}
    for odd in ODD:
        yield from (("task", {**whole, "card": {**card, key: odd}}) for key in CARD_KEYS)
        yield from (("task", {**whole, key: odd}) for key in ("list", "board", "customFields", "members", "card"))
        yield from (("task", {**whole, "customFields": [{**field, key: odd}]}) for key in field)
        yield from (("task", {**whole, "card": {**card, "customFieldItems": [{**item, key: odd}]}}) for key in item)
        yield from (("task", {**whole, "members": [{"id": "m", key: odd}]}) for key in ("id", "fullName", "email"))
        yield from (("task", {**whole, "board": {"id": "b", key: odd}}) for key in ("id", "name", "url"))
        yield from (("task", {**whole, "checklists": [{**checklist, key: odd}]}) for key in checklist)
        yield from (("history", {"id": "a", key: odd}) for key in ACTION_KEYS)


def test_no_stored_payload_breaks_the_reading() -> None:
    for kind, payload in _payloads():
        for visibility in VISIBILITIES:
            body = json.dumps(payload).encode()
            raw = RawRecord(Ref.of("trello-main", kind, "a"), body, "1", NOW, NOW, "all", BOARD, visibility)
            try:
                CONNECTOR.record_from_raw(raw, SETTINGS)
            except (RecordError, Nonsense):
                continue


def test_comments_are_listed_where_before_is_not_known(bench: Bench) -> None:
    bench.simulator.forgotten = ("before",)
    assert bench.trello.find_comment(bench.task, MARK) is None
    made = bench.trello.add_comment(bench.task, MARK, (Paragraph(()),))
    bench.simulator.add_comment(bench.task.key, "知道了", by="li-na")
    assert bench.trello.find_comment(bench.task, MARK) == made
    for number in range(1000):
        bench.simulator.add_comment(bench.task.key, f"第 {number} 条", by="li-na")
    with pytest.raises(Nonsense):
        bench.trello.find_comment(bench.task, MARK)


def test_without_the_boards_people_a_comment_has_plain_names(bench: Bench) -> None:
    member = bench.simulator.id_tieline
    body = (Paragraph((PersonMention("李娜", member),)),)
    bench.simulator.missing = "GET /1/boards/"
    made = bench.trello.add_comment(bench.task, MARK, body)
    assert bench.simulator.state.actions[made.id]["data"]["text"].startswith("李娜\n")
    bench.simulator.missing = "GET /1/(cards/[^/]+/board|boards/[^/]+/members)$"
    made = bench.trello.add_comment(bench.task, MARK, body)
    assert bench.simulator.state.actions[made.id]["data"]["text"].startswith("@tieline")


def test_a_link_that_cannot_be_removed_one_way_is_removed_the_other(bench: Bench) -> None:
    made = bench.trello.add_link(bench.task, OTHER, "waits_for", MARK)
    bench.simulator.missing = "DELETE /1/(cards|checklists)/"
    with pytest.raises(NotFound, match="still there"):
        bench.trello.remove_link(bench.task, made)
    bench.simulator.missing = "DELETE /1/cards/"
    bench.trello.remove_link(bench.task, made)
    assert bench.trello.find_link(bench.task, OTHER, "waits_for", MARK) is None
    attached = bench.trello.add_link(bench.task, OTHER, "blocks", MARK)
    with pytest.raises(NotFound, match="still there"):
        bench.trello.remove_link(bench.task, attached)


def test_what_a_card_does_not_bring_is_read_beside_it(bench: Bench) -> None:
    def twist(request: Request, answer: Any) -> Any:
        if re.fullmatch("/1/cards/[^/]+", request.path):
            return {key: value for key, value in answer.items() if key not in ("attachments", "checklists")}
        return answer

    for side in SIDES:
        bench.trello.add_link(bench.task, OTHER, side, MARK)
    bench.simulator.twist = twist
    raws = [
        raw
        for shard in bench.trello.pick("cards", bench.board["id"], [bench.task.key])
        for page in bench.trello.fetch(shard)
        for raw in page
    ]
    mentions = CONNECTOR.record_from_raw(raws[0], bench.settings).mentions
    assert {mention.where for mention in mentions if mention.text == OTHER.url} == {"checklist", "attachment"}
    for side in SIDES:
        assert bench.trello.find_link(bench.task, OTHER, side, MARK) is not None


@pytest.mark.parametrize("body", [b'{"error":"API_TOO_MANY_ATTACHMENTS_REQUESTED"}', b"API_TOO_MANY_LABELS_REQUESTED"])
def test_whatever_there_is_too_much_of_asks_for_smaller_reads(body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        decipher(403, {}, body)
    assert is_too_big(caught.value)
