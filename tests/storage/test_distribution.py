"""What `talktime database distribute` says to a Citus cluster, played to a stand-in. A real one: `tests/citus`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import UniqueConstraint

from talktime.core.calls import Granted
from talktime.storage import distribution, org_store, schema
from talktime.storage import tables as t
from talktime.storage.database import EVERYBODY, PostgresDatabase
from talktime.storage.shards import hash_of, shard_map, shards_of
from tests.cli.inside import inside
from tests.storage.shop import Shop, postgres_shop
from tests.support.citus import stand_in
from tests.support.postgres import Cluster

# Where each table lies, by name: whoever makes a new one decides it here as well.
REFERENCE = {"licence_catalogue", "number_rows", "price_lists", "price_versions", "sign_ins"}
LOCAL = {"attempts", "control"}


@pytest.fixture
def coordinator(postgres: Cluster) -> Iterator[str]:
    url = stand_in(postgres)
    yield url
    postgres.drop_database(url)


def test_every_table_has_its_place_and_the_reason() -> None:
    kinds = {kind: {table.name for table in t.of_kind(kind)} for kind in distribution.WHY}
    assert set().union(*kinds.values()) == set(t.metadata.tables)
    assert (kinds["reference"], kinds["local"]) == (REFERENCE, LOCAL)
    said = "\n".join(statement for step in distribution.steps() for statement in step.statements)
    assert set(re.findall(r"create_distributed_table\('(\w+)'", said)) == kinds["organization"]
    assert set(re.findall(r"create_reference_table\('(\w+)'", said)) == kinds["reference"]


@pytest.mark.parametrize("table", t.of_kind("organization"), ids=lambda table: str(table.name))
def test_whatever_is_unique_in_a_distributed_table_is_so_for_an_organization(table: object) -> None:
    found = t.metadata.tables[str(table)]
    unique = [one for one in found.constraints if isinstance(one, UniqueConstraint)]
    keys = [found.primary_key.columns, *(one.columns for one in unique)]
    keys += [index.columns for index in found.indexes if index.unique]
    assert [key for key in keys if key[0].name != distribution.COLUMN] == []


def test_a_foreign_key_would_stay_with_its_organization() -> None:
    """There are none by now; verify proves the relations."""
    keys = [key for table in t.metadata.sorted_tables for key in table.foreign_key_constraints]
    assert [key for key in keys if distribution.COLUMN not in key.column_keys] == []


def test_the_accounts_come_first_and_the_rest_lies_beside_them() -> None:
    said = [" ".join(step.statements) for step in distribution.steps(32) if "create_distributed" in str(step)]
    assert "'accounts', 'org_id', shard_count => 32, colocate_with => 'none'" in said[0]
    assert all("colocate_with => 'accounts'" in one for one in said[1:])


def test_a_cluster_is_told_once_and_a_second_time_changes_nothing(coordinator: str) -> None:
    first = inside("database", "distribute", "--database", coordinator, "--json")
    assert json.loads(first.stdout) == {"declared": len(t.metadata.tables) - len(LOCAL)}, first.stderr
    assert "declared already" in inside("database", "distribute", "--database", coordinator).stdout
    left = inside("database", "distribute", "--database", coordinator, "--plan").stdout
    assert re.findall("^-- (.*)", left, re.MULTILINE) == ["settings"]


def test_whoever_is_interrupted_goes_on_where_it_was(coordinator: str) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    database = PostgresDatabase(coordinator)
    with pytest.raises(KeyboardInterrupt):
        distribution.distribute(database, tell=interrupt)
    assert walls_of(coordinator) == {True}
    assert distribution.distribute(database) == len(t.metadata.tables) - len(LOCAL) - 10
    assert distribution.missing(database)[1:] == []
    database.close()
    assert walls_of(coordinator) == {True}


def walls_of(url: str) -> set[bool]:
    """Whether the tables of organizations are behind walls, with a policy each."""
    names = [table.name for table in t.of_kind("organization")]
    walled = """SELECT relrowsecurity AND relforcerowsecurity
