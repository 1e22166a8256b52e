"""Writing Confluence: what the KnowledgeBase port promises, on Cloud, through the gateway and on Data Center."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from connectors.confluence import blocks
from connectors.confluence.records import PROPERTY
from connectors.confluence.storage import storage_from_rich_text
from sandbox.confluence import access
from sandbox.faults import FaultKind
from sync.core.errors import Conflict, LostAnswer, NotFound, Refused, TielineError
from sync.core.ports import Page, PageContent
from sync.core.rich_text import Heading, Paragraph, Picture, RichText, Table, Text
from sync.core.values import Ref
from tests.connectors.confluence_stage import Stage, open_stage

MARK = "tieline:demo:0123456789abcdef"
OTHER = "tieline:demo:fedcba9876543210"
TITLE = "跨部门状态"


@pytest.fixture(params=["cloud", "gateway", "dc"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with open_stage(request.param) as opened:
        yield opened


def content(stage: Stage, *words: str, **values: Any) -> PageContent:
    body: RichText = (Heading(1, (Text("状态"),)), *(Paragraph((Text(word),)) for word in words))
    return PageContent(stage.space, values.pop("title", TITLE), values.pop("body", body), **values)


def test_a_new_page_is_one_version_and_found_again(stage: Stage) -> None:
    assert stage.confluence.find_page(stage.space, MARK, TITLE) is None
    page = stage.confluence.create_page(MARK, content(stage, "一切正常", labels=("Status Page",)))
    assert (page.version, page.title, page.space, page.mark, page.status) == ("1", TITLE, stage.space, MARK, "current")
    assert set(page.labels) == {"tieline", "status-page"}
    assert page.block
    assert stage.confluence.get_page(page.ref) == page
    assert stage.confluence.find_page(stage.space, MARK, TITLE) == page
    assert stage.confluence.find_page(stage.space, OTHER, TITLE) is None
    kept = stage.kept(page)
    assert kept.parent_id == stage.simulator.site.spaces[kept.space_id].homepage_id or stage.kind == "dc"


def test_a_page_goes_under_its_parent(stage: Stage) -> None:
    parent = stage.confluence.create_page(OTHER, content(stage, title="目录"))
    page = stage.confluence.create_page(MARK, content(stage, parent=parent.ref))
    assert page.parent == parent.ref
    assert stage.kept(page).parent_id == parent.ref.key


def test_a_title_that_is_taken_is_a_conflict_and_nothing_is_taken_over(stage: Stage) -> None:
    theirs = stage.simulator.create_page(stage.space, "Status", "<p>von Hand</p>")
    with pytest.raises(Conflict, match=theirs.id):
        stage.confluence.create_page(MARK, content(stage, title="STATUS"))
    assert stage.confluence.find_page(stage.space, MARK, "Status") is None
    assert stage.simulator.site.pages[theirs.id].latest.number == 1
    with pytest.raises(Refused):
        stage.confluence.update_page(stage.confluence.get_page(_ref(theirs.id)), MARK, content(stage, title="Status"))
    assert stage.simulator.site.pages[theirs.id].latest.storage == "<p>von Hand</p>"


def _ref(page_id: str) -> Ref:
    return Ref.of("wiki", "document", page_id)


def test_our_block_is_replaced_and_the_rest_kept_byte_for_byte(stage: Stage) -> None:
    page = stage.confluence.create_page(MARK, content(stage, "旧"))
    before, after = (
        '<p class="x">会议&nbsp;纪要</p>',
        '<ac:structured-macro ac:name="children" /><p>附注 &ldquo;x&rdquo;</p>',
    )
    stage.simulator.edit_page(page.ref.key, storage=before + stage.storage(page) + after)
    found = stage.confluence.get_page(page.ref)
    assert found.version != page.version
    assert found.block == page.block
    was = stage.storage(page)
    updated = stage.confluence.update_page(found, MARK, content(stage, "新"))
    kept = r"\.v[0-9]+\.[0-9a-f]{32}"  # what the second anchor keeps of our last write
    assert re.sub(kept, "", stage.storage(page)) == re.sub(kept, "", was).replace("<p>旧</p>", "<p>新</p>")
    assert (updated.version, updated.block != page.block) == (str(int(found.version) + 1), True)
    assert stage.confluence.get_page(page.ref) == updated


def test_an_edited_block_shows_in_the_digest(stage: Stage) -> None:
    page = stage.confluence.create_page(MARK, content(stage, "比计划晚 3 天"))
    stage.simulator.edit_page(page.ref.key, storage=stage.storage(page).replace("3", "4"))
    assert stage.confluence.get_page(page.ref).block != page.block


def test_an_older_version_is_a_conflict_and_nothing_is_written(stage: Stage) -> None:
    page = stage.confluence.create_page(MARK, content(stage, "一"))
    stage.simulator.edit_page(page.ref.key, storage=stage.storage(page) + "<p>x</p>")
    stage.box.forget_requests()
    with pytest.raises(Conflict) as caught:
        stage.confluence.update_page(page, MARK, content(stage, "二", attachments=(("a.txt", b"a"),)))
    assert (caught.value.expected, caught.value.found) == ("1", "2")
    with pytest.raises(Conflict):
        stage.confluence.remove_page(page)
    assert stage.writes() == []


def test_somebody_who_saves_in_between_is_not_overwritten(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    page = stage.confluence.create_page(MARK, content(stage, "一"))
    update = stage.confluence.site.update

    def race(*values: Any) -> None:
        stage.simulator.edit_page(page.ref.key, storage=stage.storage(page) + "<p>Mensch</p>")
        update(*values)

    monkeypatch.setattr(stage.confluence.site, "update", race)
    with pytest.raises(Conflict):
        stage.confluence.update_page(page, MARK, content(stage, "二"))
    assert stage.storage(page).endswith("<p>Mensch</p>")


def test_a_save_that_the_vendor_rolled_back_is_repeated(stage: Stage) -> None:
    page = stage.confluence.create_page(MARK, content(stage, "一"))
    stage.plan("server_error", r"PUT .*/(pages|content)/\d+$")
    assert stage.confluence.update_page(page, MARK, content(stage, "二")).version == "2"


def test_saying_the_same_again_saves_no_version(stage: Stage) -> None:
    files = (("图.png", b"png"),)
    page = stage.confluence.create_page(MARK, content(stage, "一", labels=("x",), attachments=files))
    stage.box.forget_requests()
    assert stage.confluence.update_page(page, MARK, content(stage, "一", labels=("x",), attachments=files)) == page
    assert stage.writes() == []


def test_inline_comments_survive_where_their_text_does(stage: Stage) -> None:
    page = stage.confluence.create_page(MARK, content(stage, "支付接口 比计划晚 3 天", "旧话"))
    kept = stage.simulator.comment_inline(page.ref.key, "比计划晚", "<p>为什么？</p>")
    lost = stage.simulator.comment_inline(page.ref.key, "旧话", "<p>?</p>")
    found = stage.confluence.get_page(page.ref)
    assert found.block == page.block
    with capture_logs() as logs:
        stage.confluence.update_page(found, MARK, content(stage, "支付接口 比计划晚 5 天"))
    assert (kept.resolution, lost.resolution) == ("open", "dangling")
    assert [entry["markers"] for entry in logs if entry["event"] == "inline_comments_lost"] == [(lost.marker_ref,)]


def test_files_are_there_before_the_body_and_uploaded_once(stage: Stage) -> None:
    body: RichText = (Picture("图", filename="依赖 图.png"),)
    page = stage.confluence.create_page(MARK, content(stage, body=body, attachments=(("依赖 图.png", b"1"),)))
    paths = [
        path
        for method, path in stage.writes()
        if method in ("POST", "PUT") and "label" not in path and "property" not in path
    ]
    upload = next(index for index, path in enumerate(paths) if path.endswith("/child/attachment"))
    assert [path for path in paths[upload + 1 :] if path.endswith(f"/{page.ref.key}")]
    assert page.version == "2"
    assert "依赖 图.png" in stage.storage(page)
    assert stage.kept(page).versions[0].storage.count("依赖") == 0
    file = _file(stage, page, "依赖 图.png")
    again = stage.confluence.update_page(page, MARK, content(stage, "字", attachments=(("依赖 图.png", b"1"),)))
    assert len(file.versions) == 1
    stage.confluence.update_page(
        again, MARK, content(stage, "字", attachments=(("依赖 图.png", b"2"), ("b.csv", b"x")))
    )
    assert [version.data for version in file.versions] == [b"1", b"2"]
    assert all(version.is_minor for version in file.versions)
    assert _file(stage, page, "b.csv").latest.data == b"x"


def _file(stage: Stage, page: Page, name: str) -> Any:
    return stage.simulator.site.attachments[stage.kept(page).attachments[name]]


def test_a_page_that_people_renamed_keeps_their_title_and_is_still_found(stage: Stage) -> None:
    page = stage.confluence.create_page(MARK, content(stage, "一"))
    stage.simulator.edit_page(page.ref.key, title="我们的状态")
    stage.simulator.create_page(stage.space, TITLE, "<p>别人的</p>")
    found = stage.confluence.find_page(stage.space, MARK, TITLE)
    assert found is not None
    assert found.ref == page.ref
    assert stage.confluence.update_page(found, MARK, content(stage, "二")).title == "我们的状态"


def test_our_new_title_wins_when_nobody_renamed(stage: Stage) -> None:
    page = stage.confluence.create_page(MARK, content(stage, "一"))
    renamed = stage.confluence.update_page(page, MARK, content(stage, "一", title="新标题"))
    assert (renamed.title, renamed.version) == ("新标题", "2")
    assert stage.confluence.update_page(renamed, MARK, content(stage, "一", title="第三")).title == "第三"


def test_a_renamed_page_is_found_without_the_search_scope(stage: Stage) -> None:
    if stage.kind != "gateway":
        pytest.skip("only the gateway grants scopes one by one")
    page = stage.confluence.create_page(MARK, content(stage, "一"))
    stage.simulator.edit_page(page.ref.key, title="改名")
    stage.simulator.scopes = access.ALL_SCOPES - {"search:confluence"}
    found = stage.confluence.find_page(stage.space, MARK, TITLE)
    assert found is not None
    assert found.ref == page.ref


def test_labels_of_people_stay_and_ours_go_when_unwanted(stage: Stage) -> None:
    page = stage.confluence.create_page(MARK, content(stage, "一", labels=("weekly", "ops")))
    stage.simulator.label(page.ref.key, "von-hand")
    page = stage.confluence.get_page(page.ref)
    page = stage.confluence.update_page(page, MARK, content(stage, "二", labels=("ops", "von-hand")))
    assert set(page.labels) == {"tieline", "ops", "von-hand"}
    page = stage.confluence.update_page(page, MARK, content(stage, "三"))
    assert {name.partition(":")[2] for name in stage.kept(page).labels} == {"tieline", "von-hand"}
    assert set(page.labels) == {"tieline", "von-hand"}


def test_a_lost_answer_never_makes_a_second_page(stage: Stage) -> None:
    stage.plan("lost_answer", r"POST .*/(pages|content)$")
    with pytest.raises(LostAnswer):
        stage.confluence.create_page(MARK, content(stage, "一"))
    found = stage.confluence.find_page(stage.space, MARK, TITLE)
    assert found is not None
    assert found == stage.confluence.get_page(found.ref)
    updated = stage.confluence.update_page(found, MARK, content(stage, "二", labels=("x",)))
    assert "x" in updated.labels
    assert PROPERTY in {each.key for each in stage.kept(updated).properties.values()}


@pytest.mark.parametrize(
    ("kind", "match"),
    [
        ("lost_answer", r"POST .*/(pages|content)$"),
        ("unauthorized", r"(PUT|POST) .*/child/attachment"),
        ("unauthorized", r"PUT .*/(pages|content)/\d+$"),
        ("lost_answer", r"PUT .*/(pages|content)/\d+$"),
        ("unauthorized", r"POST .*/label"),
        ("lost_answer", r"POST .*/(properties|property)"),
    ],
)
def test_a_creation_cut_short_is_finished_and_never_doubled(stage: Stage, kind: FaultKind, match: str) -> None:
    whole = content(stage, "一", labels=("x",), attachments=(("图.png", b"1"),))
    stage.plan(kind, match)
    with contextlib.suppress(TielineError):
        stage.confluence.create_page(MARK, whole)
    assert not stage.simulator.faults.pending()
    found = stage.confluence.find_page(stage.space, MARK, TITLE)
    page = stage.confluence.update_page(found, MARK, whole) if found else stage.confluence.create_page(MARK, whole)
    assert "一" in stage.storage(page)
    assert "图.png" in stage.kept(page).attachments
    assert set(page.labels) == {"tieline", "x"}
    assert stage.confluence.get_page(page.ref) == page
    assert (
        len([each for each in stage.simulator.site.pages.values() if MARK in blocks.marks_in(each.latest.storage)]) == 1
    )


def test_a_copy_made_by_a_person_is_not_ours(stage: Stage) -> None:
    page = stage.confluence.create_page(MARK, content(stage, "一"))
    copy = stage.simulator.create_page(stage.space, "副本", stage.storage(page), by="zhao.min")
    assert stage.confluence.get_page(_ref(copy.id)).mark == ""
    copy.properties = dict(stage.kept(page).properties)
    assert stage.confluence.get_page(_ref(copy.id)).mark == ""
    with pytest.raises(Refused):
        stage.confluence.remove_page(stage.confluence.get_page(_ref(copy.id)))


def test_a_damaged_frame_is_a_conflict_and_a_missing_one_is_added_at_the_end(stage: Stage) -> None:
    page = stage.confluence.create_page(MARK, content(stage, "一"))
    whole = stage.storage(page)
    stage.simulator.edit_page(page.ref.key, storage=whole[: whole.rindex("<p>")])
    damaged = stage.confluence.get_page(page.ref)
    assert (damaged.mark, damaged.block, damaged.is_untouched) == (MARK, "none", False)
    with pytest.raises(Conflict, match="damaged"):
        stage.confluence.update_page(damaged, MARK, content(stage, "二"))
    stage.simulator.edit_page(page.ref.key, storage="<p>只剩人写的</p>")
    stage.confluence.update_page(stage.confluence.get_page(page.ref), MARK, content(stage, "二"))
    assert stage.storage(page).startswith("<p>只剩人写的</p><p><ac:structured-macro")


def test_removing_puts_the_page_into_the_trash_once(stage: Stage) -> None:
    page = stage.confluence.create_page(MARK, content(stage, "一"))
    stage.confluence.remove_page(page)
    assert stage.kept(page).status == "trashed"
    assert stage.confluence.get_page(page.ref).status == "trashed"
    assert stage.confluence.find_page(stage.space, MARK, TITLE) is None
    stage.confluence.remove_page(page)
    with pytest.raises(Conflict):
        stage.confluence.update_page(page, MARK, content(stage, "二"))
    stage.simulator.purge(page.ref.key)
    with pytest.raises(NotFound):
        stage.confluence.get_page(page.ref)
    with pytest.raises(NotFound):
        stage.confluence.remove_page(page)


def test_labels_that_may_not_be_set_do_not_stop_a_page(stage: Stage) -> None:
    if stage.kind != "gateway":
        pytest.skip("only the gateway grants scopes one by one")
    stage.simulator.scopes = access.ALL_SCOPES - {"write:confluence-content"}
    page = stage.confluence.create_page(MARK, content(stage, "一", labels=("x",)))
    assert page.labels == ()
    assert stage.confluence.get_page(page.ref) == page


def test_what_the_server_keeps_says_what_we_sent(stage: Stage) -> None:
    body: RichText = (Table(((Text("任务"),),), (((Text("a & b <c>  d"),),),)), Paragraph((Text("\x01“引”\u00a0号"),)))
    page = stage.confluence.create_page(MARK, content(stage, body=body))
    assert page.block == blocks.digest(storage_from_rich_text(body, stage.kind != "dc"))
