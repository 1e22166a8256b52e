"""The Trello connector reads the simulator over real HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from sandbox.faults import Fault, FaultKind
from sandbox.story import GROWTH_PLAN, RACI_ROWS, story
from sandbox.trello import KEY, TOKEN, TrelloSimulator
from sync.core.errors import (
    AccessDenied,
    CannotExpress,
    ConfigError,
    Nonsense,
    NotFound,
    TielineError,
    Unreachable,
)
from sync.core.ports import Directory, Source, Tracker
from sync.core.values import Ref
from tests.connectors.trello_bench import JIRA, MARK, PRODUCT, SALES, Bench, open_bench, text


@pytest.fixture
def bench() -> Iterator[Bench]:
    with open_bench() as made:
        yield made


def test_the_story_is_read_whole(bench: Bench) -> None:
    records = bench.records(GROWTH_PLAN)
    assert set(records) == bench.census(GROWTH_PLAN)
    rows = {record.title: record.values["customFields"] for record in records.values()}
    assert {
        title: "".join(rows[title][name] for name in story(date(2026, 11, 24)).departments) for title in rows
    } == dict(RACI_ROWS)
    launch = next(record for record in bench.records().values() if record.title == "支付功能上线说明")
    test = next(record for record in bench.records().values() if record.title == "支付流程测试")
    assert [(mention.title, mention.text) for mention in launch.mentions] == [("依赖", test.url)]
    assert ("依赖", JIRA.url) in [(mention.title, mention.text) for mention in test.mentions]
    assert test.url in test.aliases
    assert test.values["list"]["name"] == "待办"
    assert [member.name for member in test.values["members"]] == ["李娜"]
    done = next(record for record in records.values() if record.title == "目标拆解")
    assert done.values["dateCompleted"] is not None


def test_the_connection_offers_its_ports(bench: Bench) -> None:
    assert isinstance(bench.trello, Source)
    assert isinstance(bench.trello, Tracker)
    assert isinstance(bench.trello, Directory)
    identity = bench.trello.identify()
    assert (identity.fingerprint, identity.account.login) == ("trello:trello.com", "tieline")
    assert identity.now is not None
    vocabulary = bench.trello.vocabulary()
    assert vocabulary.statuses == ("待办", "进行中", "已完成")
    assert {field.name for field in vocabulary.fields} == {"市场部", "产品部", "技术部", "销售部", "财务部"}
    assert set(vocabulary.scopes.values()) == {PRODUCT, SALES, GROWTH_PLAN}
    people = [account for page in bench.trello.accounts() for account in page]
    assert len({account.id for account in people}) == len(people) == 8
    assert "张伟" in {account.name for account in people}


def test_a_board_is_found_by_id_short_link_and_name(bench: Bench) -> None:
    board = next(item for item in bench.simulator.state.boards.values() if item["name"] == PRODUCT)
    for scope in (board["id"], board["shortLink"], PRODUCT):
        assert bench.census(scope) == bench.census()
    boards_read = [request for request in bench.sandbox.requests("trello") if request.path == "/1/members/me/boards"]
    assert len(boards_read) == 1


@pytest.mark.parametrize("scope", ["没有的看板", "Nothere1", "0" * 24])
def test_a_board_that_is_not_visible_is_named(bench: Bench, scope: str) -> None:
    with pytest.raises(NotFound, match=scope):
        list(bench.trello.shards("cards", None, scope))


def test_an_ambiguous_name_names_the_boards(bench: Bench) -> None:
    twin = bench.simulator.add_board(PRODUCT, "zhao-min", members=("tieline",))
    with pytest.raises(ConfigError, match=twin["shortLink"]):
        bench.census()
    twin["closed"] = True
    assert bench.connect().site.board_id(PRODUCT) != twin["id"]


def test_a_private_board_is_restricted(bench: Bench) -> None:
    bench.simulator.set_permission(bench.trello.site.board_id(SALES), "private")
    for stream in ("cards", "actions"):
        assert {record.visibility for record in bench.records(SALES, stream).values()} == {"restricted"}
    assert {record.visibility for record in bench.records().values()} == {"open"}


def test_nothing_changed_means_nothing_to_read(bench: Bench) -> None:
    bench.records()
    assert list(bench.trello.shards("cards", bench.cursor(), PRODUCT)) == []


Change = Callable[[TrelloSimulator, str], object]


@pytest.mark.parametrize(
    "change",
    [
        lambda simulator, card: simulator.edit_card(card, due=datetime(2026, 12, 24, tzinfo=UTC)),
        lambda simulator, card: simulator.label(card, "新标签"),
        lambda simulator, card: simulator.add_check_item(
            simulator.state.checklists_of_card[card][0], "https://trello.com/c/Zz99Yy88"
        ),
        lambda simulator, card: simulator.archive(card),
        lambda simulator, card: simulator.add_comment(card, "稍等"),
        lambda simulator, card: simulator.move_card(card, "进行中"),
    ],
)
def test_a_changed_card_is_read_and_only_it(bench: Bench, change: Change) -> None:
    cursor, card = bench.cursor(), bench.card("支付流程测试").key
    bench.trello.site.board_id(PRODUCT)
    change(bench.simulator, card)
    bench.sandbox.forget_requests()
    assert set(bench.records(cursor=cursor)) == {card}
    # Actions (twice more: that no page follows), heads, the board, the card.
    assert len(bench.sandbox.requests("trello")) <= 6


def test_a_changed_custom_field_is_read(bench: Bench) -> None:
    cursor, card = bench.cursor(), bench.card("效果复盘").key
    bench.simulator.set_field(card, "技术部", "C")
    records = bench.records(GROWTH_PLAN, cursor=cursor)
    assert records[card].values["customFields"]["技术部"] == "C"


@pytest.mark.parametrize("kind", ["short_page", "empty_page"])
def test_a_renamed_list_is_noticed_though_the_page_of_actions_stumbles(bench: Bench, kind: FaultKind) -> None:
    """No card's date moves: what the actions do not tell would never be read."""
    cursor, card = bench.cursor(), bench.card("支付流程测试").key
    board = bench.trello.site.board_id(PRODUCT)
    before = set(bench.records())
    bench.simulator.archive_list(board, "待办")
    bench.simulator.add_comment(card, "看一下", by="liu-yang")
    bench.simulator.faults.plan(Fault(kind, "/actions"))
    assert set(bench.records(cursor=cursor)) == before


