"""What people answered in chats, each once."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    names = ("connection", "answer", "received_at", "outcome", "value")
    op.create_table(
        "chat_answers",
        *(sa.Column(name, TEXT, nullable=False) for name in names),
        sa.PrimaryKeyConstraint("connection", "answer", name="pk_chat_answers"),
    )
    op.create_index("ix_chat_answers_received_at", "chat_answers", ["received_at"])
