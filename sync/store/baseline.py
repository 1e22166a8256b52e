"""What may not speak: the pairs of the first day, and the places that were retracted until somebody resumes them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, delete, select

from sync.core.baseline import BaselinePair
from sync.store.bulk import merge
from sync.store.codec import clean, decoder, json_from_value, optional_instant, text_from_instant
from sync.store.tables import BASELINE

DAY, PAIR, STOP = "day", "pair:", "stop:"


class Stop(Struct, frozen=True):
    """Nothing is written for this connection and job, since when; an empty word stands for all of them."""

    connection: str
    job: str
    run: str
    at: datetime

    @property
    def key(self) -> str:
        return f"{STOP}{self.connection}:{self.job}"


_pair_from_text = decoder(BaselinePair)
_stop_from_text = decoder(Stop)


def baseline(connection: Connection) -> tuple[datetime | None, list[BaselinePair]]:
    """When the first day was (None: not yet), and its pairs that may not speak, as remembered now, by key."""
    day = connection.execute(select(BASELINE.c.at).where(BASELINE.c.key == DAY)).scalar()
    query = select(BASELINE.c.value).where(BASELINE.c.key.startswith(PAIR, autoescape=True)).order_by(BASELINE.c.key)
    return optional_instant(day), [_pair_from_text(text) for text in connection.execute(query).scalars()]


def put_baseline(connection: Connection, pairs: Iterable[BaselinePair], at: datetime) -> None:
    """Remember how these pairs stand; the first call is the first day."""
    day, _ = baseline(connection)
    rows = [(PAIR + clean(pair.key), json_from_value(pair), text_from_instant(at)) for pair in pairs]
    if day is None:
        rows.append((DAY, json_from_value(len(rows)), text_from_instant(at)))
    merge(connection, BASELINE, rows)


def let_speak(connection: Connection, keys: Iterable[str] | None = None) -> int:
    """Forget these pairs, or all, so that they speak as if they were new; how many were silent."""
    query = delete(BASELINE)
    if keys is None:
        return connection.execute(query.where(BASELINE.c.key.startswith(PAIR, autoescape=True))).rowcount
    return sum(connection.execute(query.where(BASELINE.c.key == PAIR + clean(key))).rowcount for key in keys)


def forget_baseline(connection: Connection) -> None:
    """As if the first day had never been: the next one will be a first day again."""
    let_speak(connection)
    connection.execute(delete(BASELINE).where(BASELINE.c.key == DAY))


def stops(connection: Connection) -> list[Stop]:
    """What was retracted and not resumed."""
    query = select(BASELINE.c.value).where(BASELINE.c.key.startswith(STOP, autoescape=True)).order_by(BASELINE.c.key)
    return [_stop_from_text(text) for text in connection.execute(query).scalars()]


def put_stop(connection: Connection, stop: Stop) -> None:
    """Nothing more is written there until it is resumed."""
    merge(connection, BASELINE, [(clean(stop.key), json_from_value(stop), text_from_instant(stop.at))])


def forget_stops(connection: Connection) -> int:
    """Writing goes on everywhere; how many stops there were."""
    return connection.execute(delete(BASELINE).where(BASELINE.c.key.startswith(STOP, autoescape=True))).rowcount