def test_an_archived_or_renamed_list_changes_all_its_cards(bench: Bench) -> None:
    before = {key: record.values["listClosed"] for key, record in bench.records().items()}
    cursor = bench.cursor()
    bench.simulator.archive_list(bench.trello.site.board_id(PRODUCT), "待办")
    after = {key: record.values["listClosed"] for key, record in bench.records(cursor=cursor).items()}
    assert before == dict.fromkeys(before, False)
    assert after == dict.fromkeys(before, True)


def fill(bench: Bench, count: int) -> set[str]:
    board = bench.trello.site.board_id(SALES)
    for number in range(count):
        card = bench.simulator.add_card(board, "待办", f"续约 {number}", by="liu-yang")
        bench.simulator.add_checklist(card["id"], "依赖", (f"https://trello.com/c/Zz99Yy{number:02d}"[:29],))
    return set(bench.simulator.state.cards_of_board[board])


@pytest.mark.parametrize("limit", ["max_nested_cards", "max_nested_checklists"])
def test_a_board_too_big_for_one_answer_is_read_in_ranges(bench: Bench, limit: str) -> None:
    wanted = fill(bench, 60)
    setattr(bench.simulator.state, limit, 20)
    bench.simulator.most = 20
    records = bench.records(SALES)
    assert set(records) == bench.census(SALES) == wanted
    filled = [record for record in records.values() if record.title.startswith("续约")]
    assert all(len(record.mentions) == 1 for record in filled)


