"""The departments and people that chats' directories tell, as last read."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "organisations",
        *(sa.Column(name, TEXT, nullable=False) for name in ("connection", "read_at", "error", "value")),
        sa.PrimaryKeyConstraint("connection", name="pk_organisations"),
    )
