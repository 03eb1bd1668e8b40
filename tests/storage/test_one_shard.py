"""Every statement that the program sends stays with one organization, or with organizations of one machine: `scale.md`.

What it promises is shown by its own journey, which reaches every function of the stores on both databases. It runs
last, so that it also sees what the tests before it in this process made the program send; what servers and tests in
other processes send (`scripts/run_tests.sh` has three) it does not see.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import insert

from talktime.actions.test_clocks import move
from talktime.actions.upkeep import forget_answers
from talktime.charging import batcher as batcher_module
from talktime.charging import due
from talktime.charging.batcher import Batcher
from talktime.charging.engine import Engine
from talktime.charging.switches import Heartbeat, hear
from talktime.core.calls import Answer, Command, Ended, Granted
from talktime.storage import postgres_statements
from talktime.storage import tables as t
from talktime.storage.database import EVERYBODY, Tx
from talktime.storage.postgres_statements import Statements
from talktime.storage.store import KEYS_REVISION, KNOWLEDGE_REVISION, PRICES_REVISION
from talktime.storage.verify import verify
from talktime.storage.wire import INT8, INT8_ARRAY, TEXT, TEXT_ARRAY, Statement
from talktime.web.table import API
from tests.core.switch import NOW
from tests.storage import shop as shops
from tests.storage.company import found_company
from tests.storage.conftest import DIALECTS, Maker
from tests.storage.journey import travel
from tests.storage.rules import broken_rules, is_query, is_read_only, tables_of
from tests.storage.shop import Phone, Shop
from tests.support.partitioned import PARTS, Partitioned
from tests.support.postgres import Cluster
from tests.support.statements import ENGINE, MIGRATION, RECORDED, SPANNING, Recorded, record, recorded_alone

# Rule 12: these look over all organizations, and only look. What they find is then done for each organization alone.
MAY_SPAN = {
    "adjustments.everywhere": "the operator's list of corrections",
    "blocks.everywhere": "the operator's list of who was blocked",
    "blocks.in_force": "the operator's list of who is blocked",
    "call_store.count_open": "a gauge of the whole installation",
    "call_store.due": "finds holds whose time is over",
    "call_store.open_of_switch": "an operator's switch has calls of any organization",
    "call_store.to_hang_up": "an operator's switch has calls of any organization",
    "clock_store.standing": "the clocks of the organizations with calls at an operator's switch",
    "deliveries.everywhere": "the operator's list of what did not arrive",
    "delivery_store.due": "finds mails and webhooks that are to be sent",
    "delivery_store.waiting": "a gauge of the whole installation",
    "distribution.filled": "a table is spread before there are rows of organizations in it",
    "expiry_store.expiring": "finds lots whose end has come",
    "inbox_store.due": "finds messages of providers that are to be worked off",
    "installation._bytes": "how large the whole installation is",
    "installation._count": "figures of the whole installation",
    "installation._oldest": "how much of the whole installation's work is due",
    "installation.figures": "figures of the whole installation",
    "installation.queues": "how much of the whole installation's work is due",
    "job_store.over": "finds what ended long ago",
    "job_store.to_do": "finds work that nobody has begun",
    "jobs.everywhere": "the operator's list of long work",
    "key_store.valid": "the keys that a process remembers for emergencies while nothing can be read",
    "letters.page": "the operator's list of messages of providers",
    "method_store.all_waiting": "finds pages of providers that nobody came back from",
    "method_store.expiring": "finds cards that end soon",
    "method_store.providers": "who has to be asked after a restore",
    "notice_store.untold": "finds what nobody has heard of yet",
    "org_store.countries": "where organizations are, remembered for the same",
    "organizations.page": "the operator's list of organizations",
    "organizations.these": "names for the operator's lists",
    "organizations.with_money": "the operator's list of organizations, with their balances",
    "payment_store.asking": "finds payments whose card holder is asked",
    "payment_store.due": "finds payments that somebody has to turn to a provider for",
    "payment_store.organization_of": "an operator knows a payment by its id alone",
    "payment_store.succeeded_since": "what is credited, beside what a provider says that it took",
    "payment_store.with_claims": "finds what was interrupted",
    "recharge_store.due": "finds whose auto-recharge is to be looked at",
    "reconciliation.page": "the operator's list of differences",
    "refund_store.due": "finds refunds that somebody has to turn to a provider for",
    "refund_store.succeeded_since": "what is booked as given back, beside what a provider says of it",
    "reminder_store.watching": "finds who wants to hear of his spending",
    "reminder_store.with_ending_lots": "finds funds that end soon",
    "retention_store._counted": "says how much is older than it is to be kept",
    "retention_store.organizations_with": "finds what is older than it is to be kept",
    "seal_store.behind": "finds what is to be sealed",
    "sealed_store.some": "replaces the secret key of the whole installation",
    "simulator_store.with_charges": "which test organizations have simulated charges",
    "switch_store.silent": "finds switches that are no longer heard",
    "top_ups.unpaid_invoices": "the operator's list of invoices whose money he waits for",
    "upkeep_store.extent": "how far the history of the whole installation goes",
    "upkeep_store.with_expired_answers": "finds answers that are kept no longer",
    "user_store.organizations_with": "which organizations have a licence whose terms change",
    "verify._rows": "verify looks at everything",
    "verify._without_account": "verify looks at everything",
    "verify._verify": "verify looks at everything",
}

# Steps that are run with the rows of all organizations in sight, because of the above.
STEPS_THAT_SEE_ALL = {
    ("read", "adjustments.everywhere"),
    ("read", "blocks.everywhere"),
    ("read", "blocks.in_force"),
    ("read", "call_store.count_open"),
    ("read", "call_store.due"),
    ("read", "call_store.to_hang_up"),
    ("read", "delivery_store.due"),
    ("read", "delivery_store.waiting"),
    ("read", "distribution.filled"),
    # Declares whole tables.
    ("write", "distribution._take"),
    ("read", "expiry_store.expiring"),
    ("read", "inbox_store.due"),
    ("read", "installation.figures"),
    ("read", "installation.queues"),
    ("read", "installation.silent_switches"),
    ("read", "job_store.over"),
    ("read", "job_store.to_do"),
    ("read", "jobs.everywhere"),
    ("read", "keys.remembered"),
    ("read", "method_store.all_waiting"),
    ("read", "method_store.expiring"),
    ("read", "method_store.providers"),
    ("read", "notice_store.untold"),
    ("read", "org_store.countries"),
    ("read", "organizations.page"),
    ("read", "organizations.these"),
    ("read", "organizations.with_money"),
    ("read", "payment_store.asking"),
    ("read", "payment_store.due"),
    ("read", "payment_store.succeeded_since"),
    ("read", "payment_store.with_claims"),
    ("read", "portions._rows_about"),
    ("read", "recharge_store.due"),
    ("read", "refund_store.due"),
    ("read", "refund_store.succeeded_since"),
    ("read", "reminder_store.watching"),
    ("read", "reminder_store.with_ending_lots"),
    ("read", "retention_store.counted"),
    ("read", "retention_store.organizations_with"),
    ("read", "seal_store.behind"),
    ("read", "sealed_store.some"),
    ("read", "simulator_store.with_charges"),
    ("read", "top_ups.organization_of"),
    ("read", "top_ups.unpaid_invoices"),
    ("read", "switch_store.silent"),
    ("read", "upkeep_store.extent"),
    ("read", "upkeep_store.with_expired_answers"),
    ("read", "user_store.organizations_with"),
    ("read", "verify._verify"),
    # Through the door: the routes that are named below.
    ("read", "cold._in_one_transaction.<locals>.whole"),
    ("write", "cold._in_one_transaction.<locals>.whole"),
    # A migration changes whole tables.
    ("write", "portions._fill_slice"),
    ("write", "portions.patiently.<locals>.briefly"),
    # The operator's own rows are written beside a look at the calls of its switch.
    ("write", "switches._note"),
}
ROUTES_THAT_SEE_ALL = {
    ("GET", "/v1/operator/deliveries"),
    ("GET", "/v1/operator/inbox"),
    ("GET", "/v1/operator/jobs"),
    ("GET", "/v1/operator/organizations"),
    ("GET", "/v1/operator/reconciliation"),
    # An item of nobody we know stands under the operator's number.
    ("POST", "/v1/operator/reconciliation/{organization}/{item_id}/close"),
    ("POST", "/v1/operator/inbox/{organization}/{event_id}/replay"),
    # Nobody knows its number before it is made.
    ("POST", "/v1/operator/organizations"),
}

ORGS = 24
KINDS = {INT8: "bigint", TEXT: "text", INT8_ARRAY: "bigint[]", TEXT_ARRAY: "text[]"}


@pytest.fixture(scope="module", autouse=True)
def journey(maker: Maker, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """On both databases: all functions of the stores, the actions, the engine, and what happens by itself."""
    record()
    problems: list[str] = []
    for dialect in DIALECTS:
        with maker.shop_on(dialect, tmp_path_factory.mktemp(dialect)) as shop:
            org_id = found_company(shop.database, shop.store)
            a_day_at_the_switch(shop, org_id)
            what_happens_by_itself(shop, org_id)
            problems += travel(shop.database)
    return problems


def a_day_at_the_switch(shop: Shop, org_id: int) -> None:
    phone = shop.phone(org_id)
    phone.authorize("c6")
    phone.extend("c6", 300)
    phone.settle("c6", 400)
    phone.authorize("c7")
    # As when two batches met: the second time under locks.
    with shop.store.transaction([org_id], locked=True) as tx:
        tx.load([(org_id, "c7")], [])


def what_happens_by_itself(shop: Shop, org_id: int) -> None:
    run = shop.engine.run
    hear(shop.database, run, Heartbeat(0, "sbc", "boot", ["c7"], NOW, "key_1", "sw_9"))
    hear(shop.database, run, Heartbeat(org_id, "edge", "boot", ["c7"], NOW, "key_1", "sw_1"))
    due.sweep(shop.database, run, NOW + 10**12)
    move(shop.database, org_id, NOW + 10**12, [partial(due.next_step, shop.database, run)])
    forget_answers(shop.database, NOW + 10**12)
    verify(shop.database)


@pytest.fixture(scope="module")
def partitioned(postgres: Cluster) -> Iterator[Partitioned]:
    url = postgres.fresh_database()
    found = Partitioned(url)
    yield found
    found.close()


def statements() -> list[Recorded]:
    """All but what makes the tables."""
    return [one for one in RECORDED.values() if one.step != MIGRATION and not one.sender.startswith("portions.")]


def told(one: Recorded, what: object) -> str:
    return f"{one.sender} on {one.dialect}: {what}: {' '.join(one.text.split())[:200]}"


# ---------------------------------------------------------------- the text


def untied(found: Sequence[Recorded]) -> list[str]:
    """What breaks a rule, and is not on the list or writes."""
    wrong = []
    for one in found:
        broken = broken_rules(one.text)
        if one.sender in MAY_SPAN and is_read_only(one.text):
            broken = [what for what in broken if "rule 9" not in what]
        wrong += [told(one, what) for what in broken]
    return wrong


def test_the_journey_reaches_every_function_of_the_stores(journey: list[str]) -> None:
    assert journey == []


def test_every_statement_that_was_sent_keeps_the_rules() -> None:
    """On SQLite as well (Q13): no statement reads or writes rows without saying whose."""
    assert {one.dialect for one in statements()} == {"sqlite", "postgresql"}
    assert untied(statements()) == []


def test_only_the_named_steps_see_the_rows_of_all_organizations() -> None:
    assert sorted(SPANNING - STEPS_THAT_SEE_ALL) == []


def test_only_the_named_routes_do() -> None:
    assert {(route.method, route.path) for route in API if getattr(route, "spans", False)} == ROUTES_THAT_SEE_ALL


def test_the_named_functions_are_there() -> None:
    """A list with names of what is gone would let something else in by the same name."""
    modules = ("storage", "charging", "reports", "actions", "web")
    assert [name for name in MAY_SPAN if not _is_there(name, modules)] == []
    names = [name.partition(".<locals>")[0] for _, name in sorted(STEPS_THAT_SEE_ALL)]
    assert [name for name in names if not _is_there(name, modules)] == []


def _is_there(name: str, packages: Sequence[str]) -> bool:
    module, function = name.split(".")
    for package in packages:
        try:
            if hasattr(import_module(f"talktime.{package}.{module}"), function):
                return True
        except ModuleNotFoundError:
            continue
    return False


BAD = {
    "SELECT story FROM calls WHERE call_id = %(id)s": "rule 9",
    "SELECT l.* FROM calls c JOIN lots l ON l.org_id = c.org_id AND l.lot_id = c.call_id": "rule 9",
    "SELECT 1 FROM calls c, lots l WHERE c.org_id = %(org)s": "lots",
    "SELECT 1 FROM calls WHERE org_id = %(org)s OR call_id = %(id)s": "rule 9",
    "SELECT 1 FROM calls WHERE org_id <> %(org)s": "rule 9",
    "SELECT 1 FROM calls WHERE NOT org_id = %(org)s AND org_id NOT IN (%(a)s)": "rule 9",
    "SELECT 1 FROM calls WHERE org_id IN (SELECT org_id FROM organizations WHERE state = %(s)s)": "organizations",
    "SELECT 1 FROM lots LEFT JOIN calls ON lots.org_id = %(org)s AND calls.org_id = %(org)s": "lots",
    "SELECT 1 FROM lots WHERE org_id = %(org)s UNION SELECT 1 FROM calls": "calls",
    "SELECT (SELECT max(at) FROM entries) FROM lots WHERE org_id = %(org)s": "entries",
    "SELECT 1 FROM lots WHERE org_id = ? AND EXISTS (SELECT 1 FROM calls WHERE state = ?)": "calls",
    "WITH old AS (SELECT * FROM calls) SELECT 1 FROM old WHERE org_id = $1": "calls",
    "UPDATE accounts SET held_micros = 0": "rule 9",
    "UPDATE lots SET held_micros = 0 FROM calls c WHERE c.org_id = $1": "lots",
    "UPDATE lots SET org_id = $1 WHERE org_id = $2": "rule 1",
    "DELETE FROM users USING user_names n WHERE n.org_id = $1": "users",
    "INSERT INTO calls (call_id) VALUES ($1)": "rule 9",
    "INSERT INTO lots (org_id, lot_id) VALUES ($1, $2) ON CONFLICT (lot_id) DO NOTHING": "rule 1",
    "INSERT INTO lots (org_id) VALUES ($1) ON CONFLICT ON CONSTRAINT lots_pkey DO NOTHING": "rule 8",
    "INSERT INTO calls (org_id, call_id) SELECT * FROM unnest($1::bigint[], $2::text[])": "rule 10",
    "INSERT INTO calls (org_id, call_id) SELECT * FROM (VALUES ($1, $2)) AS v (a, b)": "rule 10",
    "WITH made AS (INSERT INTO calls (org_id) VALUES ($1) RETURNING 1) SELECT 1 FROM made": "rule 10",
    "MERGE INTO lots USING calls ON lots.org_id = calls.org_id WHEN MATCHED THEN DELETE": "rule 10",
    "LISTEN prices": "rule 8",
    "NOTIFY prices": "rule 8",
    "SELECT pg_notify('prices', '')": "rule 8",
    "SELECT pg_advisory_xact_lock(1)": "rule 8",
    "SELECT pg_try_advisory_lock(1)": "rule 8",
    "SELECT set_config('app.orgs', '1', true)": "rule 15",
    "SET app.orgs = '1'": "rule 15",
    "SET SESSION app.orgs = '1'": "rule 15",
    "CREATE TEMP TABLE found (org_id bigint)": "rule 15",
    "SELECT nextval('calls_seq')": "rule 4",
}

GOOD = (
    "SELECT story FROM calls WHERE calls.org_id = %(org)s::BIGINT AND calls.call_id = %(id)s",
    "SELECT 1 FROM lots WHERE org_id = ANY($1::bigint[]) ORDER BY org_id FOR UPDATE SKIP LOCKED",
    "SELECT 1 FROM lots WHERE org_id IN (SELECT value FROM json_each(?1)) AND at BETWEEN ? AND ?",
    "SELECT 1 FROM calls AS c LEFT OUTER JOIN lots l ON l.org_id = c.org_id AND l.x = c.y WHERE c.org_id IN (?, ?)",
    "SELECT 1 FROM calls WHERE org_id = CAST(? AS BIGINT) AND (state = ? OR due_at > ?) AND x IS DISTINCT FROM y",
    "SELECT 1 FROM lots WHERE org_id = $1 AND EXISTS (SELECT 1 FROM calls c WHERE c.org_id = lots.org_id)",
    "WITH mine AS (SELECT org_id FROM calls WHERE org_id = $1) SELECT 1 FROM mine m JOIN lots l ON l.org_id = m.org_id",
    "UPDATE lots SET held_micros = 0 FROM calls c WHERE lots.org_id = c.org_id AND c.org_id = $1",
    "INSERT INTO lots (org_id, lot_id) VALUES (?, ?) ON CONFLICT (org_id, lot_id) DO UPDATE SET kind = excluded.kind",
    "INSERT INTO calls (org_id, call_id) SELECT org_id, lot_id FROM lots WHERE org_id = $1",
    "SELECT value FROM control WHERE name = 'it''s -- MERGE'",
    "SET LOCAL app.orgs = '1,2'",
)


@pytest.mark.parametrize("text", BAD)
def test_a_bad_statement_is_caught_by_its_text(text: str) -> None:
    assert any(BAD[text] in what for what in broken_rules(text)), broken_rules(text)


@pytest.mark.parametrize("text", GOOD)
def test_a_good_statement_is_not(text: str) -> None:
    assert broken_rules(text) == []


PLANTED = """
def look(tx):
    tx.exec_driver_sql("SELECT story FROM calls")
