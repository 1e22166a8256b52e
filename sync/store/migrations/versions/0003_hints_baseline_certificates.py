"""Hints from webhooks and their registrations, the adoption baseline, and every run's certificates."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def _column(name: str, is_optional: bool = False) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=is_optional)


def upgrade() -> None:
    op.create_table(
        "hints",
        _column("connection"),
        _column("delivery"),
        _column("received_at"),
        _column("taken_at", is_optional=True),
        _column("value"),
        sa.PrimaryKeyConstraint("connection", "delivery", name="pk_hints"),
    )
    op.create_index("ix_hints_taken_at", "hints", ["taken_at"])
    op.create_table(
        "webhooks",
        _column("connection"),
        _column("id"),
        _column("expires_at", is_optional=True),
        _column("value"),
        sa.PrimaryKeyConstraint("connection", "id", name="pk_webhooks"),
    )
    op.create_table(
        "baseline",
        _column("key"),
        _column("value"),
        _column("at"),
        sa.PrimaryKeyConstraint("key", name="pk_baseline"),
    )
    op.create_table(
        "run_certificates",
        _column("run"),
        _column("connection"),
        _column("stream"),
        _column("scope"),
        _column("value"),
        sa.PrimaryKeyConstraint("run", "connection", "stream", "scope", name="pk_run_certificates"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_run_certificates_run"),
    )
