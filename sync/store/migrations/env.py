"""What Alembic runs: the steps, on the connection that ``sync.store.schema.upgrade`` hands over, in its transaction."""

from alembic import context

from sync.store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
