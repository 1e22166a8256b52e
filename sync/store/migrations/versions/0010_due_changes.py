"""How due dates were moved, read out of the tools' own histories."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "due_changes",
        sa.Column("record", TEXT, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("record", "position", name="pk_due_changes"),
    )
