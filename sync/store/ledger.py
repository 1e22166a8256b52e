"""What only we know: which site a name means, what we meant to write and wrote, whose turn it is. Never rebuilt; back it up."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, Select, delete, func, insert, select, text, update

from sync.core.certificate import Certificate
from sync.core.errors import ConfigError, Problem
from sync.core.plan import Change, Published
from sync.core.values import Ref
from sync.store.bulk import merge
from sync.store.codec import clean, decoder, instant_from_text, json_from_value, optional_instant, text_from_instant
from sync.store.entries import Answer, AuditEntry, Intent, Run
from sync.store.tables import ANSWERS, CHANGES, CONNECTIONS, INTENTS, LEASES, PUBLISHED, RUN_CERTIFICATES, RUNS

OPEN_INTENTS = ("pending", "unsure")
_change_from_text = decoder(Change)
_published_from_text = decoder(Published)
_counts_from_text = decoder(dict[str, int])
_certificate_from_text = decoder(Certificate)


def pin_connection(connection: Connection, name: str, fingerprint: str, at: datetime | None = None) -> None:
    """Pin a connection's name to its site for ever. Raises ConfigError when the name is already pinned to another site."""
    pinned = connection.execute(select(CONNECTIONS.c.fingerprint).where(CONNECTIONS.c.name == name)).scalar()
    if pinned is None:
        merge(connection, CONNECTIONS, [(name, clean(fingerprint), _now(at))], compare=("fingerprint",))
    elif pinned != clean(fingerprint):
        problem = Problem(
            file=f"mappings/{name}.yaml",
            line=0,
            path="base_url",
            text=f"'{name}' is the site {pinned}, and this is {clean(fingerprint)}",
            hint="give the other site a new connection name; what is stored belongs to the first one",
        )
        raise ConfigError([problem])


def begin_run(connection: Connection, kind: str, at: datetime | None = None) -> str:
    """A new run's id, which sorts by time."""
    started_at = at or datetime.now(UTC)
    run = f"{started_at.astimezone(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    row = {"id": run, "kind": clean(kind), "started_at": text_from_instant(started_at), "outcome": "", "counts": "{}"}
    connection.execute(insert(RUNS).values(row))
    return run


def end_run(
    connection: Connection, run: str, outcome: str, counts: Mapping[str, int], at: datetime | None = None
) -> None:
    """Close a run with its outcome and what it counted."""
    values = {"outcome": clean(outcome), "counts": json_from_value(dict(counts)), "ended_at": _now(at)}
    connection.execute(update(RUNS).where(RUNS.c.id == run).values(values))


def runs(connection: Connection, limit: int = 50) -> list[Run]:
    """The latest runs, newest first."""
    query = select(RUNS).order_by(RUNS.c.started_at.desc(), RUNS.c.id.desc()).limit(limit)
    return [
        Run(
            id=row["id"],
            kind=row["kind"],
            started_at=instant_from_text(row["started_at"]),
            ended_at=optional_instant(row["ended_at"]),
            outcome=row["outcome"],
            counts=_counts_from_text(row["counts"]),
        )
        for row in connection.execute(query).mappings()
    ]


def add_intent(connection: Connection, run: str, change: Change, at: datetime | None = None) -> int:
    """Remember that this write is about to be tried; the intent's id."""
    row = {
        "run": run,
        "key": clean(change.key),
        "operation": change.operation,
        "target": clean(change.target),
        "kind": change.kind,
        "digest": change.digest,
        "mark": change.mark,
        "created_at": _now(at),
        "state": "pending",
        "error": "",
        "value": json_from_value(change),
    }
    return int(connection.execute(insert(INTENTS).values(row).returning(INTENTS.c.id)).scalar_one())