@pytest.mark.parametrize(("kind", "times"), [("short_page", 3), ("empty_page", 1), ("edited_between_pages", 3)])
def test_odd_pages_lose_nothing(bench: Bench, kind: Any, times: int) -> None:
    wanted = fill(bench, 40)
    bench.simulator.state.max_nested_cards = 20
    bench.simulator.faults.plan(Fault(kind, match="cards/all", times=times))
    assert set(bench.records(SALES)) == wanted
    bench.simulator.faults.plan(Fault(kind, match="cards/all"))
    assert bench.census(SALES) == wanted


@pytest.mark.parametrize(("kind", "alone"), [(None, 0), ("short_page", 21), ("empty_page", 41)])
def test_a_range_brings_all_its_cards_or_they_are_read_alone(bench: Bench, kind: Any, alone: int) -> None:
    wanted = fill(bench, 40)
    bench.simulator.state.max_nested_checklists = 20
    if kind:
        bench.simulator.faults.plan(Fault(kind, match="cards/all", skip=3))  # after the list of ids and its two ends
    bench.sandbox.forget_requests()
    assert set(bench.records(SALES)) == wanted
    reads = [request for request in bench.sandbox.requests("trello") if request.path.startswith("/1/cards/")]
    assert len(reads) == alone


def test_a_repeated_page_is_no_endless_loop(bench: Bench) -> None:
    fill(bench, 40)
    bench.simulator.faults.plan(Fault("repeated_page", match="/actions", times=50))
    with pytest.raises(Nonsense):
        bench.records(SALES, "actions")
    bench.simulator.state.max_nested_cards = 20
    bench.simulator.faults.plan(Fault("repeated_page", match="cards/all", times=50))
    with pytest.raises(Nonsense):
        bench.census(SALES)


@pytest.mark.parametrize("kind", ["server_error", "reset", "html", "truncated", "lost_answer"])
def test_passing_faults_are_survived(bench: Bench, kind: Any) -> None:
    wanted = bench.census()
    bench.simulator.faults.plan(Fault(kind, match="GET /1/boards"))
    assert set(bench.records()) == wanted


def test_a_429_is_waited_out(bench: Bench) -> None:
    bench.trello = bench.connect(options={"pause_after_429_s": 0.3})
    bench.simulator.faults.plan(Fault("rate_limited", match="GET /1/boards"))
    started = datetime.now(UTC)
    assert len(bench.records()) == 2
    assert datetime.now(UTC) - started >= timedelta(seconds=0.3)


def test_what_is_no_work_is_neither_read_nor_counted(bench: Bench) -> None:
    board = bench.trello.site.board_id(PRODUCT)
    wanted = bench.census()
    for role in ({"isTemplate": True}, {"cardRole": "separator"}, {"cardRole": "mirror", "mirrorSourceId": "x" * 24}):
        bench.simulator.add_card(board, "待办", "不是任务", by="li-na", **role)
    assert set(bench.records()) == bench.census() == wanted


def test_the_history_is_read_back_to_the_first_action(bench: Bench) -> None:
    board = bench.trello.site.board_id(SALES)
    for number in range(1100):
        bench.simulator.add_comment(bench.card("大客户续约方案").key, f"第 {number} 条")
    actions = bench.records(SALES, "actions")
    assert set(actions) == set(bench.simulator.state.actions_of[board])
    assert "createBoard" in {record.title for record in actions.values()}
    cursor = bench.cursor()
    made = bench.simulator.add_comment(bench.card("大客户续约方案").key, "新")
    assert set(bench.records(SALES, "actions", cursor)) == {made["id"]}
    with pytest.raises(CannotExpress):
        list(bench.trello.census("actions", SALES))


def test_exact_items_are_picked_and_missing_ones_left_out(bench: Bench) -> None:
    card, other = bench.card("支付流程测试").key, bench.card("大客户续约方案").key
    shards = list(bench.trello.pick("cards", PRODUCT, [card, "0" * 24, other, card]))
    assert [raw.ref.key for shard in shards for page in bench.trello.fetch(shard) for raw in page] == [card]
    action = bench.simulator.state.actions_of[bench.trello.site.board_id(PRODUCT)][0]
    shards = list(bench.trello.pick("actions", PRODUCT, [action, "0" * 24]))
    assert [raw.ref.key for shard in shards for page in bench.trello.fetch(shard) for raw in page] == [action]