def write(tx):
    tx.exec_driver_sql("UPDATE accounts SET last_at = last_at")
def spread(database, everybody):
    database.write(everybody, write)
"""


def test_a_bad_statement_of_ours_is_caught_wherever_it_is_sent(shop: Shop) -> None:
    ours: dict[str, Any] = {"__name__": "talktime.storage.planted"}
    exec(PLANTED, ours)
    with recorded_alone() as found:
        shop.database.read(1, ours["look"])
        ours["spread"](shop.database, EVERYBODY)
        shop.database.read(1, lambda tx: tx.exec_driver_sql("SELECT 1 FROM lots"))
        senders = {one.sender: untied([one]) for one in found.values() if one.sender.startswith("planted")}
        # What a test itself sends is no business of ours.
        assert [one for one in found.values() if "lots" in one.text] == []
    assert set(senders) == {"planted.look", "planted.write"}
    assert all(senders.values())
    assert ("write", "planted.write") in SPANNING
    SPANNING.discard(("write", "planted.write"))


# ---------------------------------------------------------------- the plan


def spread(found: Sequence[Recorded], partitioned: Partitioned) -> list[str]:
    """Those of PostgreSQL that touch more than one part, with the values that they were sent with."""
    wrong = []
    for one in found:
        concerned = one.dialect == "postgresql" and one.scope != ENGINE and one.sender not in MAY_SPAN
        if concerned and tables_of(one.text) and is_query(one.text):
            parts = partitioned.parts_touched(one.text, one.parameters)
            if len(parts) > 1:
                wrong.append(told(one, f"parts {sorted(parts)}"))
    return wrong


def test_every_statement_of_actions_and_reports_touches_one_part(partitioned: Partitioned) -> None:
    mine = [one for one in statements() if one.scope != ENGINE]
    assert len(mine) > 100
    assert spread(mine, partitioned) == []


def hot(everywhere: bool) -> dict[str, Statement]:
    return {name: one for name, one in vars(Statements(everywhere)).items() if tables_of(one.text)}


def parts_of(partitioned: Partitioned, statement: Statement, org_ids: Sequence[int]) -> set[int]:
    """As it is planned when the organizations of the batch are known."""
    arrays = {
        INT8_ARRAY: "{" + ",".join(map(str, org_ids)) + "}",
        TEXT_ARRAY: "{" + ",".join("x" for _ in org_ids) + "}",
    }
    return partitioned.parts_of_prepared(
        statement.text, [KINDS[kind] for kind in statement.types], [arrays[kind] for kind in statement.types]
    )


@pytest.mark.parametrize("name", hot(everywhere=True))
def test_every_statement_of_a_batch_stays_in_the_part_of_its_organizations(partitioned: Partitioned, name: str) -> None:
    statement = hot(everywhere=True)[name]
    assert broken_rules(statement.text, everywhere=True) == []
    assert parts_of(partitioned, statement, partitioned.orgs_together(5, part=3)) == {3}
    # And it is the organizations that keep it there.
    assert len(parts_of(partitioned, statement, range(1, 40))) == PARTS


@pytest.mark.parametrize("name", ["calls", "users", "move_accounts", "move_lots", "change_calls"])
def test_what_a_batch_says_on_plain_postgresql_would_not_stay_there(partitioned: Partitioned, name: str) -> None:
    statement = hot(everywhere=False)[name]
    assert len(parts_of(partitioned, statement, partitioned.orgs_together(5))) == PARTS
    assert broken_rules(statement.text, everywhere=True) != []


WRITTEN_BY_CALLS = {"calls", "entries", "notices", "pool_months", "tallies", "usage", "user_blocks"}


def test_a_batch_says_nothing_else() -> None:
    known = {one.text for choice in (True, False) for one in vars(Statements(choice)).values()}
    # Behind a pooler.
    known |= {one.text for one in postgres_statements.PLANS_AGAIN}
    inserts = {text for text in vars(postgres_statements).values() if str(text).startswith("INSERT INTO ")}
    assert {tables_of(text).pop() for text in inserts} == WRITTEN_BY_CALLS
    said = [one for one in statements() if one.dialect == "postgresql" and one.scope == ENGINE]
    assert said
    new = [one for one in said if one.text not in known and not one.text.startswith(("SET LOCAL app.orgs", *inserts))]
    assert [told(one, "unknown") for one in new] == []


SPREAD = (
    ("SELECT story FROM calls WHERE call_id = %(id)s", {"id": "x"}),
    ("SELECT 1 FROM lots WHERE org_id IN (%(a)s, %(b)s, %(c)s, %(d)s)", {"a": 1, "b": 2, "c": 3, "d": 4}),
    (
        "SELECT 1 FROM calls c JOIN organizations o ON o.org_id = c.org_id WHERE c.org_id = ANY(%(orgs)s::bigint[])",
        {"orgs": [1]},
    ),
    ("UPDATE accounts SET last_at = 0 WHERE posted_micros = %(a)s", {"a": 1}),
    ("DELETE FROM users WHERE org_id + 0 = %(org)s", {"org": 1}),
    (
        "SELECT 1 FROM lots WHERE org_id = %(a)s AND EXISTS (SELECT 1 FROM calls WHERE call_id = lots.lot_id)",
        {"a": 1},
    ),
)


@pytest.mark.parametrize(("text", "values"), SPREAD)
def test_a_statement_that_spreads_is_caught_by_its_plan(
    partitioned: Partitioned, text: str, values: dict[str, Any]
) -> None:
    planted = Recorded("postgresql", text, values, "one", "planted", "planted.look", False)
    assert spread([planted], partitioned) != []


def test_rows_of_several_organizations_inserted_at_once_are_caught(partitioned: Partitioned) -> None:
    text = "INSERT INTO licences (org_id, code) VALUES (%(org_id)s, %(code)s)"
    one = {"org_id": 1, "code": "x"}
    for rows, wrong in (([one], 0), ([one | {"org_id": n} for n in range(1, 5)], 1)):
        planted = Recorded("postgresql", text, rows, "some", "planted", "planted.write", True)
        assert len(spread([planted], partitioned)) == wrong


# ---------------------------------------------------------------- batches


@contextmanager
def shop_in_parts(url: str, shard_of: Callable[[int], int]) -> Iterator[Shop]:
    """Our whole engine on tables that lie in parts."""
    shop = shops.postgres_shop(url, shard_of=shard_of)
    try:
        shop.database.write(EVERYBODY, _begin)
        shop.open(*range(1, ORGS + 1))
        yield shop
    finally:
        shop.close()


def _begin(tx: Tx) -> None:
    counters = (PRICES_REVISION, KEYS_REVISION, KNOWLEDGE_REVISION)
    tx.execute(insert(t.control), [{"name": name, "value": 0} for name in counters])


def commands(engine: Engine, first: int = 1) -> list[Command]:
    made: list[Command] = []
    for org_id in range(first, first + ORGS):
        phone = Phone(engine, org_id)
        made += [phone.authorization("a"), phone.authorization("b"), phone.settlement("a", 61)]
    return made


def test_a_batch_carries_organizations_of_one_part_and_the_books_add_up(
    postgres: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever waits for a slow machine is not the matter here.
    monkeypatch.setattr(batcher_module, "PATIENCE_SECONDS", 600)
    url = postgres.fresh_database()
    partitioned = Partitioned(url)
    with shop_in_parts(url, partitioned.part_of) as shop:
        batches: list[set[int]] = []

        def run(batch: Sequence[Command]) -> list[Answer]:
            batches.append({shop.store.shard_of(command.org_id) for command in batch})
            return shop.engine.run(batch)

        batcher = Batcher(run, shop.store.lanes, shop.store.shard_of)
        answers = asyncio.run(batcher.submit(commands(shop.engine)))
        batcher.close()
        assert [len(parts) for parts in batches] == [1] * PARTS
        assert set().union(*batches) == set(range(PARTS))
        assert [type(answer) for answer in answers] == [Granted, Granted, Ended] * ORGS
        assert shop.problems() == []
    partitioned.close()


def test_what_is_due_is_worked_off_in_portions_of_one_part(partitioned: Partitioned, postgres_shop: Shop) -> None:
    portions = list(due.portions(commands(postgres_shop.engine), partitioned.part_of))
    assert [len({partitioned.part_of(one.org_id) for one in portion}) for portion in portions] == [1] * PARTS


def test_without_parts_a_batch_may_carry_anybody(postgres_shop: Shop) -> None:
    assert {postgres_shop.store.shard_of(org_id) for org_id in range(1, 100)} == {0}