def confirm_intent(
    connection: Connection, intent: int, change: Change, after: Published | None, at: datetime | None = None
) -> None:
    """The write happened: the intent is confirmed, ``after`` is what is now published under its key (None: nothing), the audit has
    the entry, and older open intents for the key are settled, because this write looked first; all or nothing."""
    run = connection.execute(select(INTENTS.c.run).where(INTENTS.c.id == intent)).scalar_one()
    before = connection.execute(select(PUBLISHED.c.value).where(PUBLISHED.c.key == clean(change.key))).scalar()
    connection.execute(update(INTENTS).where(INTENTS.c.id == intent).values(state="confirmed", error=""))
    if after is None:
        remove_published(connection, change.key)
    else:
        put_published(connection, after)
    _settle_older(connection, intent, clean(change.key))
    row = {
        "run": run,
        "intent": intent,
        "key": clean(change.key),
        "operation": change.operation,
        "target": clean(change.target),
        "reason": clean(change.reason),
        "at": _now(at),
        "before": before,
        "after": None if after is None else json_from_value(after),
    }
    connection.execute(insert(CHANGES).values(row))


def fail_intent(connection: Connection, intent: int, state: Literal["failed", "unsure"], error: str) -> None:
    """The write was refused (``failed``), or nobody can tell whether it happened (``unsure``: it stays open until a look settles it)."""
    connection.execute(update(INTENTS).where(INTENTS.c.id == intent).values(state=state, error=clean(error)))


def pending_intents(connection: Connection) -> list[Intent]:
    """The intents whose fate is open, oldest first: pending when we died before the answer, or unsure."""
    query = select(INTENTS).where(INTENTS.c.state.in_(OPEN_INTENTS)).order_by(INTENTS.c.id)
    return [
        Intent(
            id=row["id"],
            run=row["run"],
            change=_change_from_text(row["value"]),
            state=row["state"],
            created_at=instant_from_text(row["created_at"]),
            error=row["error"],
        )
        for row in connection.execute(query).mappings()
    ]


def published(connection: Connection, job: str | None = None) -> dict[str, Published]:
    """What stands out there of ours, by key; of one job or of all."""
    query = select(PUBLISHED.c.value).order_by(PUBLISHED.c.key)
    if job is not None:
        query = query.where(PUBLISHED.c.job == job)
    entries = map(_published_from_text, connection.execute(query).scalars())
    return {entry.key: entry for entry in entries}


def put_published(connection: Connection, entry: Published) -> None:
    """Remember what stands under a key. An open intent that meant to write just this is confirmed by it."""
    key = clean(entry.key)
    merge(
        connection,
        PUBLISHED,
        [(key, clean(entry.job), clean(entry.target), entry.state, entry.digest, json_from_value(entry))],
    )
    where = (INTENTS.c.key == key, INTENTS.c.digest == entry.digest, INTENTS.c.state.in_(OPEN_INTENTS))
    connection.execute(update(INTENTS).where(*where).values(state="confirmed", error=""))


def remove_published(connection: Connection, key: str) -> None:
    """Forget a key: nothing of ours stands under it any more."""
    connection.execute(delete(PUBLISHED).where(PUBLISHED.c.key == clean(key)))


def changes_of_run(connection: Connection, run: str) -> list[AuditEntry]:
    """Every write of a run, in order."""
    return _audit(connection, _AUDIT.where(CHANGES.c.run == run))


def changes_of_key(connection: Connection, key: str) -> list[AuditEntry]:
    """Every write ever made under a key, in order."""
    return _audit(connection, _AUDIT.where(CHANGES.c.key == clean(key)))


def written_targets(connection: Connection, since: datetime) -> set[Ref]:
    """The targets of every write made since an instant of ours."""
    query = select(CHANGES.c.target).where(CHANGES.c.at >= text_from_instant(since)).distinct()
    return {Ref(target) for target in connection.execute(query).scalars()}


def put_run_certificates(connection: Connection, run: str, certificates: Iterable[Certificate]) -> None:
    """Keep what a run proved, part by part and as a whole."""
    rows = [(run, item.connection, item.stream, clean(item.scope), json_from_value(item)) for item in certificates]
    merge(connection, RUN_CERTIFICATES, rows)


