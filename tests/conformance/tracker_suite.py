"""What every Tracker promises, tried on whatever ``subject`` a test file gives."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sandbox.faults import FaultKind
from sync.core.errors import (
    AccessDenied,
    CannotExpress,
    Conflict,
    LostAnswer,
    Nonsense,
    NotFound,
    Refused,
    TielineError,
)
from sync.core.ports import LinkEnd, Tracker, Written
from sync.core.values import LinkSide
from tests.conformance.subjects import (
    MARK,
    OTHER_MARK,
    WRITES,
    MutualLinkSubject,
    RemoteTrackerSubject,
    TrackerSubject,
    text,
)
from tests.conformance.texts import rich_texts

SIDES: tuple[LinkSide, LinkSide] = ("waits_for", "blocks")
MOST_WRITES = 4


class CommentSuite:
    """The promises of a Tracker's comments."""

    def test_it_is_a_tracker(self, subject: TrackerSubject) -> None:
        assert isinstance(subject.tracker, Tracker)

    def test_find_comment_is_our_comment_with_this_mark_or_none(self, subject: TrackerSubject) -> None:
        subject.delay_listings()  # looking is strongly consistent
        assert subject.tracker.find_comment(subject.task, MARK) is None
        first = subject.tracker.add_comment(subject.task, MARK, text("一"))
        second = subject.tracker.add_comment(subject.task, OTHER_MARK, text("二"))
        assert subject.tracker.find_comment(subject.task, MARK) == first
        assert subject.tracker.find_comment(subject.task, OTHER_MARK) == second
        assert first.id != second.id
        assert first.is_ours

    def test_find_comment_reads_behind_many_others(self, subject: TrackerSubject) -> None:
        made = subject.tracker.add_comment(subject.task, MARK, text("一"))
        for number in range(120):
            subject.comment_by_hand(f"第 {number} 条")
        assert subject.tracker.find_comment(subject.task, MARK) == made

    def test_a_mark_that_somebody_quotes_is_not_ours(self, subject: TrackerSubject) -> None:
        subject.comment_by_hand(f"转发：\n\n[{MARK}]")
        subject.comment_by_hand(MARK)
        assert subject.tracker.find_comment(subject.task, MARK) is None

    def test_add_comment_makes_one_comment_and_tells_where(self, subject: TrackerSubject) -> None:
        made = subject.tracker.add_comment(subject.task, MARK, text("比计划晚 3 个工作日", "<b>&amp; {x} *y* @all"))
        assert subject.comments() == [made.id]
        assert made.version
        assert made.url == "" or made.url.startswith("http")

    def test_edit_comment_replaces_it_in_place(self, subject: TrackerSubject) -> None:
        made = subject.tracker.add_comment(subject.task, MARK, text("一"))
        edited = subject.tracker.edit_comment(subject.task, made, MARK, text("二"))
        assert edited.id == made.id
        assert edited.version != made.version
        assert subject.tracker.find_comment(subject.task, MARK) == edited
        assert subject.comments() == [made.id]

    def test_edit_comment_raises_conflict_when_its_version_is_no_longer_that(self, subject: TrackerSubject) -> None:
        made = subject.tracker.add_comment(subject.task, MARK, text("一"))
        subject.edit_comment(made.id)
        with pytest.raises(Conflict) as caught:
            subject.tracker.edit_comment(subject.task, made, MARK, text("二"))
        assert caught.value.expected == made.version != caught.value.found
        again = subject.tracker.add_comment(subject.task, OTHER_MARK, text("三"))
        subject.tracker.edit_comment(subject.task, again, OTHER_MARK, text("四"))
        with pytest.raises(Conflict):
            subject.tracker.edit_comment(subject.task, again, OTHER_MARK, text("五"))

    def test_edit_comment_raises_not_found_when_it_is_gone(self, subject: TrackerSubject) -> None:
        made = subject.tracker.add_comment(subject.task, MARK, text("一"))
        subject.delete_comment(made.id)
        with pytest.raises(NotFound):
            subject.tracker.edit_comment(subject.task, made, MARK, text("二"))
        assert subject.comments() == []

    def test_remove_comment_removes_it_and_one_already_gone_is_no_error(self, subject: TrackerSubject) -> None:
        made = subject.tracker.add_comment(subject.task, MARK, text("一"))
        subject.tracker.remove_comment(subject.task, made)
        assert subject.comments() == []
        assert subject.tracker.find_comment(subject.task, MARK) is None
        subject.tracker.remove_comment(subject.task, made)

    def test_remove_comment_raises_conflict_when_it_was_edited_since(self, subject: TrackerSubject) -> None:
        made = subject.tracker.add_comment(subject.task, MARK, text("一"))
        subject.edit_comment(made.id)
        with pytest.raises(Conflict):
            subject.tracker.remove_comment(subject.task, made)
        assert subject.comments() == [made.id]

    def test_the_block_of_a_comment_is_known_before_it_is_written(self, subject: TrackerSubject) -> None:
        made = subject.tracker.add_comment(subject.task, MARK, text("比计划晚 3 个工作日", "<b>&amp; {x} *y* @all"))
        assert made.block == subject.tracker.block_of_comment(text("比计划晚 3 个工作日", "<b>&amp; {x} *y* @all"))
        assert made.block != subject.tracker.block_of_comment(text("比计划晚 4 个工作日", "<b>&amp; {x} *y* @all"))
        edited = subject.tracker.edit_comment(subject.task, made, MARK, text("按时"))
        assert edited.block == subject.tracker.block_of_comment(text("按时"))
        assert subject.tracker.find_comment(subject.task, MARK) == edited

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def test_the_block_of_any_comment_is_known_before_it_is_written(
        self, subject: TrackerSubject, data: st.DataObject
    ) -> None:
        body = data.draw(rich_texts(subject.account_ids()))
        subject.rest()
        try:
            made = subject.tracker.add_comment(subject.task, MARK, body)
        except CannotExpress:
            return
        assert made.block == subject.tracker.block_of_comment(body)
        assert made.is_untouched
        assert subject.tracker.find_comment(subject.task, MARK) == made
        again = subject.tracker.edit_comment(subject.task, made, MARK, body)
        assert (again.block, again.is_untouched) == (made.block, True)
        subject.tracker.remove_comment(subject.task, again)

    def test_a_comment_is_untouched_until_somebody_edits_it(self, subject: TrackerSubject) -> None:
        made = subject.tracker.add_comment(subject.task, MARK, text("一"))
        assert made.is_untouched
        made = subject.tracker.edit_comment(subject.task, made, MARK, text("二"))
        assert made.is_untouched
        subject.edit_comment(made.id)
        found = subject.tracker.find_comment(subject.task, MARK)
        if found is not None:  # where the mark is text, whoever replaces all of it takes the mark away
            assert not found.is_untouched
            assert found.block != made.block
            again = subject.tracker.edit_comment(subject.task, found, MARK, text("三"))
            assert again.is_untouched

    def test_a_comment_that_two_installations_wrote_on_shows_both_marks(self, subject: TrackerSubject) -> None:
        assert list(subject.tracker.marks_on(subject.task)) == []
        foreign = "tieline:other:0123456789abcdef"
        subject.comment_by_hand("看一下")
        subject.tracker.add_comment(subject.task, MARK, text("一"))
        made = subject.tracker.add_comment(subject.task, foreign, text("二"))
        assert sorted(subject.tracker.marks_on(subject.task)) == sorted([MARK, foreign])
        subject.tracker.remove_comment(subject.task, made)
        assert list(subject.tracker.marks_on(subject.task)) == [MARK]

    def test_what_the_vendor_cannot_hold_raises_and_leaves_nothing(self, subject: TrackerSubject) -> None:
        with pytest.raises((CannotExpress, Refused)):
            subject.tracker.add_comment(subject.task, MARK, text("长" * 40_000))
        assert subject.comments() == []


