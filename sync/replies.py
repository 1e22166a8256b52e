"""What people answer in comments in their own tool: read where something of ours stands and there is news, understood by a few words, each
once. All other talk is left alone, and nobody is answered: what was understood shows in our living comment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import structlog
from msgspec.structs import replace

from sync.answered import COMMENT
from sync.answers import KINDS, say_of_dependency
from sync.core.answering import ACKNOWLEDGE, CONFIRM, DENY, PROMISE, REASONS, SOLVE, Speaker, short_name
from sync.core.errors import TielineError, TryLater
from sync.core.escalation import end_of_day
from sync.core.messages import Answer
from sync.core.ports import Cursor
from sync.core.replies import Replies, Reply, Said, plain_line, said_in
from sync.core.values import Account, Ref
from sync.incidents import solve_incident
from sync.parallel import as_completed
from sync.remote import redact
from sync.store.entries import FindingEvent, FindingEventKind
from sync.store.store import Store
from sync.topics import SKEW, Topic, about, is_clear, stood, topics_of

STREAM = "replies"
"""Under which the store keeps how far each task's comments were read: as its record was then, which is the cursor's ``feed``."""
THREADS = 4
A_DAY = timedelta(days=1)
MOST_NAME = 80
INTERNAL = "internal "
"""How the source of what was said in a comment begins that only some of the task's readers see."""

log = structlog.get_logger()


