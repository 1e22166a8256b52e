"""A seeded Trello simulator with connections to it, for the live tests; what it saw is held against the vendor's contract."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from connectors.trello import CONNECTOR
from connectors.trello.client import Trello
from sandbox.http import Request, Response, text_response
from sandbox.server import Sandbox
from sandbox.story import GROWTH_PLAN, story
from sandbox.trello import KEY, TOKEN, TrelloSimulator, seed
from sync.core.ports import ConnectionSettings, Cursor, LinkEnd
from sync.core.rich_text import Paragraph, RichText, Text
from sync.core.values import Record, Ref
from tests.connectors.contract import SPECS, assert_request_in_contract

SPEC = SPECS / "trello/trello.swagger.v3.json"
# Nested resources and paging are documented in the vendor's guides (nested-resources, object-definitions), not in its OpenAPI.
NESTED = frozenset(
    [
        "limit",
        "since",
        "before",
        "filter",
        "fields",
        "list_fields",
        "member_fields",
        "card_fields",
        "card_attachments",
        "card_attachment_fields",
        "card_customFieldItems",
        "attachments",
        "attachment_fields",
        "checklists",
        "customFieldItems",
        "memberCreator",
        "member",
    ]
)
# Wrong in the document: lists of field names are declared as one word, and no value is both a string and a boolean.
WRONG = frozenset({"fields", "attachments"})
PRODUCT, SALES = "产品部看板", "销售部看板"
MARK, OTHER_MARK = "tieline:demo:0123456789abcdef", "tieline:demo:fedcba9876543210"
JIRA = LinkEnd(Ref("jira-main:task:1"), "PAY-1", "支付接口开发", "https://company.atlassian.net/browse/PAY-1")


class Clock:
    """A clock that tests move; every look is a millisecond later."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


class PickySimulator(TrelloSimulator):
    """A Trello that serves at most so many cards with their checklists in one answer."""

    most = 10_000

    def handle(self, request: Request) -> Response:
        if request.path.endswith("/cards/all") and request.get("checklists") == "all":
            low, high = request.get("since"), request.get("before")
            if sum(low < key < high for key in self.state.cards) > self.most:
                return text_response("", 449)
        return super().handle(request)


class Bench:
    """A seeded simulator, and connections to it."""

    def __init__(self, simulator: PickySimulator, sandbox: Sandbox, clock: Clock) -> None:
        self.simulator, self.sandbox, self.clock = simulator, sandbox, clock
        self._open: list[Trello] = []
        self.trello = self.connect()

    def connect(self, **changes: Any) -> Trello:
        settings = ConnectionSettings(
            name="trello-main", type="trello", base_url=self.sandbox.url("trello"), scopes=(PRODUCT, SALES, GROWTH_PLAN),
            credentials={"key": KEY, "token": TOKEN}, requests_per_second=2000, in_flight=4, installation="demo",
        )  # fmt: skip
        connection = CONNECTOR.connect(msgspec.structs.replace(settings, **changes))
        assert isinstance(connection, Trello)
        self._open.append(connection)
        return connection

    def close(self) -> None:
        for connection in self._open:
            connection.close()

    def records(self, scope: str = PRODUCT, stream: str = "cards", cursor: Cursor | None = None) -> dict[str, Record]:
        """What a collect would keep, read as the caller does: shards in parallel."""
        with ThreadPoolExecutor(4) as pool:
            pages = pool.map(lambda shard: list(self.trello.fetch(shard)), self.trello.shards(stream, cursor, scope))
            raws = [raw for shard in pages for page in shard for raw in page]
        assert len({raw.ref for raw in raws}) == len(raws)
        assert {raw.scope for raw in raws} <= {scope}
        return {raw.ref.key: CONNECTOR.record_from_raw(raw, self.trello.settings) for raw in raws}

    def census(self, scope: str = PRODUCT) -> set[str]:
        return {key for page in self.trello.census("cards", scope) for key in page}

    def card(self, name: str) -> Ref:
        return Ref.of("trello-main", "task", self.simulator.find_card(name)["id"])

    def cursor(self) -> Cursor:
        """A cursor of now, moved past the overlap: what came before is not read again."""
        self.clock.now += timedelta(hours=1)
        since = self.clock.now
        self.clock.now += timedelta(minutes=1)
        return Cursor("cards", PRODUCT, since)


@contextmanager
def open_bench() -> Iterator[Bench]:
    """A bench for one test; at its end every request is checked."""
    clock = Clock()
    simulator = PickySimulator(clock=clock, enforce_limits=False)
    seed(
        simulator,
        story(date(2026, 11, 24)),
        {"trello": "https://trello.com", "jira-cloud": "https://company.atlassian.net"},
    )
    with Sandbox([simulator]) as sandbox:
        made = Bench(simulator, sandbox, clock)
        yield made
        made.close()
        for request in sandbox.requests("trello"):
            where = f"{request.path} {dict(request.query)} {request.body!r}"
            assert KEY not in where
            assert TOKEN not in where
            if SPEC.exists():
                # Paths also take "me" and short links (the vendor's guides); the document knows ids only.
                path = request.path.replace("/members/me/", f"/members/{'0' * 24}/").replace(
                    "/Nothere1", f"/{'0' * 24}"
                )
                assert_request_in_contract(
                    SPEC, request.method, path, request.query, request.body,
                    base_path="/1", undeclared=NESTED, unchecked=WRONG, is_body_as_query=True,
                )  # fmt: skip


def text(words: str) -> RichText:
    return (Paragraph((Text(words),)),)
