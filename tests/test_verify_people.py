"""`verify` finds what is planted in pools, usage rows, tallies and blocks, of a company that used everything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import cast

import pytest

from talktime.storage.verify import verify
from tests.charging.books import Books, Empty
from tests.core.switch import NOW
from tests.storage.company import found_company
from tests.support.postgres import Cluster
from tests.test_verify import Damage, found_after, told


@pytest.fixture(scope="module")
def empty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Empty]:
    folder = tmp_path_factory.mktemp("empty")
    with closing(Empty(folder, lambda: cast(Cluster, request.getfixturevalue("postgres")))) as made:
        yield made


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def company(request: pytest.FixtureRequest, empty: Empty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    """What a test plants is undone by it."""
    with empty.books_on(request.param, tmp_path_factory.mktemp("company")) as made:
        found_company(made.database, made.store)
        yield made


def month(change: str) -> list[str]:
    """Of a plan of 120 minutes: 100 were used, 5 are held."""
    return [f"UPDATE pool_months SET {change} WHERE pool_id = 'MCOPSTN5/GB'"]


def pool(change: str) -> list[str]:
    return [f"UPDATE pools SET {change} WHERE pool_id = 'MCOPSTN5/GB'"]


def usage(call_id: str, change: str) -> list[str]:
    return [f"UPDATE usage SET {change} WHERE call_id = '{call_id}'"]


def call(call_id: str, change: str) -> list[str]:
    return [f"UPDATE calls SET {change} WHERE call_id = '{call_id}'"]


def tally(change: str) -> list[str]:
    return [f"UPDATE tallies SET {change} WHERE user_id = 'usr_ann'"]


COPIED = """org_id, usage_id || 'x', '{call_id}', {part}, call_type, user_id, user_location, caller, number,
number_type, context, destination, conference_id, started_at, seconds, {minutes}, fee_micros, charge_micros,
charge_decimals, currency, {capability}, payer, entry_key"""


def one_more(call_id: str, part: int = 0, minutes: str = "minutes", capability: str = "capability") -> list[str]:
    """Like the row that a pool paid, of another call."""
    columns = COPIED.format(call_id=call_id, part=part, minutes=minutes, capability=capability)
    return [f"INSERT INTO usage SELECT {columns} FROM usage WHERE call_id = 'p1'"]


LOGGED = f"INSERT INTO user_blocks VALUES (1, 'ffff', {NOW}, 'usr_bea', '{{}}', 'x', 'key_1')"

BLOCKED = ["UPDATE users SET blocked_at = 5"]

DAMAGE = {
    "minutes used": Damage("I18", "pool MCOPSTN5/GB of 2031-03: calls used", month("first_used = first_used + 1")),
    "minutes held": Damage("I18", "pool MCOPSTN5/GB of 2031-03: calls used", month("first_held = first_held - 1")),
    "minutes used of the second kind": Damage("I18", "stored is [100, 5, 1, 0]", month("second_used = 1")),
    "minutes held of the second kind": Damage("I18", "stored is [100, 5, 0, 1]", month("second_held = 1")),
    "minutes below zero": Damage("I18", "less than nothing", month("first_held = -1")),
    "another month": Damage("I18", "of 2031-04: calls used and hold [0, 0, 0, 0]", month("month = '2031-04'")),
    "a month lost": Damage("I18", "stored is [0, 0, 0, 0]", ["DELETE FROM pool_months"]),
    "size of a pool": Damage("I18", "its licences bring [120, 0]", pool("first_total = 119")),
    "size of the second kind": Damage("I18", "stored is [120, 1]", pool("second_total = 1, second_high = 1")),
    "most that a pool was": Damage("I18", "larger than the most", pool("first_high = 119")),
    "a pool lost": Damage("I18", "it is not there", ["DELETE FROM pools WHERE capability = 'MCOPSTN5'"]),
    "a licence lost": Damage("I18", "licences bring [0, 0]", ["UPDATE users SET licences = '[]'"]),
    "minutes of a usage row": Damage("relations", "call p1: its usage rows", usage("p1", "minutes = minutes + 1")),
    "charge of a usage row": Damage("relations", "call c1: its usage rows", usage("c1", "charge_micros = 1")),
    "capability of a usage row": Damage("relations", "call c1: its usage rows", usage("c1", "capability = 'X'")),
    "payer of a usage row": Damage("relations", "call c1: its usage rows", usage("c1", "payer = 'postpaid'")),
    "id of a usage row": Damage("relations", "call c1: its usage rows", usage("c1", "usage_id = 'x'")),
    "part of a usage row": Damage("relations", "call c1: its usage rows", usage("c1", "part = 1")),
    "a usage row lost": Damage("relations", "call c5: its usage rows", ["DELETE FROM usage WHERE call_id = 'c5'"]),
    "a usage row of a call that was released": Damage("relations", "call c2: its usage rows", one_more("c2")),
    "a usage row of an open call": Damage("relations", "call p2: its usage rows", one_more("p2")),
    "a third usage row": Damage("relations", "call p1 has no such part", one_more("p1", part=2)),
    "usage of a file that no pool counted": Damage("I18", "hold [107, 5, 0, 0]", one_more("f1", minutes="7")),
    "calls in progress counted": Damage("I2", "tally of usr_ann", tally("story = '[2' || substr(story, 3)")),
    "held counted": Damage("I2", "tally of usr_ann", tally("story = replace(story, '550000', '550001')")),
    "caller": Damage("I4", "call c4: caller and", call("c4", "caller = 'usr_len'")),
    "caller missing": Damage("I4", "call c4: caller and", call("c4", "caller = NULL")),
    "caller of an ended call": Damage("I4", "call c1: caller and", call("c1", "caller = 'usr_len'")),
    "emergency": Damage("I4", "call c4: caller and", call("c4", "emergency = true")),
    "blocked, and nobody wrote it down": Damage("I15", "usr_bea is blocked", BLOCKED),
    "blocked again, and nobody wrote it down": Damage("I15", "ends with Unblocked", BLOCKED),
    "written down, and not blocked": Damage("I15", "usr_bea is not blocked", [LOGGED.format("Blocked")]),
    "no account": Damage("relations", "rows in usage, and no account", ["UPDATE usage SET org_id = 7"]),
}
# PostgreSQL has types; a column of SQLite takes what it is given.
ON_SQLITE = {
    "half a minute used": Damage("I16", "pool MCOPSTN5/GB of", month("first_used = 100.5")),
    "half a minute in a pool": Damage("I16", "pool MCOPSTN5/GB:", pool("first_total = 120.5")),
    "half a minute reported": Damage("I16", "usage row", usage("p1", "minutes = 100.5")),
    "half a second reported": Damage("I16", "usage row", usage("p1", "seconds = 100.5")),
}
DAMAGE |= ON_SQLITE
SOUND = {
    "usage of a file that its pool counted": one_more("f1", minutes="7") + month("first_used = first_used + 7"),
    "usage of a licence that nobody knows any more": one_more("f1", capability="'GONE'"),
    "a block that was written down": [LOGGED.format("Blocked"), "UPDATE users SET blocked_at = 5 WHERE name = 'Bea'"],
    "pools that are known to be behind": [
        *pool("first_total = 119"),
        "UPDATE control SET value = 1 WHERE name = 'pools_behind_since'",
    ],
    "counted of users when nothing is limited": [
        *tally("story = '[2' || substr(story, 3)"),
        """UPDATE organizations SET mode = 'test', limits = '{"fraud": {}}'""",
    ],
}


def test_what_is_sound_is_found_sound(company: Books) -> None:
    assert verify(company.database).findings == []


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_found(company: Books, request: pytest.FixtureRequest, name: str) -> None:
    if name in ON_SQLITE and company.database.dialect != "sqlite":
        return
    planted = DAMAGE[name]
    report = found_after(company, lambda: cast(Cluster, request.getfixturevalue("postgres")), planted.statements)
    assert told(report, planted), report.findings


@pytest.mark.parametrize("name", SOUND)
def test_what_only_looks_like_damage_is_none(company: Books, request: pytest.FixtureRequest, name: str) -> None:
    report = found_after(company, lambda: cast(Cluster, request.getfixturevalue("postgres")), SOUND[name])
    assert report.findings == []
