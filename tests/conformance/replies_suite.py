"""What every reader of people's comments promises, tried on whatever ``subject`` a test file gives."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sandbox.faults import FaultKind
from sync.core.errors import NotFound, TielineError
from sync.core.replies import Replies, Reply
from tests.conformance.subjects import MARK, RemoteRepliesSubject, RepliesSubject, text

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def told(subject: RepliesSubject, since: datetime = LONG_AGO) -> list[Reply]:
    return list(subject.replies.replies(subject.task, since))


class RepliesSuite:
    """The promises of ``Replies``."""

    def test_it_reads_what_people_and_we_wrote_oldest_first(self, subject: RepliesSubject) -> None:
        assert isinstance(subject.replies, Replies)
        subject.delay_listings()  # it is strongly consistent
        assert told(subject) == []
        subject.comment_by_hand("我来处理\n明天看")
        ours = subject.tracker.add_comment(subject.task, MARK, text("晚了"))
        subject.comment_by_hand("不是依赖")
        first, second, third = told(subject)
        assert [first.by, second.by, third.by] == ["person", "us", "person"]
        assert second.id == ours.id
        assert (first.text.strip(), third.text.strip()) == ("我来处理\n明天看", "不是依赖")
        assert first.author == third.author
        assert first.author.id not in ("", second.author.id)
        assert first.author.name
        assert first.written_at < second.written_at < third.written_at
        assert first.written_at.tzinfo is not None

    def test_only_what_was_written_since_is_told(self, subject: RepliesSubject) -> None:
        for words in ("一", "二", "三"):
            subject.comment_by_hand(words)
            subject.wait()
        since = told(subject)[1].written_at
        assert [reply.text.strip() for reply in told(subject, since)] == ["二", "三"]

    def test_each_is_told_once_also_of_many(self, subject: RepliesSubject) -> None:
        for number in range(105):
            subject.comment_by_hand(f"第 {number} 条")
        assert [reply.text.strip() for reply in told(subject)] == [f"第 {number} 条" for number in range(105)]

    def test_an_edited_one_is_told_as_it_stands_and_one_that_is_gone_is_not(self, subject: RepliesSubject) -> None:
        subject.comment_by_hand("我来处理")
        [before] = told(subject)
        subject.edit_comment(before.id)
        [after] = told(subject)
        assert (after.id, after.written_at) == (before.id, before.written_at)
        assert after.text.startswith("手工改写")
        subject.delete_comment(before.id)
        assert told(subject) == []

    def test_what_is_quoted_is_not_said(self, subject: RepliesSubject) -> None:
        subject.quote_by_hand("不是依赖", "这句是什么意思？")
        [reply] = told(subject)
        assert (reply.text.strip(), reply.by) == ("这句是什么意思？", "person")

    def test_what_our_account_says_is_ours_without_a_mark_too(self, subject: RepliesSubject) -> None:
        subject.comment_as_us("我来处理")
        assert [reply.by for reply in told(subject)] == ["us"]

    def test_a_task_that_is_gone_raises(self, subject: RepliesSubject) -> None:
        subject.delete_task()
        with pytest.raises(NotFound):
            told(subject)


class RepliesFaults:
    """Reading comments under faults: all or an error, never half."""

    @pytest.mark.parametrize("kind", ["server_error", "html", "truncated", "reset", "unauthorized"])
    def test_reading_raises_rather_than_leave_out(self, subject: RemoteRepliesSubject, kind: FaultKind) -> None:
        subject.comment_by_hand("我来处理")
        subject.wire.plan(kind, r"^GET ", times=10_000)
        with pytest.raises(TielineError):
            told(subject)

    @pytest.mark.parametrize("kind", ["short_page", "empty_page"])
    def test_a_listing_that_stumbles_hides_nothing(self, subject: RemoteRepliesSubject, kind: FaultKind) -> None:
        for number in range(9):
            subject.comment_by_hand(f"第 {number} 条")
        for skip in range(2):
            subject.wire.plan(kind, r"^GET ", skip=skip)
            assert len(told(subject)) == 9
            subject.wire.clear()