class LinkSuite:
    """The promises of a Tracker's links."""

    @pytest.mark.parametrize("side", SIDES)
    def test_add_link_says_it_on_the_task_and_find_link_finds_it(self, subject: TrackerSubject, side: LinkSide) -> None:
        subject.delay_listings()  # looking is strongly consistent
        assert subject.tracker.find_link(subject.task, subject.other, side, MARK) is None
        made = subject.tracker.add_link(subject.task, subject.other, side, MARK)
        assert made.is_ours
        assert subject.links() == 1
        found = subject.tracker.find_link(subject.task, subject.other, side, MARK)
        assert found is not None
        assert (found.id, found.version) == (made.id, made.version)

    @pytest.mark.parametrize("side", SIDES)
    def test_find_link_does_not_take_the_opposite_or_another_end_for_it(
        self, subject: TrackerSubject, side: LinkSide
    ) -> None:
        subject.tracker.add_link(subject.task, subject.other, side, MARK)
        opposite: LinkSide = "blocks" if side == "waits_for" else "waits_for"
        another = replace(
            subject.other, ref=type(subject.other.ref)(f"{subject.other.ref}9"), url=f"{subject.other.url}9"
        )
        assert subject.tracker.find_link(subject.task, subject.other, opposite, OTHER_MARK) is None
        assert subject.tracker.find_link(subject.task, another, side, OTHER_MARK) is None

    @pytest.mark.parametrize("side", SIDES)
    def test_find_link_finds_a_link_of_anybodys(self, subject: TrackerSubject, side: LinkSide) -> None:
        subject.link_by_hand(side)
        found = subject.tracker.find_link(subject.task, subject.other, side, MARK)
        assert found is not None
        assert not found.is_ours

    @pytest.mark.parametrize("side", SIDES)
    def test_remove_link_removes_what_we_made_and_one_already_gone_is_no_error(
        self, subject: TrackerSubject, side: LinkSide
    ) -> None:
        made = subject.tracker.add_link(subject.task, subject.other, side, MARK)
        subject.tracker.remove_link(subject.task, made)
        assert subject.links() == 0
        assert subject.tracker.find_link(subject.task, subject.other, side, MARK) is None
        subject.tracker.remove_link(subject.task, made)

    @pytest.mark.parametrize("side", SIDES)
    def test_remove_link_leaves_a_link_that_somebody_else_made(self, subject: TrackerSubject, side: LinkSide) -> None:
        subject.link_by_hand(side)
        found = subject.tracker.find_link(subject.task, subject.other, side, MARK)
        assert found is not None
        with pytest.raises(Refused):
            subject.tracker.remove_link(subject.task, found)
        assert subject.links() == 1

    def test_on_a_task_that_is_gone_everything_raises_and_removing_does_not(self, subject: TrackerSubject) -> None:
        comment = subject.tracker.add_comment(subject.task, MARK, text("一"))
        link = subject.tracker.add_link(subject.task, subject.other, "waits_for", MARK)
        subject.delete_task()
        writes: tuple[Callable[[], Written], ...] = (
            lambda: subject.tracker.add_comment(subject.task, OTHER_MARK, text("二")),
            lambda: subject.tracker.edit_comment(subject.task, comment, MARK, text("二")),
            lambda: subject.tracker.add_link(subject.task, subject.other, "blocks", OTHER_MARK),
        )
        for write in writes:
            with pytest.raises(NotFound):
                write()
        subject.tracker.remove_comment(subject.task, comment)
        subject.tracker.remove_link(subject.task, link)


