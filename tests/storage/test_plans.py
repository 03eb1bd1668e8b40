"""How the databases find rows: what calls wait for is a probe for each key, whenever it was planned; what people ask
for uses an index, however many rows there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import ClientCursor, Connection
from sqlalchemy import text

from talktime.charging.due import PORTION
from talktime.core.time import DAY, SECOND
from talktime.reports import calls, entries
from talktime.storage import call_store, expiry_store, org_store, retention_store, sqlite_store
from talktime.storage.database import EVERYBODY, ReadTx, Tx
from talktime.storage.postgres_statements import PLANS, Statements
from talktime.storage.verify_books import streamed
from talktime.storage.verify_calls import calls_with_charges
from talktime.storage.wire import INT8_ARRAY, TEXT_ARRAY, Statement
from tests.core.switch import NOW
from tests.storage.conftest import DIALECTS, Maker
from tests.storage.journey import functions, travel
from tests.storage.rules import is_query, tables_of
from tests.storage.shop import Shop
from tests.support.statements import Recorded, recorded_alone

Plan = Mapping[str, Any]
Step = Callable[..., Any]

SLOW = {"Seq Scan", "Hash Join", "Hash", "Merge Join", "Bitmap Heap Scan", "Bitmap Index Scan", "Materialize"}


def nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


# ---------------------------------------------------------------- the engine's

HOT = {name: one for name, one in vars(Statements(everywhere=False)).items() if tables_of(one.text)}
# What a row of each table must be found by; the lots of an organization are few.
KEYS = {
    "accounts": ["org_id"],
    "alerts": ["org_id"],
    "calls": ["org_id", "call_id"],
    "lots": ["org_id"],
    "organizations": ["org_id"],
    "pool_months": ["org_id", "pool_id", "month"],
    "pools": ["org_id", "pool_id"],
    "recharges": ["org_id"],
    "service_numbers": ["org_id", "number"],
    "tallies": ["org_id", "user_id"],
    "usage": ["org_id", "call_id"],
    "user_names": ["org_id", "name"],
    "users": ["org_id", "user_id"],
}
# And in these statements otherwise: of what a user has running the calls in progress are looked through, and no others.
KEYS_OF = {
    "closed_lots": ["org_id", "lot_id"],
    "move_lots": ["org_id", "lot_id"],
    "running": ["org_id"],
}
KINDS = {INT8_ARRAY: "bigint[]", TEXT_ARRAY: "text[]"}


@contextmanager
def prepared(url: str, statement: Statement, options: str) -> Iterator[tuple[Connection, bytes]]:
    """As it is kept by a connection of the engine: planned before anything is known of the keys."""
    kinds = ", ".join(KINDS[kind] for kind in statement.types)
    nothing = ", ".join(["'{}'"] * len(statement.types))
    options = f"{options} -c plan_cache_mode=force_generic_plan"
    with psycopg.connect(url, options=options, autocommit=True) as connection:
        connection.execute(f"PREPARE kept ({kinds}) AS {statement.text}".encode())
        yield connection, f"EXPLAIN (FORMAT JSON) EXECUTE kept ({nothing})".encode()


def planned(connection: Connection, explain: bytes) -> Plan:
    with connection.transaction():
        connection.execute("SET LOCAL app.orgs = '1,2'")
        row: Any = connection.execute(explain).fetchone()
    plan: Plan = row[0][0]["Plan"]
    return plan


def generic_plan(url: str, statement: Statement, options: str) -> Plan:
    with prepared(url, statement, options) as (connection, explain):
        return planned(connection, explain)


def no_probe(name: str, plan: Plan) -> list[str]:
    """What is not a probe of an index for each key."""
    wrong = []
    for node in nodes(plan):
        table = node.get("Relation Name")
        if node["Node Type"] in SLOW:
            wrong.append(f"{node['Node Type']} of {table}")
        if node["Node Type"] in ("Index Scan", "Index Only Scan"):
            keys = KEYS_OF.get(name, KEYS[str(table)])
            wrong += [f"{table}: not by {key}" for key in keys if key not in node.get("Index Cond", "")]
    return wrong + [
        f"{name}: through {index}" for index in indexes(plan) if name == "running" and index != "calls_open"
    ]


def indexes(plan: Plan) -> list[str]:
    return [node["Index Name"] for node in nodes(plan) if "Index Name" in node]


@pytest.fixture(scope="module")
def unvacuumed(maker: Maker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with maker.shop_on("postgresql", tmp_path_factory.mktemp("new")) as shop:
        yield shop.database.url


@pytest.fixture(scope="module")
def empty(maker: Maker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Vacuumed while there was nothing in it: PostgreSQL then knows that it is empty, and plans for that."""
    with maker.shop_on("postgresql", tmp_path_factory.mktemp("empty")) as shop:
        with psycopg.connect(shop.database.url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        yield shop.database.url


@pytest.mark.parametrize("name", HOT)
def test_a_plan_made_at_a_first_start_probes_an_index_for_each_key(unvacuumed: str, name: str) -> None:
    assert no_probe(name, generic_plan(unvacuumed, HOT[name], PLANS)) == []


@pytest.mark.parametrize("name", HOT)
def test_a_plan_made_when_the_tables_are_full_does_too(full_postgres: Shop, name: str) -> None:
    assert no_probe(name, generic_plan(full_postgres.database.url, HOT[name], PLANS)) == []


@pytest.mark.parametrize("name", HOT)
def test_a_plan_made_of_tables_that_are_known_to_be_empty_scans_no_table(empty: str, name: str) -> None:
    plan = generic_plan(empty, HOT[name], PLANS)
    assert [node["Node Type"] for node in nodes(plan) if node["Node Type"] in SLOW] == []


def test_without_the_engines_settings_it_would_scan(empty: str) -> None:
    """The test above can fail."""
    plans = [generic_plan(empty, statement, "") for statement in HOT.values()]
    assert any(node["Node Type"] in SLOW for plan in plans for node in nodes(plan))


def test_a_plan_of_tables_known_to_be_empty_is_made_anew_when_they_are_analysed(maker: Maker, tmp_path: Path) -> None:
    """It may walk through a whole index, which was the cheapest then; it must not live on."""
    with maker.shop_on("postgresql", tmp_path) as shop, psycopg.connect(shop.database.url, autocommit=True) as other:
        other.execute("VACUUM ANALYZE")
        with prepared(shop.database.url, HOT["calls"], PLANS) as (connection, explain):
            early = planned(connection, explain)
            shop.database.write(EVERYBODY, fill_some_calls)
            other.execute("ANALYZE")
            late = planned(connection, explain)
    assert no_probe("calls", early) != []
    assert no_probe("calls", late) == []


SQLITE = {
    name: text
    for name, text in vars(sqlite_store).items()
    if name.isupper()
    and not name.startswith("_")
    and str(text).startswith(("SELECT", "UPDATE", "DELETE"))
    and tables_of(text)
}


LOOK = r"(SEARCH|SCAN) (\w+) (?:USING .*?(\w+_open)?(?: \((.*)\))?)?(?: LEFT-JOIN)?$"
# What is found by the organization alone: one row, or the few that an index of what is open has.
SMALL = {
    "ACCOUNTS": ["", ""],
    "ALERTS": [""],
    "LOOK_SOON": [""],
    "LOTS": ["lots_open"],
    "MOVE_ACCOUNT": [""],
    "RUNNING": ["calls_open"],
}


@pytest.mark.parametrize("name", SQLITE)
def test_sqlite_probes_an_index_for_each_key_too(full_sqlite: Shop, name: str) -> None:
    values = ["[]"] if set(re.findall(r"\?\d", SQLITE[name])) == {"?1"} else [1] * SQLITE[name].count("?")
    plan = plan_on_sqlite(full_sqlite, SQLITE[name], values[: len(set(re.findall(r"\?\d", SQLITE[name])))])
    found = re.findall(LOOK, plan, re.MULTILINE)
    ours = [(how, index, key) for how, table, index, key in found if table not in ("json_each", "CONSTANT")]
    assert ours
    wanted = "org_id=?" if name in SMALL else "org_id=? AND"
    assert [one for one in ours if one[0] == "SCAN" or wanted not in one[2]] == []
    assert name not in SMALL or [index for _, index, _ in ours] == SMALL[name]


# ---------------------------------------------------------------- people's

ORGS, ROWS = 20, 100_000
BUSY = 3
"""The organization that has half of all."""
FEW = 5
"""One of the others."""
OPEN = 400
"""Calls in progress, half of them of that organization; all others are over."""
OTHERS = 5_000
"""Organizations that have no calls."""
BIG = ("calls", "entries", "usage", "lots", "audit", "users", "pools", "pool_months", "tallies", "service_numbers")

# n counts the rows; every second is of one organization.
ORG = f"CASE WHEN n % 2 = 1 THEN {BUSY} ELSE 1 + n / 2 % {ORGS} END"
SERIES = {
    "postgresql": f"(SELECT n, {ORG} AS org FROM generate_series(0::bigint, {ROWS - 1}) AS n)",
    "sqlite": f"""(WITH RECURSIVE s (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < {ROWS - 1})
SELECT n, {ORG} AS org FROM s)""",
}
WORD = {"postgresql": "lpad(n::text, 8, '0')", "sqlite": "printf('%08d', n)"}
STORY = '[1,"c","settled",1]'
FILL = (
    f"""INSERT INTO calls (org_id, call_id, version, state, held_micros, charge_micros, opened_at, due_at, switch,
story) SELECT org, {{word}}, 1, 'settled', 0, 0, {NOW} - ({ROWS} - n) * {SECOND},
CASE WHEN n / 2 % {ROWS // OPEN} = 0 THEN {NOW} + n END, 'org:edge', '{STORY}' FROM {{series}} AS s""",
    f"""INSERT INTO organizations (org_id, name, country, currency, time_zone, language, mode, billing_account, policy,
slice_seconds, max_call_seconds, grace_seconds, limits, state, created_at) SELECT 1000 + n, 'x', 'GB', 'USD', 'UTC',
'en', 'live', 'prepaid', 'x', 300, 3600, 120, '{{{{}}}}', 'open', {NOW} FROM {{series}} AS s WHERE n < {OTHERS}""",
    f"INSERT INTO accounts (org_id) SELECT 1000 + n FROM {{series}} AS s WHERE n < {OTHERS}",
    f"INSERT INTO user_names (org_id, name, user_id) SELECT org, {{word}}, 'x' FROM {{series}} AS s WHERE n < {OTHERS}",
    f"""INSERT INTO entries (org_id, entry_id, entry_no, entry_key, kind, at, amount_micros, balance_after, postings,
by, note) SELECT org, {{word}}, 1000 + n, {{word}}, 'charge', {NOW}, -1, 1, '[]', 'key_1', '' FROM {{series}} AS s""",
    f"""INSERT INTO lots (org_id, lot_id, kind, amount_micros, posted_micros, purchased_at, expires_at, priority, state)
SELECT org, {{word}}, 'promotional', 1, 0, {NOW}, {NOW} + n, 100, 'spent' FROM {{series}} AS s WHERE n < {ROWS // 5}""",
    f"""INSERT INTO users (org_id, user_id, name, sign_in_name, usage_location, kind, language, licences, created_at)
SELECT org, {{word}}, 'x', {{word}}, 'GB', 'person', 'en', '[]', {NOW} FROM {{series}} AS s WHERE n < {ROWS // 5}""",
    f"""INSERT INTO service_numbers (org_id, number, number_id, type, serves, created_at)
SELECT org, {{word}}, {{word}}, 'toll_free', 'x', {NOW} FROM {{series}} AS s WHERE n < {ROWS // 5}""",
    f"""INSERT INTO pools (org_id, pool_id, capability, month)
SELECT org, {{word}}, 'x', '2031-03' FROM {{series}} AS s WHERE n < {ROWS // 5}""",
    f"""INSERT INTO pool_months (org_id, pool_id, month)
SELECT org, {{word}}, '2031-03' FROM {{series}} AS s WHERE n < {ROWS // 5}""",
    f"""INSERT INTO tallies (org_id, user_id, version, story)
SELECT org, {{word}}, 1, '[]' FROM {{series}} AS s WHERE n < {ROWS // 5}""",
    f"""INSERT INTO usage (org_id, usage_id, call_id, part, call_type, user_location, caller, number, number_type,
context, destination, conference_id, started_at, seconds, minutes, fee_micros, charge_micros, charge_decimals, currency,
capability, payer, entry_key) SELECT org, {{word}}, {{word}}, 0, 'x', '', '', '', '', '', '', '', {NOW}, 60, 1, 0, 0, 4,
'USD', 'x', 'pool', '' FROM {{series}} AS s""",
    f"""INSERT INTO audit (org_id, audit_id, audit_no, at, actor, action, object)
SELECT org, {{word}}, 1000 + n, {NOW}, 'key_1', 'x', 'y' FROM {{series}} AS s WHERE n < {ROWS // 5}""",
)


SOME = "(SELECT n, 1 AS org FROM generate_series(0, 2999::bigint) AS n)"


def fill(tx: Tx) -> None:
    for statement in FILL:
        _insert(tx, statement, SERIES[tx.dialect.name])


def fill_some_calls(tx: Tx) -> None:
    _insert(tx, FILL[0], SOME)


def _insert(tx: Tx, statement: str, series: str) -> None:
    dialect = tx.dialect.name
    whole = statement.format(series=series, word=WORD[dialect])
    tx.exec_driver_sql(whole.replace("%", "%%") if dialect == "postgresql" else whole)


@pytest.fixture(scope="module")
def full_postgres(maker: Maker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with maker.shop_on("postgresql", tmp_path_factory.mktemp("full")) as shop:
        shop.open(*range(1, ORGS + 1))
        shop.database.write(EVERYBODY, fill)
        with psycopg.connect(shop.database.url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        yield shop


@pytest.fixture(scope="module")
def full_sqlite(maker: Maker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Without statistics: nobody makes them there."""
    with maker.shop_on("sqlite", tmp_path_factory.mktemp("full")) as shop:
        shop.open(*range(1, ORGS + 1))
        shop.database.write(EVERYBODY, fill)
        yield shop


@pytest.fixture(params=DIALECTS)
def full(request: pytest.FixtureRequest) -> Shop:
    shop: Shop = request.getfixturevalue("full_sqlite" if request.param == "sqlite" else "full_postgres")
    return shop


def plan_on_sqlite(shop: Shop, statement: str, values: Sequence[Any]) -> str:
    explain = f"EXPLAIN QUERY PLAN {statement}"
    rows = shop.database.read((), lambda tx: tx.exec_driver_sql(explain, tuple(values)).all())
    return "\n".join(str(row[3]) for row in rows)


def explained(shop: Shop, one: Recorded) -> str:
    """The plan as text, with the values that were sent."""
    if shop.database.dialect == "sqlite":
        rows = shop.database.read(
            (), lambda tx: tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {one.text}", one.parameters).all()
        )
        return "\n".join(str(row[3]) for row in rows)
    with psycopg.connect(shop.database.url, cursor_factory=ClientCursor) as connection:
        connection.execute("SET LOCAL app.orgs = '*'")
        # Some tables are opened for a moment where people are forgotten; here it is undone with all else.
        connection.execute("GRANT UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO CURRENT_USER")
        found = connection.execute(f"EXPLAIN {one.text}".encode(), one.parameters).fetchall()
        connection.rollback()
    return "\n".join(row[0] for row in found)


# A whole table; an index of only the calls in progress, or of open lots, is no whole table.
SCANS = re.compile(r"Seq Scan on (\w+)|SCAN (\w+)(?! USING (?:COVERING )?INDEX (?:(?:calls|lots)_open|users_blocked))")


def scanned(plan: str) -> set[str]:
    return {table for found in SCANS.findall(plan) for table in found} & set(BIG)


LOOK_AT_ALL = {
    "retention_store._counted": "a preview, when somebody asks for one",
    "retention_store.organizations_with": "once a day, and only for what the settings have a rule about",
}


def test_nothing_that_people_or_clocks_ask_for_reads_a_whole_table(full: Shop) -> None:
    with recorded_alone() as found:
        assert travel(full.database) == []
        about = [one for one in found.values() if tables_of(one.text) & set(BIG) and is_query(one.text)]
        looked = [one for one in about if not one.text.startswith("INSERT")]
        plans = [(one.sender, explained(full, one)) for one in looked]
    assert len(plans) > 20
    assert [(sender, plan) for sender, plan in plans if scanned(plan) and sender not in LOOK_AT_ALL] == []


def test_a_statement_that_reads_a_whole_table_is_noticed(full: Shop) -> None:
    """The test above can fail."""
    bad = Recorded(
        full.database.dialect, "SELECT org_id FROM calls WHERE switch = 'x'", (), "all", "", "planted", False
    )
    assert scanned(explained(full, bad)) == {"calls"}


# Step and arguments, the index that it must come from, and how many rows it may look at.
PAGE = 50
MIDDLE = (NOW - ROWS // 2 * SECOND, "00000000")
LOOKS: Mapping[str, tuple[Step, Sequence[Any], str, int]] = {
    "calls, newest first": (calls.newest, (BUSY, PAGE, None, False), "calls_by_time", 2 * PAGE),
    "a page of old calls": (calls.newest, (BUSY, PAGE, MIDDLE, False), "calls_by_time", 2 * PAGE),
    "calls in progress": (calls.newest, (BUSY, PAGE, None, True), "calls_open", OPEN),
    "a page of calls in progress": (calls.newest, (BUSY, PAGE, MIDDLE, True), "calls_open", OPEN),
    "calls in progress where there are few": (calls.newest, (4, PAGE, None, True), "calls_open", OPEN),
    "a call": (calls.find, (BUSY, "00000042"), "calls_pkey", 1),
    "entries, newest first": (entries.statement, (BUSY, PAGE, None), "entries_pkey", 2 * PAGE),
    "a page of old entries": (entries.statement, (BUSY, PAGE, "00050000"), "entries_pkey", 2 * PAGE),
    "the open lots of an organization": (org_store.account, (BUSY,), "lots_open", 10),
    "due calls": (call_store.due, (NOW + 10**9, PORTION), "calls_open", 2 * OPEN),
    "the next due call": (call_store.next_due, (BUSY, NOW + 10**9), "calls_open", OPEN),
    "calls at a switch": (call_store.open_of_switch, ("org:edge", BUSY), "calls_open", OPEN),
    "calls at an operator's switch": (call_store.open_of_switch, ("org:edge",), "calls_open", 2 * OPEN),
    "calls that are forgotten, from the middle": (
        retention_store.old_calls,
        (BUSY, NOW, MIDDLE, PAGE),
        "calls_by_time",
        2 * PAGE + OPEN,
    ),
    "usage that is forgotten, from the middle": (
        retention_store.old_usage,
        (BUSY, NOW + DAY, "00050000", PAGE),
        "usage_pkey",
        2 * PAGE,
    ),
    "lots that expire": (expiry_store.expiring, (NOW + DAY, PORTION), "lots_open", 2 * ORGS),
}


def sent_by(shop: Shop, what: str) -> list[Recorded]:
    step, values, _, _ = LOOKS[what]
    with recorded_alone() as found:
        try:
            shop.database.read(EVERYBODY, step, *values)
        except Exception as error:
            # The stories of these calls are made up.
            assert "Expected" in str(error) or "Invalid" in str(error), error
        return [one for one in found.values() if tables_of(one.text) & set(BIG)]


@pytest.mark.parametrize("what", LOOKS)
def test_postgresql_looks_at_few_rows_through_an_index(full_postgres: Shop, what: str) -> None:
    _, _, index, rows_max = LOOKS[what]
    [one] = sent_by(full_postgres, what)
    with psycopg.connect(full_postgres.database.url, cursor_factory=ClientCursor) as connection:
        connection.execute("SET LOCAL app.orgs = '*'")
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {one.text}".encode()
        row: Any = connection.execute(explain, one.parameters).fetchone()
        connection.rollback()
    scans = [node for node in nodes(row[0][0]["Plan"]) if node.get("Relation Name") in BIG or "Index Name" in node]
    used = {node["Index Name"] for node in scans if "Index Name" in node}
    looked = sum(_looked_at(node) for node in scans if node.get("Relation Name") in BIG)
    assert (index in used, looked <= rows_max) == (True, True), f"{looked} rows by {used}"


def test_whoever_reads_all_calls_does_not_search_all_charges_for_each(full_postgres: Shop) -> None:
    """Else the books of an organization with a million calls are never verified. A cursor's own plan would."""
    told = [full_postgres.database.read(FEW, searches, reads) for reads in (False, True)]
    assert told == [True, False]


def searches(tx: ReadTx, reads: bool) -> bool:
    query = calls_with_charges(FEW)
    if reads:
        assert next(iter(streamed(tx, query)))
    wanted = str(query.compile(dialect=tx.dialect, compile_kwargs={"literal_binds": True}))
    plan = "\n".join(tx.exec_driver_sql(f"EXPLAIN DECLARE found CURSOR FOR {wanted}".replace("%", "%%")).scalars())
    return "Join Filter: (settled.entry_key" in plan


def _looked_at(node: Plan) -> int:
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return int((node["Actual Rows"] + removed) * node["Actual Loops"])


@pytest.mark.parametrize("what", LOOKS)
def test_sqlite_looks_at_few_rows_through_an_index(full_sqlite: Shop, what: str) -> None:
    """Counted in steps of its machine, of which a row takes about ten."""
    _, _, index, rows_max = LOOKS[what]
    [one] = sent_by(full_sqlite, what)
    assert scanned(explained(full_sqlite, one)) == set()
    names = {"calls_pkey": "sqlite_autoindex_calls_1", "entries_pkey": "PRIMARY KEY", "usage_pkey": "PRIMARY KEY"}
    assert names.get(index, index) in explained(full_sqlite, one)
    assert steps_of(full_sqlite, one) <= 40 * rows_max + 500


def steps_of(shop: Shop, one: Recorded) -> int:
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 10
        return 0

    def look(tx: ReadTx) -> None:
        raw: Any = tx.connection.driver_connection
        # A new connection reads what tables there are; that is no step of the look.
        raw.execute("SELECT 1 FROM control").fetchall()
        raw.set_progress_handler(count, 10)
        raw.execute(one.text, one.parameters).fetchall()
        raw.set_progress_handler(None, 0)

    shop.database.read((), look)
    return steps


def test_every_look_names_a_function_that_is_there() -> None:
    known = set(functions().values())
    assert [what for what, (step, *_) in LOOKS.items() if step not in known] == []


def test_the_tables_are_full(full: Shop) -> None:
    def count(tx: ReadTx) -> list[int]:
        return [int(tx.scalar(text(f"SELECT count(*) FROM {table} WHERE org_id > 0")) or 0) for table in BIG]

    counted = dict(zip(BIG, full.database.read(EVERYBODY, count), strict=True))
    assert {table for table, rows in counted.items() if rows >= ROWS} >= {"calls", "entries", "usage"}
    assert min(counted.values()) >= ROWS // 5