def run_certificates(connection: Connection, run: str) -> list[Certificate]:
    """What a run proved."""
    table = RUN_CERTIFICATES.c
    query = select(table.value).where(table.run == run).order_by(table.connection, table.stream, table.scope)
    return [_certificate_from_text(text) for text in connection.execute(query).scalars()]


def put_answer(connection: Connection, answer: Answer) -> None:
    """Keep what a person said; their later word replaces the earlier."""
    row = (clean(answer.key), answer.answer, clean(answer.by), text_from_instant(answer.at))
    merge(connection, ANSWERS, [row], compare=("answer", "by", "at"))


def answers(connection: Connection) -> dict[str, Answer]:
    """What people said, by key."""
    rows = connection.execute(select(ANSWERS).order_by(ANSWERS.c.key)).mappings()
    return {row["key"]: Answer(row["key"], row["answer"], row["by"], instant_from_text(row["at"])) for row in rows}


def acquire_lease(connection: Connection, name: str, holder: str, ttl: timedelta, at: datetime | None = None) -> bool:
    """Take the lease if it is free, expired, or already the holder's. One statement: of two who try, one gets it."""
    now = at or _clock(connection)
    statement = text(
        "INSERT INTO leases (name, holder, until) VALUES (:name, :holder, :until) ON CONFLICT (name) DO UPDATE "
        "SET holder = excluded.holder, until = excluded.until WHERE leases.holder = excluded.holder OR leases.until <= :now"
    )
    row = {"name": name, "holder": holder, "until": text_from_instant(now + ttl), "now": text_from_instant(now)}
    return connection.execute(statement, row).rowcount == 1


def renew_lease(connection: Connection, name: str, holder: str, ttl: timedelta, at: datetime | None = None) -> bool:
    """Hold the lease longer; False when it expired or is another's, and then the holder must stop."""
    now = at or _clock(connection)
    table = LEASES.c
    where = (table.name == name, table.holder == holder, table.until > text_from_instant(now))
    return connection.execute(update(LEASES).where(*where).values(until=text_from_instant(now + ttl))).rowcount == 1


def release_lease(connection: Connection, name: str, holder: str) -> None:
    """Give the lease back; one that is another's by now is left alone."""
    connection.execute(delete(LEASES).where(LEASES.c.name == name, LEASES.c.holder == holder))


def lease_holder(connection: Connection, name: str) -> str:
    """Who holds the lease, expired or not; empty for nobody."""
    return connection.execute(select(LEASES.c.holder).where(LEASES.c.name == name)).scalar() or ""


_AUDIT = (
    select(CHANGES.c.run, CHANGES.c.intent, CHANGES.c.at, CHANGES.c.before, CHANGES.c.after, INTENTS.c.value)
    .join(INTENTS, INTENTS.c.id == CHANGES.c.intent)
    .order_by(CHANGES.c.id)
)


def _audit(connection: Connection, query: Select[Any]) -> list[AuditEntry]:
    return [_entry_from_row(row) for row in connection.execute(query).mappings()]


def _entry_from_row(row: RowMapping) -> AuditEntry:
    return AuditEntry(
        run=row["run"],
        intent=row["intent"],
        change=_change_from_text(row["value"]),
        at=instant_from_text(row["at"]),
        before=_published_from_text(row["before"]) if row["before"] else None,
        after=_published_from_text(row["after"]) if row["after"] else None,
    )


def _settle_older(connection: Connection, intent: int, key: str) -> None:
    where = (INTENTS.c.key == key, INTENTS.c.id < intent, INTENTS.c.state.in_(OPEN_INTENTS))
    connection.execute(update(INTENTS).where(*where).values(state="failed", error="replaced by a later write"))


def _clock(connection: Connection) -> datetime:
    """The database's clock where workers on several machines share it; a SQLite file lives on one machine."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now


def _now(at: datetime | None) -> str:
    return text_from_instant(at or datetime.now(UTC))
