"""The schema: made at the first start, brought up to date at every other, never downgraded."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, text

from talktime.storage.database import Database, ReadTx
from talktime.storage.errors import SchemaTooNew

NEWEST = "0004"
"""The schema that this program works with; the history is in `migrations/versions`."""

_MIGRATIONS = Path(__file__).parent / "migrations"


def prepare(database: Database) -> None:
    """Make or migrate what is missing. Refuses a database that a newer program has made."""
    there = version(database)
    if there == NEWEST:
        return
    if there is not None and there > NEWEST:
        raise SchemaTooNew(
            f"the database has schema {there}, this program knows {NEWEST}: use the newer Talktime that made it"
        )
    try:
        migrate(database)
    except Exception:
        # Several processes that start at once do the same: the first one wins, and what the others did is undone.
        if version(database) != NEWEST:
            raise


def version(database: Database) -> str | None:
    """None for an empty database."""
    return database.read((), _version)


def _version(tx: ReadTx) -> str | None:
    if not inspect(tx).has_table("alembic_version"):
        return None
    return str(tx.scalar(text("SELECT version_num FROM alembic_version")))


def migrate(database: Database, to: str = "head") -> None:
    """All of it in one transaction, so that a crash in the middle leaves the old schema."""
    # Only a first start and an upgrade need Alembic; importing it costs every other start a tenth of a second.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))

    def upgrade(tx: ReadTx) -> None:
        config.attributes["connection"] = tx
        command.upgrade(config, to)

    database.write((), upgrade)
