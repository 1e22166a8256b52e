"""The first tables: raw, derived, ledger."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    _make_raw()
    _make_derived()
    _make_ledger()


def _make_raw() -> None:
    op.create_table(
        "raw_records",
        sa.Column("ref", TEXT, nullable=False),
        sa.Column("connection", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("updated_at", TEXT, nullable=False),
        sa.Column("fetched_at", TEXT, nullable=False),
        sa.Column("field_set", TEXT, nullable=False),
        sa.Column("visibility", TEXT, nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("gone_reason", TEXT, nullable=True),
        sa.Column("gone_at", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("ref", name="pk_raw_records"),
    )
    op.create_index("ix_raw_records_connection_kind_scope", "raw_records", ["connection", "kind", "scope"])
    op.create_table(
        "certificates",
        sa.Column("connection", TEXT, nullable=False),
        sa.Column("stream", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("complete_at", TEXT, nullable=True),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("connection", "stream", "scope", name="pk_certificates"),
    )
    op.create_table(
        "cursors",
        sa.Column("connection", TEXT, nullable=False),
        sa.Column("stream", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("connection", "stream", "scope", name="pk_cursors"),
    )


def _make_derived() -> None:
    op.create_table(
        "tasks",
        sa.Column("ref", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("ref", name="pk_tasks"),
    )
    op.create_table(
        "documents",
        sa.Column("ref", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("ref", name="pk_documents"),
    )
    op.create_table(
        "evidence",
        sa.Column("record", TEXT, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("record", "position", name="pk_evidence"),
    )
    op.create_table(
        "aliases",
        sa.Column("record", TEXT, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("record", "position", name="pk_aliases"),
    )
    op.create_table(
        "accounts",
        sa.Column("record", TEXT, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("record", "position", name="pk_accounts"),
    )
    op.create_table(
        "record_problems",
        sa.Column("record", TEXT, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("is_skipped", sa.Integer(), nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("record", "position", name="pk_record_problems"),
    )
    op.create_table(
        "dependencies",
        sa.Column("predecessor", TEXT, nullable=False),
        sa.Column("successor", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("predecessor", "successor", "type", name="pk_dependencies"),
    )
    op.create_table(
        "relations",
        sa.Column("source", TEXT, nullable=False),
        sa.Column("target", TEXT, nullable=False),
        sa.Column("word", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("source", "target", "word", name="pk_relations"),
    )
    op.create_table(
        "external_references",
        sa.Column("record", TEXT, nullable=False),
        sa.Column("side", TEXT, nullable=False),
        sa.Column("relation", TEXT, nullable=False),
        sa.Column("text_digest", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("record", "side", "relation", "text_digest", name="pk_external_references"),
    )


def _make_ledger() -> None:
    op.create_table(
        "connections",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("fingerprint", TEXT, nullable=False),
        sa.Column("pinned_at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_connections"),
    )
    op.create_table(
        "runs",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("started_at", TEXT, nullable=False),
        sa.Column("ended_at", TEXT, nullable=True),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("counts", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_started_at", "runs", ["started_at"])
    op.create_table(
        "intents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("operation", TEXT, nullable=False),
        sa.Column("target", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("mark", TEXT, nullable=False),
        sa.Column("created_at", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("error", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_intents"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_intents_run"),
    )
    op.create_index("ix_intents_key", "intents", ["key"])
    op.create_index("ix_intents_run", "intents", ["run"])
    op.create_index("ix_intents_state", "intents", ["state"])
    op.create_table(
        "published",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("job", TEXT, nullable=False),
        sa.Column("target", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_published"),
    )
    op.create_index("ix_published_job", "published", ["job"])
    op.create_table(
        "changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run", TEXT, nullable=False),
        sa.Column("intent", sa.Integer(), nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("operation", TEXT, nullable=False),
        sa.Column("target", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.Column("before", TEXT, nullable=True),
        sa.Column("after", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_changes"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_changes_run"),
        sa.ForeignKeyConstraint(["intent"], ["intents.id"], name="fk_changes_intent"),
    )
    op.create_index("ix_changes_key", "changes", ["key"])
    op.create_index("ix_changes_run", "changes", ["run"])
    op.create_table(
        "findings",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("job", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("severity", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("opened_at", TEXT, nullable=False),
        sa.Column("acknowledged_at", TEXT, nullable=True),
        sa.Column("acknowledged_by", TEXT, nullable=True),
        sa.Column("resolved_at", TEXT, nullable=True),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_findings"),
    )
    op.create_index("ix_findings_job", "findings", ["job"])
    op.create_index("ix_findings_state", "findings", ["state"])
    op.create_table(
        "answers",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("answer", TEXT, nullable=False),
        sa.Column("by", TEXT, nullable=False),
        sa.Column("at", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_answers"),
    )
    op.create_table(
        "leases",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("holder", TEXT, nullable=False),
        sa.Column("until", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
