"""People and Tieline on one page at the same moment: whatever falls between a look and a save, and what our mark tells afterwards."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.http import Request, Response
from sync.core.errors import Conflict, LostAnswer, TielineError
from sync.core.ports import Page, PageContent
from sync.core.rich_text import Paragraph, Text
from sync.core.values import Ref
from tests.connectors.confluence_stage import Stage, open_stage

MARK = "tieline:demo:0123456789abcdef"
SAVE = r"PUT .*/(pages|content)/\d+$"


@pytest.fixture(params=["cloud", "dc"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with open_stage(request.param) as opened:
        yield opened


def content(stage: Stage, *words: str, **values: Any) -> PageContent:
    body = tuple(Paragraph((Text(word),)) for word in words)
    return PageContent(stage.space, "跨部门状态", body, **values)


def meanwhile(stage: Stage, act: Callable[[], object], *, after: bool = False, match: str = SAVE) -> None:
    """Let somebody act once, just before or just after our next matching write."""
    handle, left = stage.simulator.handle, [act]

    def watched(request: Request) -> Response:
        is_it = bool(left) and re.search(match, f"{request.method} {request.path}")
        if is_it and not after:
            left.pop()()
        response = handle(request)
        if is_it and after:
            left.pop()()
        return response

    stage.simulator.handle = watched  # type: ignore[method-assign]


def write_inside(stage: Stage, page: Page, words: str) -> None:
    start, frame, rest = stage.storage(page).partition("</ac:structured-macro></p>")
    stage.simulator.edit_page(page.ref.key, storage=f"{start}{frame}<p>{words}</p>{rest}", by="zhao.min")


def test_a_save_whose_property_was_lost_is_known_as_ours_by_its_anchor(stage: Stage) -> None:
    page = stage.confluence.create_page(MARK, content(stage, "一"))
    stage.plan("unauthorized", r"(PUT|POST) .*/propert")
    with contextlib.suppress(TielineError):
        stage.confluence.update_page(page, MARK, content(stage, "二"))
    found = stage.confluence.get_page(page.ref)
    assert (found.version, found.is_untouched) == ("2", True)
    assert found.block == stage.confluence.block_of_page(content(stage, "二"))
    write_inside(stage, page, "人写的")
    assert not stage.confluence.get_page(page.ref).is_untouched


def test_an_older_version_that_people_put_back_is_not_what_we_wrote_last(stage: Stage) -> None:
    first = stage.confluence.create_page(MARK, content(stage, "一"))
    body = stage.storage(first)
    second = stage.confluence.update_page(first, MARK, content(stage, "二"))
    assert second.is_untouched
    stage.simulator.edit_page(first.ref.key, storage=body, by="zhao.min")
    found = stage.confluence.get_page(first.ref)
    assert (found.mark, found.is_untouched) == (MARK, False)
    assert found.block not in (first.block, second.block)


@pytest.mark.parametrize("is_new", [True, False])
def test_words_written_right_after_our_save_are_never_taken_for_ours(stage: Stage, is_new: bool) -> None:
    if is_new:
        meanwhile(
            stage, lambda: write_inside(stage, page_of(stage), "人写的"), after=True, match=r"POST .*/(pages|content)$"
        )
        page = stage.confluence.create_page(MARK, content(stage, "一"))
    else:
        page = stage.confluence.create_page(MARK, content(stage, "零"))
        meanwhile(stage, lambda: write_inside(stage, page, "人写的"), after=True)
        page = stage.confluence.update_page(page, MARK, content(stage, "一"))
    assert page.block == stage.confluence.block_of_page(content(stage, "一"))
    found = stage.confluence.get_page(page.ref)
    assert not found.is_untouched
    assert found.block != page.block
    with pytest.raises(Conflict):
        stage.confluence.update_page(page, MARK, content(stage, "二"))
    assert "人写的" in stage.storage(page)


def page_of(stage: Stage) -> Page:
    """The page that was made last, as the site knows it."""
    found = max(stage.simulator.site.pages.values(), key=lambda page: int(page.id))
    return Page(Ref.of("wiki", "document", found.id), found.title, stage.space, "1", "")


def test_an_inline_comment_set_between_our_look_and_our_save_keeps_its_words(stage: Stage) -> None:
    page = stage.confluence.create_page(MARK, content(stage, "不变的一句话", "一"))
    stage.simulator.edit_page(page.ref.key, storage=f"{stage.storage(page)}<p>人写的一段</p>", by="zhao.min")
    page = stage.confluence.get_page(page.ref)

    def comment() -> None:
        for words in ("不变的一句话", "人写的一段"):
            stage.simulator.comment_inline(page.ref.key, words, "<p>？</p>", by="zhao.min")

    meanwhile(stage, comment)
    updated = stage.confluence.update_page(page, MARK, content(stage, "不变的一句话", "二"))
    for words in ("不变的一句话", "人写的一段"):
        assert f">{words}</ac:inline-comment-marker>" in stage.storage(page)
    assert "<p>二</p>" in stage.storage(page)
    assert stage.confluence.get_page(page.ref) == updated
    assert updated.is_untouched


def test_a_page_put_into_the_trash_between_our_look_and_our_save_stays_there(stage: Stage) -> None:
    page = stage.confluence.create_page(MARK, content(stage, "一"))
    meanwhile(stage, lambda: stage.simulator.trash(page.ref.key))
    with pytest.raises(Conflict):
        stage.confluence.update_page(page, MARK, content(stage, "二"))
    assert stage.kept(page).status == "trashed"
    stage.simulator.restore(page.ref.key)
    assert "<p>一</p>" in stage.storage(page)


def test_words_written_into_a_page_that_is_still_being_made_stay(stage: Stage) -> None:
    whole = content(stage, "一", attachments=(("图.png", b"1"),))
    meanwhile(
        stage, lambda: write_inside(stage, page_of(stage), "人写的"), after=True, match=r"POST .*/(pages|content)$"
    )
    with pytest.raises((Conflict, LostAnswer)):
        stage.confluence.create_page(MARK, whole)
    assert "人写的" in stage.storage(page_of(stage))