class TrackerSuite(CommentSuite, LinkSuite):
    """The promises of ``Tracker``, method by method."""


class MutualLinkSuite:
    """What is promised where one link shows at both ends."""

    @pytest.mark.parametrize("side", SIDES)
    def test_add_link_is_read_back_and_undone_if_it_says_the_reverse(
        self, subject: MutualLinkSubject, side: LinkSide
    ) -> None:
        subject.turn_links_round()
        with pytest.raises(Nonsense):
            subject.tracker.add_link(subject.task, subject.other, side, MARK)
        assert subject.links() == 0

    @pytest.mark.parametrize("side", SIDES)
    def test_a_link_is_found_from_its_other_end(self, subject: MutualLinkSubject, side: LinkSide) -> None:
        made = subject.tracker.add_link(subject.task, subject.other, side, MARK)
        opposite: LinkSide = "blocks" if side == "waits_for" else "waits_for"
        here = LinkEnd(subject.task, "", "", "https://company.example/here")
        found = subject.tracker.find_link(subject.other.ref, here, opposite, OTHER_MARK)
        assert found is not None
        assert found.id == made.id
        assert subject.tracker.find_link(subject.other.ref, here, side, OTHER_MARK) is None


def written(write: Callable[[], Written], find: Callable[[], Written | None]) -> Written:
    """As ``apply`` does it: write; after a lost answer look, and write again only when nothing is there."""
    try:
        return write()
    except LostAnswer:
        return find() or write()


def went_off(subject: RemoteTrackerSubject) -> bool:
    is_spent = subject.wire.is_spent()
    subject.wire.clear()
    return is_spent


class LinkFaults:
    """Links under faults, wherever in the operation they fall: nothing twice, nothing half made and forgotten.

    ``writes`` and ``removals`` match a tool's requests that change something, where it also reads by POST.
    """

    writes, removals = WRITES, r"^DELETE "

    @pytest.mark.parametrize("kind", ["lost_answer", "truncated", "reset", "html", "server_error"])
    @pytest.mark.parametrize("side", SIDES)
    def test_a_link_whose_answer_was_lost_is_found_and_never_doubled(
        self, subject: RemoteTrackerSubject, kind: FaultKind, side: LinkSide
    ) -> None:
        def add() -> Written:
            return subject.tracker.add_link(subject.task, subject.other, side, MARK)

        subject.delay_listings()
        for skip in range(MOST_WRITES):
            subject.wire.plan(kind, self.writes, skip=skip)
            made = written(add, lambda: subject.tracker.find_link(subject.task, subject.other, side, MARK))
            assert subject.links() == 1
            if not went_off(subject):
                break
            subject.tracker.remove_link(subject.task, replace(made, is_ours=True))
            assert subject.links() == 0
        assert skip