@dataclass(frozen=True)
class CommentEar:
    """Takes what is said in comments. ``ports`` are those that read them, by connection; ``speaker_of`` tells whose an account is."""

    store: Store
    ports: Mapping[str, Callable[[], Replies]]
    speaker_of: Callable[[str, Account], Speaker]

    def hear(self, at: datetime) -> bool:
        """Read what has news, and take what is said there; whether anything was said about a dependency. What cannot be read now is read
        with the next run."""
        topics = topics_of(self.store, self.ports, at) if self.ports else {}
        versions = self.store.raw_versions(list(topics))
        wanted = [ref for ref in sorted(versions) if self._has_news(ref, versions[ref])]
        tired: set[str] = set()

        def read(ref: Ref) -> tuple[Ref, Sequence[Reply] | None]:
            return ref, self._read(ref, min(topic.since for topic in topics[ref]) - SKEW, tired)

        is_said = False
        for ref, replies in as_completed(read, wanted, THREADS):
            if replies is not None:
                is_said |= self._take(ref, replies, topics[ref], versions[ref], at)
        return is_said

    def _has_news(self, ref: Ref, version: str) -> bool:
        cursor = self.store.cursor(ref.connection, STREAM, ref.key)
        return cursor is None or cursor.feed != version

    def _read(self, ref: Ref, since: datetime, tired: set[str]) -> Sequence[Reply] | None:
        """The task's comments; None where they cannot be read now. A connection that asks us to wait is not asked again."""
        if ref.connection in tired:
            return None
        try:
            return self.ports[ref.connection]().replies(ref, since)
        except TielineError as error:
            if isinstance(error, TryLater):
                tired.add(ref.connection)
            log.warning("replies_not_read", task=ref, error=redact(str(error)))
        except Exception:  # one odd answer may not stop a run
            log.exception("replies_broke", task=ref)
        return None

    def _take(self, ref: Ref, replies: Sequence[Reply], topics: Sequence[Topic], version: str, at: datetime) -> bool:
        """Take all that is said on one task, and remember that it was read: both or neither."""
        is_said = False
        with self.store.transaction():
            for number, reply in enumerate(replies):
                if reply.by != "person":
                    continue
                # What is heard at once happened in the order in which it was written; all of it is known to this run.
                heard_at = at - timedelta(microseconds=len(replies) - number)
                is_said |= self._heard(ref, reply, stood(topics, reply, replies[number + 1 :]), heard_at)
            self.store.put_cursor(ref.connection, Cursor(STREAM, ref.key, at, feed=version))
        return is_said

    def _heard(self, ref: Ref, reply: Reply, topics: Sequence[Topic], at: datetime) -> bool:
        """Take one comment, once; whether it said something about a dependency."""
        names = [name for topic in topics for name in topic.names]
        if not topics or not said_in(reply.text, (reply.written_at - A_DAY).date(), names):
            return False  # talk: whose it is need not be known
        speaker = self._speaker(ref, reply.author)
        said = said_in(reply.text, reply.written_at.astimezone(ZoneInfo(speaker.zone)).date(), names)
        if said is None:
            return False
        found = about(said, reply, topics)
        if not (answer := self._new_answer(ref, reply, said, found, at)):
            return False
        source = f"{'' if reply.visibility == 'open' else INTERNAL}{COMMENT}:{ref}:{reply.id}"
        outcome = self._done(ref, found, said, speaker, at, source) if is_clear(said, found) else "unclear:"
        self.store.settle_chat_answer(ref.connection, answer, outcome)
        log.info("reply_heard", task=ref, account=reply.author.id, outcome=outcome.partition(":")[0])
        return outcome.startswith(("rejected", "confirmed"))

    def _new_answer(self, ref: Ref, reply: Reply, said: Said, found: Sequence[Topic], at: datetime) -> Answer | None:
        """What is kept of a comment, never its words; None when it was heard before. What was not clear is not taken later because the
        world has changed, but when its author has made it clear."""
        name = f"comment:{ref.key}:{reply.id}"
        unclear = f"{name}:{short_name(plain_line(reply.text))}"
        if self.store.has_chat_answer(ref.connection, unclear):
            return None
        is_meant = is_clear(said, found)
        about_what = short_name(found[0].key) if found and is_meant else ""
        day = said.day.isoformat() if said.day else ""
        account, action = reply.author.id, f"{said.action}{about_what}"
        answer = Answer(name if is_meant else unclear, account, action, day, at=reply.written_at)
        return answer if self.store.add_chat_answer(ref.connection, answer, at) else None

    def _done(self, ref: Ref, topics: Sequence[Topic], said: Said, speaker: Speaker, at: datetime, source: str) -> str:
        """Do what was said. Of several delays of one task the one that stands longest carries the answers (E19), and nobody needs to be
        asked about the others."""
        outcome = self._do(ref, topics[0], said, speaker, at, source) if topics else ""
        if said.action in (ACKNOWLEDGE, PROMISE):
            for topic in topics[1:]:
                self._do(ref, topic, Said(ACKNOWLEDGE), speaker, at, source)
        return outcome

    def _do(self, ref: Ref, topic: Topic, said: Said, speaker: Speaker, at: datetime, source: str) -> str:
        """Do what was said, and tell it; "" for nothing, as it is over or another was first."""
        if said.action in (DENY, CONFIRM):
            word: Literal["rejected", "confirmed"] = "rejected" if said.action == DENY else "confirmed"
            is_said = say_of_dependency(self.store, topic.dependency, word, speaker.name, at).at == at
            return f"{word}:{topic.dependency}" if is_said else ""
        if said.action == SOLVE:
            return f"solved:{topic.key}" if solve_incident(self.store, ref, "", speaker, at, source) else ""
        kind: FindingEventKind = "promised" if said.action == PROMISE else KINDS.get(said.action, "stated")
        until = end_of_day(said.day, speaker.zone) if said.day else None
        reason = REASONS.get(said.action)
        event = FindingEvent(topic.key, kind, at, source, speaker.person, speaker.name, until, said.day, reason)
        return f"{kind}:{topic.key}" if self.store.take_answer(event) else ""

    def _speaker(self, ref: Ref, author: Account) -> Speaker:
        """Whoever this is: where a comment does not tell an author's e-mail, by what records tell of the same account."""
        if not author.email:
            author = self.store.load_accounts().get(ref.connection, {}).get(author.id, author)
        found = self.speaker_of(ref.connection, author)
        name = found.name or author.name or author.login or author.id
        return replace(found, name=" ".join(name.split())[:MOST_NAME])  # it is shown in other departments' tools