def test_a_missing_card_is_looked_up(bench: Bench) -> None:
    look_up = bench.trello.look_up
    card = bench.card("支付流程测试").key
    assert look_up("cards", card) == "here"
    bench.simulator.archive(card)
    assert look_up("cards", card) == "here"
    assert card in bench.census()
    elsewhere = bench.simulator.add_board("别的看板", "li-na", members=("tieline",))
    bench.simulator.move_card(card, "To Do", board=elsewhere["id"])
    assert look_up("cards", card) == "moved"
    bench.simulator.set_permission(elsewhere["id"], "private")
    bench.simulator.leave_board(elsewhere["id"], "tieline")
    assert look_up("cards", card) == "hidden"
    launch = bench.card("支付功能上线说明").key
    bench.simulator.delete(launch)
    assert look_up("cards", launch) == "deleted"


def test_a_revoked_token_is_said_and_nothing_is_taken_for_gone(bench: Bench) -> None:
    card, shards = (
        bench.card("支付流程测试").key,
        list(bench.trello.pick("cards", PRODUCT, [bench.card("支付流程测试").key])),
    )
    bench.simulator.revoke_token(TOKEN)
    calls: tuple[Callable[[], object], ...] = (
        bench.trello.identify,
        lambda: bench.trello.look_up("cards", card),
        lambda: [list(bench.trello.fetch(shard)) for shard in shards],
        lambda: bench.trello.add_comment(bench.card("支付流程测试"), MARK, text("一")),
    )
    for call in calls:
        with pytest.raises(AccessDenied, match="authorise again") as caught:
            call()
        assert TOKEN not in str(caught.value)


def test_the_doctor_says_what_is_missing(bench: Bench) -> None:
    assert {probe.is_ok for probe in bench.trello.probes()} == {True, None}
    reader = bench.connect(credentials={"key": KEY, "token": bench.simulator.issue_token("liu-yang")})
    bench.simulator.leave_board(bench.trello.site.board_id(PRODUCT), "liu-yang")
    bench.simulator.state.memberships[bench.trello.site.board_id(SALES)][reader.site.me().id]["memberType"] = "observer"
    failed = {probe.operation: probe.cure for probe in reader.probes() if probe.is_ok is False}
    words = ("comment", "edit checklists", "attach links")
    assert set(failed) == {f"find board {PRODUCT}", *(f"{word} on {SALES}" for word in words)}
    assert "Share" in failed[f"find board {PRODUCT}"]
    assert "Observer" in failed[f"comment on {SALES}"]
    signed_out = list(bench.connect(credentials={"key": KEY, "token": "ATTAwrong"}).probes())
    assert [(probe.operation, probe.is_ok) for probe in signed_out] == [("reach", True), ("sign in", False)]
    assert "trello.com/1/authorize" in signed_out[-1].cure


def test_an_unreachable_site_is_said(bench: Bench) -> None:
    nowhere = bench.connect(base_url="http://127.0.0.1:9")
    nowhere.remote._sleep = lambda _: None
    with pytest.raises(Unreachable):
        nowhere.identify()
    probe = next(iter(nowhere.probes()))
    assert (probe.operation, probe.is_ok) == ("reach", False)


def test_every_failure_is_one_of_ours(bench: Bench) -> None:
    task = Ref("trello-main:task:zzz")
    calls: tuple[Callable[[], object], ...] = (
        lambda: bench.trello.add_comment(task, MARK, text("x")),
        lambda: bench.trello.find_comment(task, MARK),
        lambda: bench.trello.find_link(task, JIRA, "blocks", MARK),
    )
    for call in calls:
        with pytest.raises(TielineError):
            call()
    bench.sandbox.forget_requests()  # "zzz" is on purpose no id of the contract
