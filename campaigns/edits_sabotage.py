"""Ways of breaking the product that the campaign of human edits must notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from connectors.confluence import blocks, knowledge_base
from connectors.confluence.cloud import Cloud
from connectors.confluence.data_center import DataCenter
from connectors.confluence.knowledge_base import PageWriter
from connectors.jira import comments as jira_comments
from connectors.trello.tracker import CardTracker
from sync.core.errors import Conflict
from sync.core.ports import Page
from sync.store.store import Store


@contextmanager
def _ignore_versions() -> Iterator[None]:
    """A refused version is answered with the next one."""

    def blind(original: Callable[..., None]) -> Callable[..., None]:
        def update(self: Any, page_id: str, title: str, body: str, number: int) -> None:
            try:
                original(self, page_id, title, body, number)
            except Conflict:
                original(self, page_id, title, body, self.state(page_id).version + 1)

        return update

    with (
        patch.object(Cloud, "update", blind(Cloud.update)),
        patch.object(DataCenter, "update", blind(DataCenter.update)),
    ):
        yield


@contextmanager
def _adopt_by_title() -> Iterator[None]:
    """A page of the right title is taken for ours."""

    def find_page(self: PageWriter, space: str, mark: str, title: str) -> Page | None:
        found = self.page_titled(space, title)
        return replace(found, mark=mark) if found else None

    with (
        patch.object(PageWriter, "find_page", find_page),
        patch.object(PageWriter, "_check_is_ours", lambda *_: None),
    ):
        yield


@contextmanager
def _drop_inline_markers() -> Iterator[None]:
    with patch.object(blocks, "carry_comments", lambda *given: (given[1], ())):
        yield


@contextmanager
def _write_whole_page() -> Iterator[None]:
    """The page is ours alone: its body is replaced, not our block."""

    def body_with(_: PageWriter, state: Any, mark: str, storage: str) -> str:
        return blocks.wrap(mark, storage, state.version + 1)

    with patch.object(PageWriter, "_body_with", body_with):
        yield


@contextmanager
def _believe_every_block() -> Iterator[None]:
    """What stands in our block was written by us, whatever it says."""
    with patch.object(knowledge_base, "_is_untouched", lambda *_: True):
        yield


@contextmanager
def _believe_every_comment() -> Iterator[None]:
    with patch.object(jira_comments, "block_of", lambda *given: (given[0], True)):
        yield


@contextmanager
def _take_back_names() -> Iterator[None]:
    """Our title is put back over a person's."""
    with patch.object(PageWriter, "_title_for", lambda *given: given[-1]):
        yield


@contextmanager
def _trust_the_page_read_back() -> Iterator[None]:
    """Whatever stands on the page after our save is remembered as ours."""
    with patch.object(knowledge_base, "_as_saved", lambda *given: given[0]):
        yield


@contextmanager
def _do_not_look_again() -> Iterator[None]:
    """A card's comment is replaced without reading it first."""
    with (
        patch.object(CardTracker, "_require_unchanged", lambda *_: None),
        patch.object(CardTracker, "find_comment", _as_last_written()),
    ):
        yield


def _as_last_written() -> Callable[..., Any]:
    original = CardTracker.find_comment

    def find_comment(self: CardTracker, task: Any, mark: str) -> Any:
        found = original(self, task, mark)
        return replace(found, is_untouched=True) if found else None

    return find_comment


@contextmanager
def _forget_words() -> Iterator[None]:
    """What webhooks tell of edits is not kept."""
    with patch.object(Store, "put_comment_edit", lambda *_: None):
        yield


SABOTAGES: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "ignore_versions": _ignore_versions,
    "adopt_by_title": _adopt_by_title,
    "drop_inline_markers": _drop_inline_markers,
    "write_whole_page": _write_whole_page,
    "believe_every_block": _believe_every_block,
    "believe_every_comment": _believe_every_comment,
    "take_back_names": _take_back_names,
    "trust_the_page_read_back": _trust_the_page_read_back,
    "do_not_look_again": _do_not_look_again,
    "forget_words": _forget_words,
}
