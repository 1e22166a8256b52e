"""What people wrote into comments of ours that a write of ours may have taken away."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    names = ("connection", "delivery", "state", "received_at", "value")
    op.create_table(
        "comment_edits",
        *(sa.Column(name, TEXT, nullable=False) for name in names),
        sa.PrimaryKeyConstraint("connection", "delivery", name="pk_comment_edits"),
    )
    op.create_index("ix_comment_edits_state", "comment_edits", ["state"])
