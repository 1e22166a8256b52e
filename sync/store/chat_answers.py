"""What people answered in chats and in comments, each once, and what became of it: a ledger of who took what on."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, RowMapping, select, update

from sync.core.messages import Answer
from sync.store.bulk import merge
from sync.store.codec import clean, decoder, instant_from_text, json_from_value, text_from_instant
from sync.store.tables import CHAT_ANSWERS


class HeardAnswer(Struct, frozen=True):
    """An answer as it was heard. ``outcome`` names what it did: ``acknowledged:<finding>``, or "" where it did nothing."""

    connection: str
    answer: Answer
    received_at: datetime
    outcome: str = ""


_answer_from_text = decoder(Answer)


def add_chat_answer(connection: Connection, name: str, answer: Answer, at: datetime) -> bool:
    """Keep an answer; False when it was delivered before."""
    if has_chat_answer(connection, name, answer.id):
        return False
    merge(connection, CHAT_ANSWERS, [(name, clean(answer.id), text_from_instant(at), "", json_from_value(answer))])
    return True


def has_chat_answer(connection: Connection, name: str, answer: str) -> bool:
    """Whether an answer of this id was kept."""
    table = CHAT_ANSWERS.c
    where = (table.connection == name, table.answer == clean(answer))
    return connection.execute(select(table.outcome).where(*where)).first() is not None


def settle_chat_answer(connection: Connection, name: str, answer: Answer, outcome: str) -> None:
    """What became of an answer."""
    table = CHAT_ANSWERS.c
    where = (table.connection == name, table.answer == clean(answer.id))
    connection.execute(update(CHAT_ANSWERS).where(*where).values(outcome=clean(outcome)))


def chat_answers(connection: Connection, limit: int = 100) -> list[HeardAnswer]:
    """The latest answers, newest first."""
    query = select(CHAT_ANSWERS).order_by(CHAT_ANSWERS.c.received_at.desc(), CHAT_ANSWERS.c.answer).limit(limit)
    return [_heard_from_row(row) for row in connection.execute(query).mappings()]


def answers_of_account(connection: Connection, name: str, account_id: str, since: datetime) -> list[HeardAnswer]:
    """What one account of this connection answered since an instant, newest first."""
    table = CHAT_ANSWERS.c
    where = (table.connection == name, table.received_at >= text_from_instant(since))
    query = select(CHAT_ANSWERS).where(*where).order_by(table.received_at.desc(), table.answer)
    heard = (_heard_from_row(row) for row in connection.execute(query).mappings())
    return [item for item in heard if item.answer.account_id == account_id]


def _heard_from_row(row: RowMapping) -> HeardAnswer:
    answer = _answer_from_text(row["value"])
    return HeardAnswer(row["connection"], answer, instant_from_text(row["received_at"]), row["outcome"])
