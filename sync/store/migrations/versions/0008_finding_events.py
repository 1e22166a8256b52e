"""What happened to each finding over all its episodes; of those known already what the ledger knows of their last one."""

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
NAMES = ("finding", "kind", "by", "source", "at", "value")


def upgrade() -> None:
    table = op.create_table(
        "finding_events",
        *(sa.Column(name, TEXT, nullable=False) for name in NAMES),
        sa.PrimaryKeyConstraint("finding", "kind", "by", "source", name="pk_finding_events"),
    )
    op.create_index("ix_finding_events_at", "finding_events", ["at"])
    found = sa.text("SELECT key, opened_at, acknowledged_at, acknowledged_by, resolved_at FROM findings")
    rows = [row for item in op.get_bind().execute(found).all() for row in _events(*item)]
    if rows:
        op.bulk_insert(table, rows)


def _events(key: str, opened: str, taken: str | None, name: str | None, resolved: str | None) -> list[dict[str, str]]:
    happened = (("opened", opened, ""), ("acknowledged", taken, name or ""), ("solved", resolved, ""))
    return [_row(key, kind, at, name) for kind, at, name in happened if at]


def _row(key: str, kind: str, at: str, name: str) -> dict[str, str]:
    value = {"name": name} if name else {}
    return dict(zip(NAMES, (key, kind, "", at, at, json.dumps(value)), strict=True))
