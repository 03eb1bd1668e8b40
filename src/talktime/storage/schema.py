"""The schema: made at the first start, brought up to date at every other, never downgraded.

A migration may say with which programs the database works after it (`oldest_program`); a program that finds a newer
schema serves it when it is not older than that. What changes big tables beside running servers stands in the
migration's `in_portions`, and is done before its `upgrade`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from sqlalchemy import inspect, text

from talktime.storage import control_store
from talktime.storage.database import Database, ReadTx, Tx
from talktime.storage.errors import Busy, SchemaTooNew
from talktime.storage.portions import AtWork, Portions, Progress, at_work_alone, clear_marks, silent, wait_briefly

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script

NEWEST = "0005"
"""The schema that this program works with; the history is in `migrations/versions`."""
OLDEST = "oldest_program"
"""The oldest program, by its newest schema, that works with the database as it is."""
EXPAND, CONTRACT = "expand", "contract"
PAUSE_SECONDS, PATIENCE_SECONDS = 0.5, 600.0

_MIGRATIONS = Path(__file__).parent / "migrations"


class Step(Struct, frozen=True):
    """A migration that is still to be done."""

    revision: str
    kind: str
    oldest_program: str
    in_portions: bool


def prepare(database: Database, progress: Progress = silent) -> None:
    """Make or migrate what is missing. Refuses a database that this program cannot serve."""
    until = time.monotonic() + PATIENCE_SECONDS
    while (there := version(database)) != NEWEST:
        if there is not None and there > NEWEST:
            _must_tolerate(there, oldest_program(database))
            return
        try:
            migrate(database, progress=progress)
        except AtWork:
            # However long that takes: it lives.
            until = time.monotonic() + PATIENCE_SECONDS
            time.sleep(PAUSE_SECONDS)
        except Busy:
            # Somebody does the same, or uses a table that we must have for a moment.
            if time.monotonic() > until:
                raise
            time.sleep(PAUSE_SECONDS)
        except Exception:
            # Several processes that start at once do the same: the first one wins, and what the others did is undone.
            if version(database) != NEWEST:
                raise
    clear_marks(database, NEWEST)


def _must_tolerate(there: str, oldest: str) -> None:
    if oldest > NEWEST:
        raise SchemaTooNew(
            f"the database has schema {there}, this program knows {NEWEST}: use the newer Talktime that made it"
        )


def version(database: Database) -> str | None:
    """None for an empty database."""
    return database.read((), _version)


def _version(tx: ReadTx) -> str | None:
    if not inspect(tx).has_table("alembic_version"):
        return None
    return str(tx.scalar(text("SELECT version_num FROM alembic_version")))


def oldest_program(database: Database) -> str:
    """Without a word about it nobody else than who made the schema."""
    return database.read((), _oldest_program)


def _oldest_program(tx: ReadTx) -> str:
    found = control_store.found(tx, OLDEST) if inspect(tx).has_table("control") else None
    return _version(tx) or NEWEST if found is None else f"{found:04}"


def steps(database: Database, to: str = "head") -> list[Step]:
    """What would be done, in its order."""
    return [_step(script) for script in _pending(_config(), version(database), to)]


def _step(script: Script) -> Step:
    """Who does not say so is taken for one that no older program can live with."""
    module = script.module
    oldest = getattr(module, "oldest_program", script.revision)
    return Step(script.revision, getattr(module, "kind", CONTRACT), oldest, hasattr(module, "in_portions"))


def _pending(config: Config, there: str | None, to: str) -> Iterator[Script]:
    from alembic.script import ScriptDirectory

    found = ScriptDirectory.from_config(config).iterate_revisions(to, there or "base")
    return reversed(list(found))


def _config() -> Config:
    # Only a first start and an upgrade need Alembic; importing it costs every other start a tenth of a second.
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def migrate(database: Database, to: str = "head", progress: Progress = silent) -> None:
    """All of it in one transaction, so that a crash in the middle leaves the old schema; but before a step in portions
    the schema is the one before it, and such a step goes on where it was."""
    config = _config()
    if _slow(database, config, to):
        with at_work_alone(database) as check:
            # Asked again: another process may have been at it until now.
            for script in _slow(database, config, to):
                _upgrade(database, config, str(script.down_revision))
                script.module.in_portions(Portions(database, script.revision, progress, check))
                check()
                _upgrade(database, config, script.revision)
    _upgrade(database, config, to)


def _slow(database: Database, config: Config, to: str) -> list[Script]:
    return [script for script in _pending(config, version(database), to) if _step(script).in_portions]


def _upgrade(database: Database, config: Config, to: str) -> None:
    from alembic import command

    def upgrade(tx: Tx) -> None:
        wait_briefly(tx)
        there = _version(tx)
        config.attributes["connection"] = tx
        command.upgrade(config, to)
        for script in _pending(config, there, to):
            _note(tx, _step(script))

    database.write((), upgrade)


def _note(tx: Tx, step: Step) -> None:
    """Where nothing stands, the schema is for its own program alone."""
    before = control_store.found(tx, OLDEST)
    if before is not None or step.oldest_program < step.revision:
        control_store.put(tx, OLDEST, max(before or 0, int(step.oldest_program)))