class TrackerFaults(LinkFaults):
    """Comments and links under faults."""

    @pytest.mark.parametrize("kind", ["lost_answer", "truncated", "reset", "html", "server_error"])
    def test_a_comment_whose_answer_was_lost_is_found_and_never_doubled(
        self, subject: RemoteTrackerSubject, kind: FaultKind
    ) -> None:
        def add() -> Written:
            return subject.tracker.add_comment(subject.task, MARK, text("一"))

        subject.delay_listings()
        for skip in range(MOST_WRITES):
            subject.wire.plan(kind, self.writes, skip=skip)
            made = written(add, lambda: subject.tracker.find_comment(subject.task, MARK))
            assert subject.comments() == [made.id]
            if not went_off(subject):
                break
            subject.tracker.remove_comment(subject.task, made)
        assert skip

    @pytest.mark.parametrize("kind", ["lost_answer", "truncated"])
    def test_an_edit_whose_answer_was_lost_is_seen_by_its_version(
        self, subject: RemoteTrackerSubject, kind: FaultKind
    ) -> None:
        made = subject.tracker.add_comment(subject.task, MARK, text("一"))
        subject.wire.plan(kind, self.writes)
        with pytest.raises(LostAnswer):
            subject.tracker.edit_comment(subject.task, made, MARK, text("二"))
        found = subject.tracker.find_comment(subject.task, MARK)
        assert found is not None
        assert found.id == made.id
        assert found.version != made.version
        with pytest.raises(Conflict):
            subject.tracker.edit_comment(subject.task, made, MARK, text("二"))

    @pytest.mark.parametrize("kind", ["lost_answer", "truncated", "reset"])
    def test_a_removal_whose_answer_was_lost_can_be_asked_for_again(
        self, subject: RemoteTrackerSubject, kind: FaultKind
    ) -> None:
        comment = subject.tracker.add_comment(subject.task, MARK, text("一"))
        link = subject.tracker.add_link(subject.task, subject.other, "blocks", MARK)
        removals: tuple[Callable[[], None], ...] = (
            lambda: subject.tracker.remove_comment(subject.task, comment),
            lambda: subject.tracker.remove_link(subject.task, link),
        )
        for remove in removals:
            subject.wire.plan(kind, self.removals)
            try:
                remove()
            except LostAnswer:
                remove()
        assert (subject.comments(), subject.links()) == ([], 0)

    def test_too_many_requests_is_waited_out_and_written_once(self, subject: RemoteTrackerSubject) -> None:
        subject.wire.plan("rate_limited", self.writes, times=2, value=1)
        made = subject.tracker.add_comment(subject.task, MARK, text("一"))
        assert subject.comments() == [made.id]
        subject.wire.plan("rate_limited", self.writes, times=2, value=1)
        subject.tracker.add_link(subject.task, subject.other, "blocks", MARK)
        assert subject.links() == 1

    def test_refused_writes_leave_nothing(self, subject: RemoteTrackerSubject) -> None:
        writes: tuple[Callable[[], Written], ...] = (
            lambda: subject.tracker.add_comment(subject.task, MARK, text("一")),
            lambda: subject.tracker.add_link(subject.task, subject.other, "waits_for", MARK),
            lambda: subject.tracker.add_link(subject.task, subject.other, "blocks", MARK),
        )
        for write in writes:
            subject.wire.plan("unauthorized", self.writes, times=2)  # a refused token is renewed once
            with pytest.raises(AccessDenied):
                write()
            subject.wire.clear()
        assert (subject.comments(), subject.links()) == ([], 0)

    @pytest.mark.parametrize("kind", ["server_error", "html", "truncated", "reset", "unauthorized"])
    def test_looking_raises_rather_than_say_none(self, subject: RemoteTrackerSubject, kind: FaultKind) -> None:
        subject.tracker.add_comment(subject.task, MARK, text("一"))
        subject.tracker.add_link(subject.task, subject.other, "blocks", MARK)
        subject.wire.plan(kind, r"^GET ", times=10_000)
        with pytest.raises(TielineError):
            subject.tracker.find_comment(subject.task, MARK)
        with pytest.raises(TielineError):
            subject.tracker.find_link(subject.task, subject.other, "blocks", MARK)

    @pytest.mark.parametrize("kind", ["short_page", "empty_page"])
    def test_a_listing_that_stumbles_does_not_hide_our_comment(
        self, subject: RemoteTrackerSubject, kind: FaultKind
    ) -> None:
        made = subject.tracker.add_comment(subject.task, MARK, text("一"))
        for number in range(9):
            subject.comment_by_hand(f"第 {number} 条")
        for skip in range(2):
            subject.wire.plan(kind, r"^GET ", skip=skip)
            assert subject.tracker.find_comment(subject.task, MARK) == made
            subject.wire.clear()
