"""What every KnowledgeBase promises, tried on whatever ``subject`` a test file gives."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.faults import FaultKind
from sync.core.errors import AccessDenied, Conflict, LostAnswer, NotFound, Refused, TielineError
from sync.core.ports import KnowledgeBase, Page, PageContent
from sync.core.rich_text import Paragraph, Picture, Text
from sync.core.values import Ref
from tests.conformance.subjects import (
    MARK,
    OTHER_MARK,
    WRITES,
    KnowledgeBaseSubject,
    RemoteKnowledgeBaseSubject,
    text,
)
from tests.conformance.texts import rich_texts

TITLE = "跨部门状态"
MOST_WRITES = 7
PICTURE = "甘特图.png"


def content(subject: KnowledgeBaseSubject, *paragraphs: str, **values: Any) -> PageContent:
    return PageContent(subject.space, values.pop("title", TITLE), text(*paragraphs), **values)


def illustrated(subject: KnowledgeBaseSubject, words: str, picture: bytes) -> PageContent:
    """A page that shows an attached picture."""
    body = (Paragraph((Text(words),)), Picture("甘特图", filename=PICTURE))
    return PageContent(subject.space, TITLE, body, attachments=((PICTURE, picture),))


def ref_of(page: Page, page_id: str) -> Ref:
    return Ref.of(page.ref.connection, page.ref.kind, page_id)


class KnowledgeBaseSuite:
    """The promises of ``KnowledgeBase``, method by method."""

    def test_it_is_a_knowledge_base(self, subject: KnowledgeBaseSubject) -> None:
        assert isinstance(subject.base, KnowledgeBase)

    # -- find_page, get_page

    def test_find_page_is_our_page_with_this_mark(self, subject: KnowledgeBaseSubject) -> None:
        assert subject.base.find_page(subject.space, MARK, TITLE) is None
        page = subject.base.create_page(MARK, content(subject, "一切正常"))
        other = subject.base.create_page(OTHER_MARK, content(subject, "另一页", title="另一页"))
        assert subject.base.find_page(subject.space, MARK, TITLE) == page
        assert subject.base.find_page(subject.space, OTHER_MARK, "另一页") == other

    def test_the_title_only_narrows_the_search_for_a_page_that_people_renamed(
        self, subject: KnowledgeBaseSubject
    ) -> None:
        page = subject.base.create_page(MARK, content(subject, "一切正常"))
        subject.rename(page.ref.key, "被改名的页")
        found = subject.base.find_page(subject.space, MARK, TITLE)
        assert found is not None
        assert (found.ref, found.title) == (page.ref, "被改名的页")

    def test_a_page_of_that_title_without_our_mark_is_not_returned(self, subject: KnowledgeBaseSubject) -> None:
        subject.write(TITLE, "人写的")
        assert subject.base.find_page(subject.space, MARK, TITLE) is None

    def test_page_titled_is_whoever_s_page_has_the_title(self, subject: KnowledgeBaseSubject) -> None:
        assert subject.base.page_titled(subject.space, TITLE) is None
        theirs = subject.write(TITLE, "人写的")
        found = subject.base.page_titled(subject.space, TITLE)
        assert found is not None
        assert (found.ref.key, found.mark) == (theirs, "")
        assert subject.base.page_titled(subject.space, "没有这一页") is None

    def test_a_copy_of_our_page_is_not_ours(self, subject: KnowledgeBaseSubject) -> None:
        page = subject.base.create_page(MARK, content(subject, "一切正常"))
        copy = subject.write("副本", subject.text(page.ref.key))
        assert subject.base.get_page(ref_of(page, copy)).mark == ""
        assert subject.base.find_page(subject.space, MARK, "副本") == page

    def test_get_page_reads_it_by_id_with_its_mark(self, subject: KnowledgeBaseSubject) -> None:
        page = subject.base.create_page(MARK, content(subject, "一切正常"))
        assert subject.base.get_page(page.ref) == page
        assert (page.mark, page.title, page.space, page.status) == (MARK, TITLE, subject.space, "current")
        assert page.url.startswith("http")
        theirs = subject.write("人写的页", "人写的")
        assert subject.base.get_page(ref_of(page, theirs)).mark == ""

    def test_get_page_raises_not_found(self, subject: KnowledgeBaseSubject) -> None:
        page = subject.base.create_page(MARK, content(subject, "一切正常"))
        subject.purge(page.ref.key)
        with pytest.raises(NotFound):
            subject.base.get_page(page.ref)

    def test_the_block_is_the_digest_of_our_part_and_not_of_theirs(self, subject: KnowledgeBaseSubject) -> None:
        page = subject.base.create_page(MARK, content(subject, "一"))
        subject.write_below(page.ref.key, "人写的")
        grown = subject.base.get_page(page.ref)
        assert (grown.block, grown.version != page.version) == (page.block, True)
        changed = subject.base.update_page(grown, MARK, content(subject, "二"))
        assert changed.block != page.block

    def test_the_block_of_a_page_is_known_before_it_is_written(self, subject: KnowledgeBaseSubject) -> None:
        page = subject.base.create_page(MARK, content(subject, "一", "<b>&amp; {x} *y* @all"))
        assert page.block == subject.base.block_of_page(content(subject, "一", "<b>&amp; {x} *y* @all"))
        assert page.block != subject.base.block_of_page(content(subject, "二"))
        page = subject.base.update_page(page, MARK, content(subject, "二"))
        assert page.block == subject.base.block_of_page(content(subject, "二"))

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def test_the_block_of_any_page_is_known_before_it_is_written(
        self, subject: KnowledgeBaseSubject, data: st.DataObject
    ) -> None:
        whole = PageContent(subject.space, TITLE, data.draw(rich_texts()))
        page = subject.base.create_page(MARK, whole)
        try:
            assert page.block == subject.base.block_of_page(whole)
            assert page.is_untouched
            assert subject.base.get_page(page.ref) == page
        finally:
            subject.purge(page.ref.key)

    def test_our_block_is_untouched_until_somebody_writes_into_it(self, subject: KnowledgeBaseSubject) -> None:
        page = subject.base.create_page(MARK, content(subject, "一"))
        page = subject.base.update_page(page, MARK, content(subject, "二"))
        assert page.is_untouched
        subject.write_below(page.ref.key, "人写的一段")
        subject.rename(page.ref.key, "被改名的页")
        assert subject.base.get_page(page.ref).is_untouched
        subject.write_inside(page.ref.key, "写在里面")
        touched = subject.base.get_page(page.ref)
        assert (touched.mark, touched.is_untouched, touched.block != page.block) == (MARK, False, True)
        again = subject.base.update_page(touched, MARK, content(subject, "三"))
        assert again.is_untouched
        assert not subject.base.get_page(ref_of(page, subject.write("人写的页", "人写的"))).is_untouched

    # -- create_page

    def test_create_page_makes_a_new_page_below_the_space_s_home(self, subject: KnowledgeBaseSubject) -> None:
        before = subject.titles()
        page = subject.base.create_page(MARK, content(subject, "一切正常", labels=("ops",)))
        assert subject.titles() == {**before, page.ref.key: TITLE}
        assert "一切正常" in subject.text(page.ref.key)
        assert subject.labels(page.ref.key) >= ({"ops"} if subject.takes_labels else set())
        assert (page.parent.key if page.parent else subject.home()) == subject.home()

    def test_create_page_goes_below_the_parent_it_is_given(self, subject: KnowledgeBaseSubject) -> None:
        parent = subject.base.create_page(OTHER_MARK, content(subject, "目录", title="目录"))
        page = subject.base.create_page(MARK, content(subject, "一切正常", parent=parent.ref))
        assert page.parent == parent.ref

    def test_create_page_raises_conflict_for_a_title_that_exists_and_takes_nothing_over(
        self, subject: KnowledgeBaseSubject
    ) -> None:
        theirs = subject.write(TITLE, "人写的")
        before = subject.text(theirs)
        with pytest.raises(Conflict):
            subject.base.create_page(MARK, content(subject, "一切正常"))
        assert subject.text(theirs) == before
        assert list(subject.titles().values()).count(TITLE) == 1

    def test_create_page_raises_conflict_for_a_page_of_ours_that_exists(self, subject: KnowledgeBaseSubject) -> None:
        subject.base.create_page(MARK, content(subject, "一"))
        with pytest.raises(Conflict):
            subject.base.create_page(OTHER_MARK, content(subject, "二"))

    def test_attachments_are_there_with_the_body_that_shows_them(self, subject: KnowledgeBaseSubject) -> None:
        page = subject.base.create_page(MARK, illustrated(subject, "一", b"1"))
        assert subject.files(page.ref.key) == ({PICTURE: 1} if subject.takes_files else {})
        assert subject.takes_files or "甘特图" in subject.text(page.ref.key)
        assert subject.base.find_page(subject.space, MARK, TITLE) == page

    # -- update_page

    def test_update_page_replaces_our_block_and_nothing_else(self, subject: KnowledgeBaseSubject) -> None:
        page = subject.base.create_page(MARK, content(subject, "第一版"))
        subject.write_below(page.ref.key, "人写的一段")
        page = subject.base.update_page(subject.base.get_page(page.ref), MARK, content(subject, "第二版"))
        there = subject.text(page.ref.key)
        assert "第二版" in there
        assert "人写的一段" in there
        assert "第一版" not in there
        assert subject.base.get_page(page.ref) == page

    def test_update_page_raises_conflict_when_its_version_is_no_longer_that(
        self, subject: KnowledgeBaseSubject
    ) -> None:
        page = subject.base.create_page(MARK, content(subject, "第一版"))
        subject.write_below(page.ref.key, "人写的一段")
        before = subject.text(page.ref.key)
        with pytest.raises(Conflict) as caught:
            subject.base.update_page(page, MARK, content(subject, "第二版"))
        assert caught.value.expected == page.version != caught.value.found
        assert subject.text(page.ref.key) == before

    def test_update_page_raises_not_found_when_it_is_gone(self, subject: KnowledgeBaseSubject) -> None:
        page = subject.base.create_page(MARK, content(subject, "第一版"))
        subject.purge(page.ref.key)
        with pytest.raises(NotFound):
            subject.base.update_page(page, MARK, content(subject, "第二版"))

    def test_update_page_of_a_page_that_is_not_ours_is_refused(self, subject: KnowledgeBaseSubject) -> None:
        ours = subject.base.create_page(MARK, content(subject, "一", title="我们的"))
        theirs = subject.write(TITLE, "人写的")
        before = subject.text(theirs)
        with pytest.raises(Refused):
            subject.base.update_page(subject.base.get_page(ref_of(ours, theirs)), MARK, content(subject, "二"))
        assert subject.text(theirs) == before

    def test_inline_comments_survive_where_their_text_does(self, subject: KnowledgeBaseSubject) -> None:
        page = subject.base.create_page(MARK, content(subject, "保留的一句话", "要改的一句话"))
        subject.comment_inline(page.ref.key, "保留的一句话")
        now = subject.base.get_page(page.ref)
        page = subject.base.update_page(now, MARK, content(subject, "保留的一句话", "改过的一句话"))
        assert "改过的一句话" in subject.text(page.ref.key)
        assert subject.has_inline_comment(page.ref.key)

    def test_unchanged_attachments_are_not_uploaded_again_and_changed_ones_are(
        self, subject: KnowledgeBaseSubject
    ) -> None:
        page = subject.base.create_page(MARK, illustrated(subject, "一", b"1"))
        page = subject.base.update_page(page, MARK, illustrated(subject, "二", b"1"))
        assert subject.files(page.ref.key) == ({PICTURE: 1} if subject.takes_files else {})
        page = subject.base.update_page(page, MARK, illustrated(subject, "二", b"2"))
        assert subject.files(page.ref.key) == ({PICTURE: 2} if subject.takes_files else {})

    def test_labels_that_people_added_stay(self, subject: KnowledgeBaseSubject) -> None:
        page = subject.base.create_page(MARK, content(subject, "一", labels=("ops", "pay")))
        page = subject.base.update_page(page, MARK, content(subject, "二", labels=("ops",)))
        assert subject.labels(page.ref.key) >= ({"ops"} if subject.takes_labels else set())
        assert "pay" not in subject.labels(page.ref.key)

    # -- remove_page

    def test_remove_page_puts_it_where_people_can_restore_it(self, subject: KnowledgeBaseSubject) -> None:
        page = subject.base.create_page(MARK, content(subject, "一切正常"))
        subject.base.remove_page(page)
        assert page.ref.key not in subject.titles()
        assert subject.base.find_page(subject.space, MARK, TITLE) is None
        assert subject.base.get_page(page.ref).status == "trashed"
        subject.restore(page.ref.key)
        assert subject.titles()[page.ref.key] == TITLE
        assert "一切正常" in subject.text(page.ref.key)

    def test_remove_page_raises_conflict_when_it_was_edited_since(self, subject: KnowledgeBaseSubject) -> None:
        page = subject.base.create_page(MARK, content(subject, "一切正常"))
        subject.write_below(page.ref.key, "人写的一段")
        with pytest.raises(Conflict):
            subject.base.remove_page(page)
        assert page.ref.key in subject.titles()

    def test_remove_page_raises_refused_when_it_is_not_ours(self, subject: KnowledgeBaseSubject) -> None:
        ours = subject.base.create_page(MARK, content(subject, "一", title="我们的"))
        theirs = subject.write(TITLE, "人写的")
        with pytest.raises(Refused):
            subject.base.remove_page(subject.base.get_page(ref_of(ours, theirs)))
        assert theirs in subject.titles()


class KnowledgeBaseFaults:
    """Writes under faults, wherever in the operation they fall: one page, never a second, never another's."""

    @pytest.mark.parametrize("kind", ["lost_answer", "truncated", "reset", "html"])
    def test_a_page_whose_creation_was_cut_short_is_found_or_finished_and_never_doubled(
        self, subject: RemoteKnowledgeBaseSubject, kind: FaultKind
    ) -> None:
        subject.delay_listings()  # what was made a moment ago is in no index yet
        before = subject.titles()
        for skip in range(MOST_WRITES):
            whole = illustrated(subject, "一切正常", b"1")
            subject.wire.plan(kind, WRITES, skip=skip)
            page = self._published(subject, whole)
            where = f"{kind} at write {skip}"
            assert subject.titles() == {**before, page.ref.key: TITLE}, where
            assert "一切正常" in subject.text(page.ref.key), where
            assert subject.files(page.ref.key).keys() == ({PICTURE} if subject.takes_files else set()), where
            assert subject.base.find_page(subject.space, MARK, TITLE) == page, where
            is_spent = subject.wire.is_spent()
            subject.wire.clear()
            if not is_spent:
                break
            subject.purge(page.ref.key)
        assert skip >= 2

    @staticmethod
    def _published(subject: RemoteKnowledgeBaseSubject, whole: PageContent) -> Page:
        """As ``apply`` and the next run do it: write; after a lost answer look, then make or mend what is there."""
        try:
            return subject.base.create_page(MARK, whole)
        except LostAnswer:
            found = subject.base.find_page(subject.space, MARK, TITLE)
            return subject.base.update_page(found, MARK, whole) if found else subject.base.create_page(MARK, whole)

    @pytest.mark.parametrize("kind", ["unauthorized", "lost_answer", "reset"])
    def test_no_body_shows_an_attachment_that_is_not_there(
        self, subject: RemoteKnowledgeBaseSubject, kind: FaultKind
    ) -> None:
        for skip in range(MOST_WRITES):
            subject.wire.plan(kind, WRITES, skip=skip, times=1_000)
            with suppress(TielineError):
                subject.base.create_page(MARK, illustrated(subject, "看图", b"1"))
            subject.wire.clear()
            for page_id, title in subject.titles().items():
                if title == TITLE:
                    assert PICTURE not in subject.text(page_id) or PICTURE in subject.files(page_id), f"write {skip}"
                    subject.purge(page_id)

    @pytest.mark.parametrize("kind", ["lost_answer", "truncated"])
    def test_an_update_whose_answer_was_lost_is_seen_by_its_version(
        self, subject: RemoteKnowledgeBaseSubject, kind: FaultKind
    ) -> None:
        page = subject.base.create_page(MARK, content(subject, "第一版"))
        subject.wire.plan(kind, WRITES)
        with pytest.raises(LostAnswer):
            subject.base.update_page(page, MARK, content(subject, "第二版"))
        found = subject.base.find_page(subject.space, MARK, TITLE)
        assert found is not None
        assert found.version != page.version
        with pytest.raises(Conflict):
            subject.base.update_page(page, MARK, content(subject, "第二版"))
        page = subject.base.update_page(found, MARK, content(subject, "第二版"))
        assert "第二版" in subject.text(page.ref.key)
        assert list(subject.titles().values()).count(TITLE) == 1

    @pytest.mark.parametrize("kind", ["lost_answer", "truncated", "reset", "html"])
    def test_a_removal_whose_answer_was_lost_can_be_asked_for_again(
        self, subject: RemoteKnowledgeBaseSubject, kind: FaultKind
    ) -> None:
        page = subject.base.create_page(MARK, content(subject, "一切正常"))
        subject.wire.plan(kind, WRITES)
        try:
            subject.base.remove_page(page)
        except LostAnswer:
            subject.base.remove_page(page)
        assert page.ref.key not in subject.titles()

    def test_too_many_requests_is_waited_out_and_written_once(self, subject: RemoteKnowledgeBaseSubject) -> None:
        before = subject.titles()
        subject.wire.plan("rate_limited", WRITES, times=2, value=1)
        page = subject.base.create_page(MARK, content(subject, "一切正常"))
        assert subject.titles() == {**before, page.ref.key: TITLE}

    def test_refused_writes_leave_nothing(self, subject: RemoteKnowledgeBaseSubject) -> None:
        before = subject.titles()
        subject.wire.plan("unauthorized", WRITES)
        with pytest.raises(AccessDenied):
            subject.base.create_page(MARK, content(subject, "一切正常"))
        assert subject.titles() == before
        page = subject.base.create_page(MARK, content(subject, "第一版"))
        there = subject.text(page.ref.key)
        for write in (
            lambda: subject.base.update_page(page, MARK, content(subject, "第二版")),
            lambda: subject.base.remove_page(page),
        ):
            subject.wire.plan("unauthorized", WRITES)
            with pytest.raises(AccessDenied):
                write()
            assert subject.text(page.ref.key) == there
        assert subject.base.get_page(page.ref) == page

    @pytest.mark.parametrize("kind", ["server_error", "html", "truncated", "reset", "unauthorized"])
    def test_looking_raises_rather_than_say_none(self, subject: RemoteKnowledgeBaseSubject, kind: FaultKind) -> None:
        page = subject.base.create_page(MARK, content(subject, "一切正常"))
        subject.wire.plan(kind, times=10_000)
        with pytest.raises(TielineError):
            subject.base.find_page(subject.space, MARK, TITLE)
        with pytest.raises(TielineError) as caught:
            subject.base.get_page(page.ref)
        assert not isinstance(caught.value, NotFound)

    @pytest.mark.parametrize("kind", ["short_page", "empty_page"])
    def test_a_listing_that_stumbles_does_not_hide_our_page(
        self, subject: RemoteKnowledgeBaseSubject, kind: FaultKind
    ) -> None:
        page = subject.base.create_page(MARK, content(subject, "一切正常"))
        subject.rename(page.ref.key, "改了名")
        renamed = subject.base.get_page(page.ref)
        for skip in range(3):
            subject.wire.plan(kind, skip=skip)
            assert subject.base.find_page(subject.space, MARK, TITLE) == renamed
            subject.wire.clear()