AND EXISTS (SELECT 1 FROM pg_policy WHERE polrelid = pg_class.oid) FROM pg_class WHERE oid = ANY(%s::regclass[])"""
    with psycopg.connect(url) as connection:
        return {one for (one,) in connection.execute(walled, [names])}


def test_the_walls_of_a_cluster_keep_organizations_apart(coordinator: str) -> None:
    database = PostgresDatabase(coordinator)
    distribution.distribute(database)
    with closing(database), closing(postgres_shop(coordinator, shard_of=shards_of(database))) as shop:
        shop.open(1, 2)
        seen = {scope: set(database.read(scope, org_store.countries)) for scope in ((), (1,), (1, 2), EVERYBODY)}
        assert seen == {(): set(), (1,): {1}, (1, 2): {1, 2}, EVERYBODY: {1, 2}}
        phone = shop.phone(1)
        assert isinstance(phone.authorize("c1"), Granted)
        assert shop.problems() == []


def test_where_an_organization_lies_is_what_postgresql_says(postgres: Cluster) -> None:
    numbers = [0, 1, 2, 77, -1, 5 << 40, (5 << 40) + 1, (1 << 62) - 1, -(1 << 63), (1 << 63) - 1, *range(100, 1000)]
    with psycopg.connect(postgres.superuser_url()) as connection:
        rows = connection.execute("SELECT n, hashint8(n) FROM unnest(%s::bigint[]) AS n", [numbers]).fetchall()
    assert [(number, hash_of(number)) for number, _ in rows] == rows


def test_a_batch_on_a_cluster_carries_organizations_of_one_shard(coordinator: str) -> None:
    database = PostgresDatabase(coordinator)
    assert shards_of(database) is None
    distribution.distribute(database, 8)
    shard_of = shards_of(database)
    assert shard_of
    assert {shard_of(org_id) for org_id in range(1, 400)} == set(range(8))
    database.close()


def test_on_one_machine_there_are_no_shards(shop: Shop) -> None:
    assert shards_of(shop.database) is None
    assert shard_map(()) is None


def test_plain_postgresql_is_told_so_and_left_alone(postgres: Cluster) -> None:
    url = postgres.fresh_database()
    refused = inside("database", "distribute", "--database", url)
    assert refused.returncode == 3
    assert "this is plain PostgreSQL" in refused.stderr
    assert "create_distributed_table('calls'" in inside("database", "distribute", "--database", url, "--plan").stdout
    database = PostgresDatabase(url)
    assert schema.version(database) is None
    database.close()
    postgres.drop_database(url)


def test_the_embedded_database_is_told_so(tmp_path: object) -> None:
    refused = inside("database", "distribute", "--data", f"{tmp_path}/data")
    assert refused.returncode == 3
    assert "this is the embedded database" in refused.stderr
    told = json.loads(inside("database", "distribute", "--plan", "--json").stdout)
    assert told[0]["name"] == "settings"


def test_a_database_with_organizations_in_it_is_not_spread(coordinator: str) -> None:
    with closing(postgres_shop(coordinator)) as shop:
        schema.prepare(shop.database)
        shop.open(1)
        refused = inside("database", "distribute", "--database", coordinator)
        assert refused.returncode == 3
        assert "accounts" in refused.stderr and "talktime org import" in refused.stderr
        assert len(distribution.missing(shop.database)) == len(distribution.steps())


def test_a_table_that_an_upgrade_brought_is_declared_beside_organizations(coordinator: str) -> None:
    with closing(PostgresDatabase(coordinator)) as database:
        distribution.distribute(database)
        with closing(postgres_shop(coordinator, shard_of=shards_of(database))) as shop:
            shop.open(1, 2)
        forget(coordinator, "webhooks", "number_rows")
        told = inside("database", "distribute", "--database", coordinator, "--json")
        assert json.loads(told.stdout) == {"declared": 2}, told.stderr
        assert [step.name for step in distribution.missing(database)] == ["settings"]
    assert walls_of(coordinator) == {True}


def test_a_table_that_was_written_into_before_is_named(coordinator: str) -> None:
    with closing(PostgresDatabase(coordinator)) as database:
        distribution.distribute(database)
        with closing(postgres_shop(coordinator, shard_of=shards_of(database))) as shop:
            shop.open(1)
        forget(coordinator, "webhooks", "accounts")
        refused = inside("database", "distribute", "--database", coordinator)
        assert (refused.returncode, "organizations in accounts:" in refused.stderr) == (3, True)
        assert {step.name for step in distribution.missing(database)} == {"settings", "webhooks", "accounts"}


def forget(url: str, *tables: str) -> None:
    """As it is after an upgrade that made them."""
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM pg_dist_partition WHERE logicalrelid = ANY(%s::regclass[])", [list(tables)])


def test_a_balancer_is_told_which_organizations_share_a_shard(coordinator: str) -> None:
    asked = ("database", "shards", "--database", coordinator)
    before = inside(*asked)
    assert (before.returncode, "nothing is spread" in before.stderr) == (3, True)
    with closing(PostgresDatabase(coordinator)) as database:
        distribution.distribute(database, 8)
        shard_of = shards_of(database)
        assert shard_of
        with closing(postgres_shop(coordinator, shard_of=shard_of)) as shop:
            shop.open(1, 31, 5 << 40)
        comment, *lines = inside(*asked).stdout.splitlines()
        assert comment.startswith("# ")
        assert lines == [f"{number:x} {shard_of(number)}" for number in (1, 31, 5 << 40)]
        told = json.loads(inside(*asked, "--json").stdout)
        assert told[1] == {"organization": "org_1f", "shard": shard_of(31)}


def test_the_embedded_database_has_no_shards(tmp_path: object) -> None:
    assert inside("database", "shards", "--data", f"{tmp_path}/data").returncode == 3
