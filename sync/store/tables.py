"""The tables, in three classes: raw (what vendors said, kept), derived (can be dropped and rebuilt), ledger (never rebuilt).

A row's value travels as JSON text in ``value`` beside the columns that are queried; JSON is TEXT and not JSONB because JSONB
refuses ``\\u0000``, which vendors' texts may hold. Instants are UTC text of fixed width, so that both databases order and
return them alike.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.dialects import postgresql

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# By bytes, as SQLite orders text: a PostgreSQL created with a language's collation orders refs otherwise.
TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def _key(name: str) -> Column[str]:
    return Column(name, TEXT, primary_key=True)


def _text(name: str) -> Column[str]:
    return Column(name, TEXT, nullable=False)


def _optional(name: str) -> Column[str | None]:
    return Column(name, TEXT, nullable=True)


RAW_RECORDS = Table(
    "raw_records",
    METADATA,
    _key("ref"),
    _text("connection"),
    _text("kind"),
    _text("scope"),
    _text("version"),
    _text("updated_at"),
    _text("fetched_at"),
    _text("field_set"),
    _text("visibility"),
    Column("payload", LargeBinary, nullable=False),
    _text("digest"),
    _optional("gone_reason"),
    _optional("gone_at"),
    Index(None, "connection", "kind", "scope"),
)
CERTIFICATES = Table(
    "certificates",
    METADATA,
    _key("connection"),
    _key("stream"),
    _key("scope"),
    _optional("complete_at"),
    _text("value"),
)
CURSORS = Table("cursors", METADATA, _key("connection"), _key("stream"), _key("scope"), _text("value"))
# Which items the reading of everything that is under way in a scope has asked for; no rows where none is.
ASKED_FOR = Table("asked_for", METADATA, _key("connection"), _key("stream"), _key("scope"), _key("key"))

TASKS = Table("tasks", METADATA, _key("ref"), _text("value"))
DOCUMENTS = Table("documents", METADATA, _key("ref"), _text("value"))
EVIDENCE = Table("evidence", METADATA, _key("record"), Column("position", Integer, primary_key=True), _text("value"))
ALIASES = Table("aliases", METADATA, _key("record"), Column("position", Integer, primary_key=True), _text("value"))
ACCOUNTS = Table("accounts", METADATA, _key("record"), Column("position", Integer, primary_key=True), _text("value"))
STATUS_CHANGES = Table(
    "status_changes", METADATA, _key("record"), Column("position", Integer, primary_key=True), _text("value")
)
DUE_CHANGES = Table(
    "due_changes", METADATA, _key("record"), Column("position", Integer, primary_key=True), _text("value")
)
RECORD_PROBLEMS = Table(
    "record_problems",
    METADATA,
    _key("record"),
    Column("position", Integer, primary_key=True),
    _text("kind"),
    Column("is_skipped", Integer, nullable=False),
    _text("value"),
)
DEPENDENCIES = Table("dependencies", METADATA, _key("predecessor"), _key("successor"), _key("type"), _text("value"))
RELATIONS = Table("relations", METADATA, _key("source"), _key("target"), _key("word"), _text("value"))
# Its text may be a URL of any length, and PostgreSQL indexes at most 2,704 bytes: the key ends in a digest of the text.
EXTERNAL_REFERENCES = Table(
    "external_references", METADATA, _key("record"), _key("side"), _key("relation"), _key("text_digest"), _text("value")
)

# By which mapping a connection's derived rows were made, and which vendor fields its raw records were fetched with.
DERIVATIONS = Table("derivations", METADATA, _key("connection"), _text("mapping_digest"), _text("fields"))

CONNECTIONS = Table("connections", METADATA, _key("name"), _text("fingerprint"), _text("pinned_at"))
RUNS = Table(
    "runs",
    METADATA,
    _key("id"),
    _text("kind"),
    _text("started_at"),
    _optional("ended_at"),
    _text("outcome"),
    _text("counts"),
    Index(None, "started_at"),
)
INTENTS = Table(
    "intents",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("run", TEXT, ForeignKey("runs.id"), nullable=False),
    _text("key"),
    _text("operation"),
    _text("target"),
    _text("kind"),
    _text("digest"),
    _text("mark"),
    _text("created_at"),
    _text("state"),
    _text("error"),
    _text("value"),
    Index(None, "state"),
    Index(None, "run"),
    Index(None, "key"),
)
PUBLISHED = Table(
    "published",
    METADATA,
    _key("key"),
    _text("job"),
    _text("target"),
    _text("state"),
    _text("digest"),
    _text("value"),
    Index(None, "job"),
)
CHANGES = Table(
    "changes",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("run", TEXT, ForeignKey("runs.id"), nullable=False),
    Column("intent", Integer, ForeignKey("intents.id"), nullable=False),
    _text("key"),
    _text("operation"),
    _text("target"),
    _text("reason"),
    _text("at"),
    _optional("before"),
    _optional("after"),
    Index(None, "run"),
    Index(None, "key"),
)
FINDINGS = Table(
    "findings",
    METADATA,
    _key("key"),
    _text("job"),
    _text("kind"),
    _text("severity"),
    _text("state"),
    _text("opened_at"),
    _optional("acknowledged_at"),
    _optional("acknowledged_by"),
    _optional("resolved_at"),
    _text("value"),
    Index(None, "state"),
    Index(None, "job"),
)
# What happened to each finding over all its episodes: only ever added to.
FINDING_EVENTS = Table(
    "finding_events",
    METADATA,
    _key("finding"),
    _key("kind"),
    _key("by"),
    _key("source"),
    _text("at"),
    _text("value"),
    Index(None, "at"),
)
ANSWERS = Table("answers", METADATA, _key("key"), _text("answer"), _text("by"), _text("at"))
# What vendors' webhooks told us: deduplicated by delivery, taken by the next targeted read. Losing one loses nothing.
HINTS = Table(
    "hints",
    METADATA,
    _key("connection"),
    _key("delivery"),
    _text("received_at"),
    _optional("taken_at"),
    _text("value"),
    Index(None, "taken_at"),
)
# The departments and people that chats' directories tell, as last read.
ORGANISATIONS = Table("organisations", METADATA, _key("connection"), _text("read_at"), _text("error"), _text("value"))
# What people answered in chats and in comments, each once.
CHAT_ANSWERS = Table(
    "chat_answers",
    METADATA,
    _key("connection"),
    _key("answer"),
    _text("received_at"),
    _text("outcome"),
    _text("value"),
    Index(None, "received_at"),
)
# What people wrote into comments of ours that a write of ours may have taken away: open until that is known, then overwritten or put_back.
COMMENT_EDITS = Table(
    "comment_edits",
    METADATA,
    _key("connection"),
    _key("delivery"),
    _text("state"),
    _text("received_at"),
    _text("value"),
    Index(None, "state"),
)
WEBHOOKS = Table("webhooks", METADATA, _key("connection"), _key("id"), _optional("expires_at"), _text("value"))
# What may not speak: how the pairs of the first day stood ("day", "pair:…"), and places that were retracted ("stop:…").
BASELINE = Table("baseline", METADATA, _key("key"), _text("value"), _text("at"))
RUN_CERTIFICATES = Table(
    "run_certificates",
    METADATA,
    Column("run", TEXT, ForeignKey("runs.id"), primary_key=True),
    _key("connection"),
    _key("stream"),
    _key("scope"),
    _text("value"),
)
LEASES = Table("leases", METADATA, _key("name"), _text("holder"), _text("until"))

RAW = (RAW_RECORDS, CERTIFICATES, CURSORS, ASKED_FOR, ORGANISATIONS)
BY_RECORD = (TASKS, DOCUMENTS, EVIDENCE, ALIASES, ACCOUNTS, STATUS_CHANGES, DUE_CHANGES, RECORD_PROBLEMS)
LINKS = (DEPENDENCIES, RELATIONS, EXTERNAL_REFERENCES)
DERIVED = (*BY_RECORD, *LINKS, DERIVATIONS)
LEDGER = (
    CONNECTIONS, RUNS, INTENTS, PUBLISHED, CHANGES, FINDINGS, FINDING_EVENTS, ANSWERS, LEASES, HINTS, CHAT_ANSWERS, COMMENT_EDITS,
    WEBHOOKS, BASELINE, RUN_CERTIFICATES,
)  # fmt: skip
