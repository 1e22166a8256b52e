"""What a reading of everything has asked for so far. A first load that is under way begins again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
NAMES = ("connection", "stream", "scope", "key")


def upgrade() -> None:
    op.create_table(
        "asked_for",
        *(sa.Column(name, TEXT, nullable=False) for name in NAMES),
        sa.PrimaryKeyConstraint(*NAMES, name="pk_asked_for"),
    )
