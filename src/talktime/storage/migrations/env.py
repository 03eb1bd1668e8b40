"""Alembic is started by `talktime.storage.schema` and is handed the connection, which is in a transaction."""

from alembic import context

from talktime.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
