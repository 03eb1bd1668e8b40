"""The tables spread over the machines of a Citus cluster: what is said to it, in which order.

Each table is declared in a transaction of its own, with its wall taken down and put up again in it, so whoever is
interrupted begins again and leaves what is done as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Table, literal, select, text

from talktime.core.scopes import OPERATOR_ORG
from talktime.storage import schema, walls
from talktime.storage import tables as t
from talktime.storage.database import EVERYBODY, Database, ReadTx, Tx

COLUMN = "org_id"
FIRST = t.accounts
"""All others lie where its rows lie."""
SHARDS = 64
# Without it `SET LOCAL app.orgs` would not reach the machines, and the walls there would hide every row.
SETTINGS = """DO $$ BEGIN EXECUTE format(
'ALTER ROLE CURRENT_USER IN DATABASE %I SET citus.propagate_set_commands = ''local''', current_database()
); END $$"""
WHY: Mapping[str, str] = {
    "organization": "distributed: its rows belong to an organization and lie on the shard of their org_id",
    "reference": "reference: the operator's own, changed rarely and read beside every organization; a copy everywhere",
    "local": "local: counters of the installation, which only the coordinator is asked for",
}
_HAS_CITUS = text("SELECT to_regclass('pg_dist_partition') IS NOT NULL")
_DECLARED = text("SELECT logicalrelid::text FROM pg_dist_partition")


class CannotDistribute(Exception):
    """The message says why, and what to do."""


class Step(NamedTuple):
    name: str
    """The table, or what is set."""
    statements: Sequence[str]


def steps(shards: int = SHARDS) -> list[Step]:
    """All that there is to do on a fresh cluster: the first table makes the shards, the others follow it."""
    spread = [FIRST, *(table for table in t.of_kind("organization") if table is not FIRST)]
    copied = [Step(table.name, [f"SELECT create_reference_table('{table.name}')"]) for table in t.of_kind("reference")]
    return [Step("settings", [SETTINGS]), *copied, *(Step(one.name, _spread(one, shards)) for one in spread)]


def _spread(table: Table, shards: int) -> Sequence[str]:
    beside = f"shard_count => {shards}, colocate_with => 'none'"
    if table is not FIRST:
        beside = f"colocate_with => '{FIRST.name}'"
    declared = f"SELECT create_distributed_table('{table.name}', '{COLUMN}', {beside})"
    return [*walls.taken_down(table.name), declared, *walls.put_up(table.name, walls.MINE_ON_SHARDS)]


def has_citus(database: Database) -> bool:
    return database.dialect == "postgresql" and bool(database.read((), lambda tx: tx.scalar(_HAS_CITUS)))


def missing(database: Database, shards: int = SHARDS) -> list[Step]:
    """What is still to do. The settings are said again each time: that changes nothing."""
    declared = database.read((), _declared)
    return [step for step in steps(shards) if step.name not in declared]


def _declared(tx: ReadTx) -> frozenset[str]:
    return frozenset(tx.scalars(_DECLARED).all())


def distribute(
    database: Database, shards: int = SHARDS, tell: Callable[[int, int], None] = lambda done, total: None
) -> int:
    """How many tables were declared."""
    schema.prepare(database)
    left = [step for step in missing(database, shards) if step.name in t.metadata.tables]
    _must_be_empty(database, [step.name for step in left])
    for done, step in enumerate([Step("settings", [SETTINGS]), *left]):
        database.write(EVERYBODY, _take, step)
        tell(done, len(left))
    return len(left)


def _take(tx: Tx, step: Step) -> None:
    for statement in step.statements:
        tx.execute(text(statement))


def filled(tx: ReadTx, names: Sequence[str]) -> list[str]:
    """Which of these hold rows of organizations. Spans them. The operator's own rows are few, and go along."""
    found = []
    for table in (table for table in t.of_kind("organization") if table.name in names):
        if tx.scalar(select(literal(1)).where(table.c.org_id > OPERATOR_ORG).limit(1)):
            found.append(table.name)
    return found


def _must_be_empty(database: Database, names: Sequence[str]) -> None:
    """A table that came with a newer version is, and is declared beside those that are there."""
    if found := database.read(EVERYBODY, filled, names):
        raise CannotDistribute(
            f"there are rows of organizations in {', '.join(found)}: make a fresh database on the cluster, distribute "
            "that, and move each organization into it with `talktime org export` and `talktime org import`"
        )
