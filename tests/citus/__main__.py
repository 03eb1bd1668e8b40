"""The API over HTTP, every function of the stores and the engine's batches on a Citus cluster: `python -m tests.citus`.

TALKTIME_TEST_CITUS is the URL of an empty database on the coordinator, with the extension and its workers; its tables
are dropped at the end. Without it the same is played on a stand-in, plain PostgreSQL that spreads nothing, and it is
said that this was no cluster.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing

import psycopg
from psycopg import sql

from talktime.charging.due import portions
from talktime.core.calls import Ended, Granted
from talktime.storage import distribution
from talktime.storage import tables as t
from talktime.storage.database import PostgresDatabase
from talktime.storage.shards import shards_of
from tests.storage.company import found_company
from tests.storage.journey import travel
from tests.storage.shop import Shop, postgres_shop
from tests.storage.test_one_shard import ORGS, commands
from tests.support.citus import NOT_RUN, real_cluster, stand_in
from tests.support.postgres import new_cluster
from tests.support.server import serving, talktime
from tests.test_contract import CHECK

SECONDS_MAX = 600
FIRST_ORG = 100
"""The company before has taken the lower numbers."""


def main() -> None:
    if url := real_cluster():
        told = [cleared(url, part) for part in PARTS]
        print(f"on a Citus cluster: {'; '.join(told)}")
        return
    with new_cluster(fsync=False) as cluster:
        told = [part(stand_in(cluster)) for part in PARTS]
    print(f"{NOT_RUN}; on a stand-in: {'; '.join(told)}")


def cleared(url: str, part: Callable[[str], str]) -> str:
    try:
        return part(url)
    finally:
        clear(url)


def served(url: str) -> str:
    """The contract check against a server that uses this database and does the work that falls due."""
    _must_succeed(talktime("database", "distribute", "--database", url))
    with serving(url) as server:
        options = ("--base-url", server.url, "--operator-key", server.operator_key)
        checked = subprocess.run(
            [sys.executable, CHECK, *options], capture_output=True, text=True, timeout=SECONDS_MAX, check=False
        )
        _must_succeed(checked)
        _must_succeed(talktime("verify", *server.database))
    return f"over HTTP {checked.stdout.splitlines()[-1]}"


def _must_succeed(ended: subprocess.CompletedProcess[str]) -> None:
    if ended.returncode:
        sys.exit(ended.stdout + ended.stderr)


def played(url: str) -> str:
    """What was done, if all of it was right."""
    with closing(PostgresDatabase(url)) as database:
        declared = distribution.distribute(database)
        shard_of = shards_of(database)
    assert shard_of
    with closing(postgres_shop(url, shard_of=shard_of)) as shop:
        found_company(shop.database, shop.store)
        batches = batches_of(shop)
        troubles = [*travel(shop.database), *shop.problems()]
    if troubles:
        sys.exit("\n".join(troubles))
    return (
        f"{declared} tables declared, {batches} batches of one shard each, every function of the stores, books verified"
    )


def batches_of(shop: Shop) -> int:
    """Calls of many organizations, in batches as the batcher and the worker form them."""
    shop.open(*range(FIRST_ORG, FIRST_ORG + ORGS))
    batches = list(portions(commands(shop.engine, FIRST_ORG), shop.store.shard_of))
    answers = [answer for batch in batches for answer in shop.engine.run(batch)]
    assert Counter(map(type, answers)) == {Granted: 2 * ORGS, Ended: ORGS}
    return len(batches)


PARTS = (served, played)
"""Each begins with an empty database."""


def clear(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for name in [*t.metadata.tables, "alembic_version"]:
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(name)))


if __name__ == "__main__":
    main()
