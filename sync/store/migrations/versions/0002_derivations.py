"""By which mapping each connection's derived rows were made, so that a changed mapping is noticed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "derivations",
        sa.Column("connection", TEXT, nullable=False),
        sa.Column("mapping_digest", TEXT, nullable=False),
        sa.Column("fields", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("connection", name="pk_derivations"),
    )
