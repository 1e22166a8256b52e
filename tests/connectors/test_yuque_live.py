"""Yuque over real HTTP: what people do at the same moment, what its editor keeps to itself, and every request in the contract."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from unittest import mock

import pytest
from structlog.testing import capture_logs

from connectors.yuque import CONNECTOR, blocks
from sandbox.faults import Fault
from sandbox.http import Request, Response, json_response
from sandbox.server import Sandbox
from sandbox.yuque import TOKEN, YuqueSimulator
from sandbox.yuque.state import Doc
from sync.core.errors import AccessDenied, Conflict, LostAnswer, Nonsense, NotFound, Refused, TielineError, TryLater
from sync.core.ports import ConnectionSettings, Page, PageContent
from sync.core.rich_text import Paragraph, Text
from tests.conformance.subjects import MARK, Clock, text
from tests.connectors.contract import SPECS, assert_request_in_contract

SPEC = SPECS / "yuque" / "yuque-openapi.yaml"
BOOK = "team/handbook"


class Bench:
    """A space behind its port, and connections to it."""

    def __init__(self) -> None:
        self.simulator = YuqueSimulator("yuque", Clock())
        self.book = self.simulator.add_book("handbook", "运营手册")
        self.sandbox = Sandbox([self.simulator]).start()
        self.opened: list[Any] = []
        self.yuque = self.connect()

    def connect(self, **changes: Any) -> Any:
        settings = ConnectionSettings(
            "yuque-main", "yuque", self.sandbox.url("yuque"), "cloud", installation="demo", scopes=changes.pop("scopes", (BOOK,)),
            credentials={"token": changes.pop("token", TOKEN)}, options=changes, requests_per_second=5000,
        )  # fmt: skip
        self.opened.append(CONNECTOR.connect(settings))
        self.opened[-1].remote._sleep = lambda _: None
        return self.opened[-1]

    def create(self, *paragraphs: str, **values: Any) -> Page:
        page: Page = self.yuque.create_page(MARK, content(*paragraphs, **values))
        return page

    def doc(self, page: Page) -> Doc:
        return self.book.docs[int(page.ref.key)]

    def requests(self) -> list[str]:
        return [f"{entry.method} {entry.path}" for entry in self.sandbox.requests("yuque")]


def content(*paragraphs: str, **values: Any) -> PageContent:
    return PageContent(BOOK, values.pop("title", "跨部门状态"), text(*paragraphs), **values)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    for connection in made.opened:
        connection.close()
    made.sandbox.stop()
    for entry in made.sandbox.requests("yuque"):
        assert_request_in_contract(SPEC, entry.method, entry.path, entry.query, entry.body)


# -- signing in


def test_who_we_are_and_which_space(bench: Bench) -> None:
    identity = bench.yuque.identify()
    assert identity.fingerprint == f"yuque:{bench.sandbox.url('yuque').removeprefix('http://')}"
    assert (identity.account.name, identity.account.login) == ("Tieline", "tieline")
    with pytest.raises(AccessDenied, match="开发者管理"):
        bench.connect(token="a-token-of-nobody-0f1e2d").identify()


def test_doctor_tells_what_is_missing_in_the_words_of_the_settings(bench: Bench) -> None:
    assert [probe.is_ok for probe in bench.yuque.probes()] == [True, True, True, True, None]
    bench.book.public = 1
    [warning] = [probe for probe in bench.yuque.probes() if "internet" in probe.detail]
    assert "空间内可见" in warning.cure
    bench.book.is_visible = False
    [missing] = [probe for probe in bench.yuque.probes() if probe.is_ok is False]
    assert (missing.operation, "权限" in missing.cure) == (f"see book {BOOK}", True)


# -- writing


def test_a_new_document_is_open_as_its_book_and_in_the_table_of_contents(bench: Bench) -> None:
    page = bench.create("一切正常")
    assert bench.doc(page).public == 2
    assert [node.doc_id for node in bench.book.toc] == [int(page.ref.key)]
    assert page.url == f"{bench.sandbox.url('yuque')}/{BOOK}/{blocks.slug_of(MARK)}"
    sent = [json.loads(entry.body) for entry in bench.sandbox.requests("yuque") if entry.method == "POST"]
    assert [("public" in body, body["format"]) for body in sent] == [(False, "markdown")]


def test_an_update_leaves_the_openness_that_people_chose(bench: Bench) -> None:
    page = bench.create("第一版")
    bench.simulator.edit(bench.doc(page), public=1)
    bench.yuque.update_page(bench.yuque.get_page(page.ref), MARK, content("第二版"))
    assert bench.doc(page).public == 1


def test_an_unchanged_page_is_not_saved(bench: Bench) -> None:
    page = bench.create("一切正常")
    bench.sandbox.forget_requests()
    assert bench.yuque.update_page(page, MARK, content("一切正常")) == page
    assert {request.split()[0] for request in bench.requests()} == {"GET"}


def test_a_title_of_ours_follows_and_one_that_people_gave_stays(bench: Bench) -> None:
    page = bench.create("一", title="旧标题")
    page = bench.yuque.update_page(page, MARK, content("一", title="新标题"))
    assert page.title == "新标题"
    bench.simulator.edit(bench.doc(page), title="大家起的名字")
    page = bench.yuque.update_page(bench.yuque.get_page(page.ref), MARK, content("二", title="又一个标题"))
    assert page.title == "大家起的名字"
    assert "二" in bench.doc(page).body


def saving(bench: Bench, deed: Callable[[], None]) -> Any:
    """What somebody does between our look and our save."""
    update = bench.yuque.site.update
    done: list[bool] = []

    def update_after(*arguments: Any) -> None:
        if not done:
            done.append(True)
            deed()
        update(*arguments)

    return mock.patch.object(bench.yuque.site, "update", update_after)


def test_what_somebody_saves_in_the_same_moment_is_saved_again_around_our_block(bench: Bench) -> None:
    page = bench.create("第一版")
    doc = bench.doc(page)

    def deed() -> None:
        bench.simulator.edit(doc, body=f"{doc.body}\n\n就在这时写下的一句")

    with saving(bench, deed):
        bench.yuque.update_page(page, MARK, content("第二版"))
    assert "就在这时写下的一句" in doc.body
    assert "第二版" in doc.body
    assert "第一版" not in doc.body
    assert bench.yuque.get_page(page.ref).is_untouched


def test_a_name_that_somebody_gives_it_in_the_same_moment_stays(bench: Bench) -> None:
    page = bench.create("第一版")
    doc = bench.doc(page)
    with saving(bench, lambda: bench.simulator.edit(doc, title="刚起的名字")):
        page = bench.yuque.update_page(page, MARK, content("第二版"))
    assert (page.title, doc.title) == ("刚起的名字", "刚起的名字")
    assert "第二版" in doc.body


def test_who_damages_the_frame_in_the_same_moment_has_their_words_back_and_is_told(bench: Bench) -> None:
    page = bench.create("第一版")
    doc = bench.doc(page)
    with (
        saving(
            bench, lambda: bench.simulator.edit(doc, body="以上由 Tieline 删了，" + doc.body.partition("以上由")[0])
        ),
        pytest.raises(Conflict, match="damaged by hand"),
    ):
        bench.yuque.update_page(page, MARK, content("第二版"))
    assert doc.body.startswith("以上由 Tieline 删了，")
    assert "第二版" not in doc.body


@pytest.mark.parametrize("where", ["/toc", "/doc_versions", f"/repos/{BOOK}$"])
def test_an_answer_of_another_shape_is_told_as_such(bench: Bench, where: str) -> None:
    page = bench.create("第一版")
    answer = json_response({"data": [{"uuid": 1, "id": "x"}]})
    handle = bench.simulator._answer

    def odd(request: Request) -> Response:
        return answer if re.search(where, request.path) else handle(request)

    connection = bench.connect()
    with mock.patch.object(bench.simulator, "_answer", odd), suppress(TielineError):
        connection.get_page(page.ref)
        connection.update_page(page, MARK, content("第二版"))


def test_a_history_that_cannot_be_read_stops_no_update(bench: Bench) -> None:
    page = bench.create("第一版")
    bench.simulator.faults.plan(Fault("unauthorized", "GET /api/v2/doc_versions"))
    with capture_logs() as logs:
        bench.yuque.update_page(page, MARK, content("第二版"))
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == ["history_not_read"]


def test_a_document_with_what_only_yuques_editor_can_say_is_left_alone(bench: Bench) -> None:
    page = bench.create("第一版")
    doc = bench.doc(page)
    bench.simulator.edit(doc, body=f"{doc.body}\n\n看板在下面")
    doc.cards = ("board",)
    before = doc.body
    with pytest.raises(Conflict, match="own editor"):
        bench.yuque.update_page(bench.yuque.get_page(page.ref), MARK, content("第二版"))
    assert doc.body == before


def test_yuque_that_keeps_the_old_text_is_not_believed(bench: Bench) -> None:
    page = bench.create("第一版")
    bench.simulator.edit(bench.doc(page), body=bench.doc(page).body + "\n\n人写的")
    bench.simulator.ignores_markdown = True
    bench.yuque.update_page(bench.yuque.get_page(page.ref), MARK, content("第二版"))  # _force_asl is heard
    with (
        mock.patch.object(bench.simulator, "_publish"),
        pytest.raises(Refused, match="kept the old text"),
    ):
        bench.yuque.update_page(bench.yuque.get_page(page.ref), MARK, content("第三版"))


def test_a_frame_damaged_by_hand_is_told(bench: Bench) -> None:
    page = bench.create("第一版")
    doc = bench.doc(page)
    bench.simulator.edit(doc, body=doc.body.partition("以上由")[0])
    with pytest.raises(Conflict, match="damaged by hand"):
        bench.yuque.update_page(bench.yuque.get_page(page.ref), MARK, content("第二版"))


def test_a_page_whose_block_people_removed_says_so_and_gets_it_back_at_its_end(bench: Bench) -> None:
    page = bench.create("第一版")
    bench.simulator.edit(bench.doc(page), body="全是人写的")
    now = bench.yuque.get_page(page.ref)
    assert (now.mark, now.block, now.is_untouched) == (MARK, "none", False)
    bench.yuque.update_page(now, MARK, content("第二版"))
    assert bench.doc(page).body.startswith("全是人写的")


def test_a_token_that_may_not_change_the_table_of_contents_publishes_all_the_same(bench: Bench) -> None:
    bench.simulator.refuses_toc = True
    with capture_logs() as logs:
        page = bench.create("一切正常")
    assert "一切正常" in bench.doc(page).body
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == ["not_in_table_of_contents"]


def test_a_creation_that_stumbled_at_the_table_of_contents_is_taken_up(bench: Bench) -> None:
    bench.simulator.faults.plan(Fault("lost_answer", r"PUT .*/toc"))
    with pytest.raises(LostAnswer):
        bench.create("一切正常")
    assert bench.yuque.find_page(BOOK, MARK, "跨部门状态") is None  # empty still
    page = bench.create("一切正常")
    assert [node.doc_id for node in bench.book.toc] == [int(page.ref.key)]
    assert len(bench.book.docs) == 1


def test_a_removed_page_leaves_no_line_behind_and_comes_back_whole(bench: Bench) -> None:
    page = bench.create("一切正常")
    bench.yuque.remove_page(page)
    assert bench.book.toc == []
    assert bench.yuque.get_page(page.ref).status == "trashed"
    again = bench.create("又一页")  # the path is free again
    assert again.ref != page.ref


def test_a_page_that_was_moved_is_found_by_its_id(bench: Bench) -> None:
    other = bench.simulator.add_book("elsewhere", "别处")
    page = bench.create("一切正常")
    bench.simulator.move(bench.doc(page), other)
    moved = bench.yuque.get_page(page.ref)
    assert (moved.mark, moved.space) == (MARK, str(other.id))


def test_a_sheet_is_no_document(bench: Bench) -> None:
    page = bench.create("一切正常")
    bench.doc(page).kind = "Sheet"
    with pytest.raises(Conflict, match="Sheet"):
        bench.yuque.update_page(page, MARK, content("第二版"))


# -- reading


def test_hosts_that_tell_totals_are_believed_and_asked_less(bench: Bench) -> None:
    for number in range(150):
        bench.simulator.write(bench.book, f"第 {number} 篇", "正文")
    asked = []
    for has_totals in (False, True):
        bench.simulator.has_totals = has_totals
        bench.sandbox.forget_requests()
        assert sum(len(page) for page in bench.yuque.census("docs", BOOK)) == 150
        asked.append(sum("/docs" in request for request in bench.requests()))
    assert asked == [4, 2]


def test_a_book_that_lists_nothing_though_its_table_of_contents_has_lines_is_not_believed(bench: Bench) -> None:
    assert list(bench.yuque.census("docs", BOOK)) == []
    bench.simulator.write(bench.book, "一篇", "正文")
    bench.simulator.faults.plan(Fault("empty_page", times=50))
    with pytest.raises(Nonsense, match="table of contents"):
        list(bench.yuque.census("docs", BOOK))


def test_a_book_may_be_named_by_its_id(bench: Bench) -> None:
    doc = bench.simulator.write(bench.book, "一篇", "正文")
    scope = str(bench.book.id)
    yuque = bench.connect(scopes=(scope,))
    [shard] = yuque.shards("docs", None, scope)
    [[record]] = yuque.fetch(shard)
    assert (record.ref.key, record.scope) == (str(doc.id), scope)
    with pytest.raises(NotFound, match="team/nowhere"):
        bench.connect(scopes=("team/nowhere",)).vocabulary()


def test_private_documents_are_restricted_unless_the_admin_calls_the_book_open(bench: Bench) -> None:
    bench.simulator.write(bench.book, "内部", "正文", public=0)
    for connection, expected in ((bench.yuque, "restricted"), (bench.connect(open_books=[BOOK]), "open")):
        [shard] = connection.shards("docs", None, BOOK)
        [[record]] = connection.fetch(shard)
        assert record.visibility == expected


def test_the_hourly_quota_is_kept_for_the_next_run(bench: Bench) -> None:
    bench.simulator.faults.plan(Fault("rate_limited", times=1000, value=1800))
    with pytest.raises(TryLater) as caught:
        bench.yuque.identify()
    assert caught.value.retry_after
    assert caught.value.retry_after.total_seconds() > 1700


def test_what_a_reader_sees(bench: Bench) -> None:
    page = bench.yuque.create_page(
        MARK, PageContent(BOOK, "跨部门状态", (Paragraph((Text("支付接口开发晚 3 天 <b>"),)),))
    )
    found = dict(bench.simulator.pages())
    assert found["跨部门状态"] == f"/{BOOK}/{blocks.slug_of(MARK)}"
    body = bench.doc(page).body
    assert body.startswith("以下由 Tieline 自动更新，想补充请写在这一段之外。")
    assert "支付接口开发晚 3 天 \\<b\\>" in body
