"""`verify` finds whatever is planted: a check that cannot fail would be no check."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import cast

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from talktime.actions.audit import Actor, note
from talktime.actions.seal import seal_all
from talktime.storage.database import ReadTx, Tx
from talktime.storage.verify import Report, _verify, silent, verify
from tests.charging.books import Books, Empty
from tests.core.switch import NOW, lot
from tests.support.postgres import Cluster


@pytest.fixture(scope="module")
def empty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Empty]:
    folder = tmp_path_factory.mktemp("empty")
    with closing(Empty(folder, lambda: cast(Cluster, request.getfixturevalue("postgres")))) as made:
        yield made


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def books(request: pytest.FixtureRequest, empty: Empty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    """After a day. What a test plants is undone by it."""
    with empty.books_on(request.param, tmp_path_factory.mktemp("day")) as made:
        a_day(made)
        yield made


def a_day(books: Books) -> None:
    """One organization with all that can happen to money, and another beside it; sealed."""
    books.organization(lot("lot1", "10"), lot("lot2", "2", ends=NOW + 3_600_000_000), debt="0.5")
    books.organization(lot("lot9", "5"), org_id=2)
    books.authorize("c1")
    books.settle("c1", 61)
    books.authorize("c2")
    books.release("c2")
    books.record("c3", 30)
    books.authorize("c5")
    books.answered("c5")
    books.later(3_600)
    books.lapse("c5")
    books.settle("c5", 30)
    books.touch()
    books.authorize("c4")
    books.authorize("c6", to="+9991234567")
    books.database.write(1, write_audit)
    seal_all(books.database, lambda: NOW)
    books.authorize("c7")
    books.settle("c7", 5)


def write_audit(tx: Tx) -> None:
    for number in range(3):
        note(tx, 1, Actor("key_1", NOW + number), "price.changed", "prl_1", number, number + 1)


# ---------------------------------------------------------------- damage


UNGUARD_SQLITE = [
    *[f"DROP TRIGGER {name}_no_{what}" for name in ("entries", "audit", "seals") for what in ("update", "delete")],
    "DROP INDEX entries_once",
]
UNGUARD_POSTGRES = [
    *[f"ALTER TABLE accounts DROP CONSTRAINT accounts_{name}" for name in ("held", "debt", "covered")],
    "ALTER TABLE lots DROP CONSTRAINT lots_held",
    "ALTER TABLE calls DROP CONSTRAINT calls_held",
    *[f"ALTER TABLE pool_months DROP CONSTRAINT pool_months_{name}" for name in ("first", "second")],
    "DROP INDEX entries_once",
]


def found_after(books: Books, cluster: Callable[[], Cluster], statements: Sequence[str]) -> Report:
    """What verify finds after somebody did this who has the file, or is the database's superuser; then it is undone."""
    url, unguard = books.database.url, UNGUARD_SQLITE
    if books.database.dialect == "postgresql":
        url, unguard = cluster().superuser_url(url.rpartition("/")[2]), UNGUARD_POSTGRES
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
            connection.exec_driver_sql("BEGIN")
        for statement in [*unguard, *statements]:
            connection.exec_driver_sql(statement)
        report = _verify(ReadTx(connection), silent)
        connection.rollback()
    return report


SETTLED = "entry_key = 'settle:c1' AND org_id = 1"
COPY = "org_id, entry_id || 'x', entry_no + {}, {}, kind, at, amount_micros, balance_after, postings, \"by\", note"


@dataclass(frozen=True)
class Damage:
    invariant: str
    told: str
    """In the detail of a finding."""
    statements: Sequence[str]


def entry(change: str) -> list[str]:
    return [f"UPDATE entries SET {change} WHERE {SETTLED}"]


def account(change: str) -> list[str]:
    return [f"UPDATE accounts SET {change} WHERE org_id = 1"]


def one_lot(change: str) -> list[str]:
    return [f"UPDATE lots SET {change} WHERE org_id = 1 AND lot_id = 'lot1'"]


def call(call_id: str, change: str) -> list[str]:
    return [f"UPDATE calls SET {change} WHERE org_id = 1 AND call_id = '{call_id}'"]


DAMAGE = {
    "amount differs from postings": Damage("I1", "its postings move", entry("amount_micros = amount_micros - 1")),
    "posting of nothing": Damage("I1", "is no posting", entry("""postings = '[["lot:lot1","revenue",0]]'""")),
    "posting within one book": Damage("I1", "is no posting", entry("""postings = '[["revenue","revenue",5]]'""")),
    "no postings": Damage("I1", "moves nothing", entry("postings = '[]'")),
    "postings that are none": Damage("I1", "postings:", entry("postings = 'nothing'")),
    "a float": Damage("I16", "postings:", entry("""postings = '[["lot:lot1","revenue",0.5]]'""")),
    "unknown kind": Damage("I1", "there is no kind", entry("kind = 'gift'")),
    "unknown book": Damage("relations", "there is no book pocket", entry("""postings = '[["lot:lot1","pocket",5]]'""")),
    "unknown lot": Damage("relations", "no book lot:gone", entry("""postings = '[["lot:gone","revenue",5]]'""")),
    "balance after": Damage("I2", "do not make", entry("balance_after = balance_after + 1")),
    "entry lost": Damage("I2", "follows entry", [f"DELETE FROM entries WHERE {SETTLED}"]),
    "last entries lost": Damage("I2", "entries end with", ["DELETE FROM entries WHERE entry_key = 'settle:c7'"]),
    "time goes back": Damage("I17", "before that of the one before", entry("at = at - 1000000")),
    "booked twice": Damage(
        "I2",
        "booked more than once",
        [f"INSERT INTO entries SELECT {COPY.format(99, 'entry_key')} FROM entries WHERE {SETTLED}"],
    ),
    "lot below zero": Damage(
        "I9", "falls below zero", entry("""postings = '[["lot:lot1","revenue",99000000]]', amount_micros = -99000000""")
    ),
    "expired too early": Damage("I9", "before its time", ["UPDATE lots SET expires_at = expires_at + 86400000000"]),
    "posted differs": Damage("I2", "account: the entries make", account("posted_micros = posted_micros + 1")),
    "lots differ from account": Damage("I9", "account: lots of", account("posted_micros = posted_micros - 1")),
    "debt differs": Damage("I2", "the debt book has", account("debt_micros = debt_micros + 1")),
    "held differs": Damage("I2", "account: the lots hold", account("held_micros = held_micros + 1")),
    "frozen differs": Damage("I2", "a dispute freezes something of it", account("has_frozen = NOT has_frozen")),
    "held below zero": Damage("I3", "account: held -1", account("held_micros = -1")),
    "more held than there is": Damage("I3", "is held of", account("held_micros = 900000000")),
    "last number": Damage("I2", "stored is 77", account("last_entry_no = 77")),
    "last instant": Damage("I17", "the last entry is of", account("last_at = 5")),
    "credits not set up": Damage("I2", "not set up", account("credits_set_up = false")),
    "lot differs": Damage("I2", "lot lot1: the entries make", one_lot("posted_micros = posted_micros - 1")),
    "lot held differs": Damage("I2", "lot lot1: open calls hold", one_lot("held_micros = held_micros + 1")),
    "lot holds more than it has": Damage("I3", "lot lot1: ", one_lot("held_micros = posted_micros + 1")),
    "lot larger than bought": Damage("I9", "left of", one_lot("amount_micros = 5")),
    "spent lot with money": Damage("I9", "it is spent and has", one_lot("state = 'spent'")),
    "open lot without money": Damage("I9", "it is open and has 0", ["UPDATE lots SET state = 'open'"]),
    "lot lost": Damage("relations", "which does not exist", ["DELETE FROM lots WHERE lot_id = 'lot1'"]),
    "account lost": Damage("relations", "and no account", ["DELETE FROM accounts WHERE org_id = 2"]),
    "user lost": Damage("relations", "belongs to a user", ["DELETE FROM users WHERE org_id = 2"]),
    "held of a call": Damage("I2", "and holds 5", call("c4", "held_micros = 5")),
    "held of an ended call": Damage("I2", "is settled and holds", call("c1", "held_micros = 5")),
    "held less than nothing": Damage("I3", "less than nothing", call("c4", "held_micros = -5")),
    "charge of a call": Damage("I2", "stored is 7", call("c1", "charge_micros = 7")),
    "state of a call": Damage("I4", "its story says", call("c4", "state = 'released'")),
    "an open call without an end": Damage("I19", "is due", call("c4", "due_at = NULL")),
    "story that is none": Damage("I2", "cannot be read", call("c4", "story = '[]'")),
    "story of another": Damage("I4", "its story is that of", call("c4", "call_id = 'c44'")),
    "call lost": Damage("relations", "settle:c1 is the charge of a call", ["DELETE FROM calls WHERE call_id = 'c1'"]),
    "charge lost": Damage("I2", "its entries make", entry("entry_key = 'other:c1'")),
    "charged from other lots": Damage(
        "I2", "came out of lots", call("c1", """story = replace(story, '["lot2",200000]', '["lot2",200001]')""")
    ),
    "usage rows": Damage("I2", "another sum", call("c1", "story = replace(story, ',200000]],0]', ',100000]],0]')")),
    "entry changed and all made to fit": Damage("I14", "not those that were sealed", entry("note = 'else'")),
    "author changed": Damage("I14", "not those that were sealed", entry("\"by\" = 'somebody'")),
    "sealed entries lost": Damage("I14", "was sealed and is not there", ["DELETE FROM entries WHERE org_id = 2"]),
    "seal changed": Damage("I14", "entries: the rows", ["UPDATE seals SET digest = 'aa' || substr(digest, 3)"]),
    "audit changed": Damage("I14", "audit: the rows", ["UPDATE audit SET actor = 'nobody' WHERE audit_no = 2"]),
    "audit row lost": Damage("I14", "audit row 3 follows row 1", ["DELETE FROM audit WHERE audit_no = 2"]),
    "last audit rows lost": Damage("I14", "the audit ends with", ["DELETE FROM audit WHERE audit_no = 3"]),
    "audit time goes back": Damage("I17", "audit row 3", ["UPDATE audit SET at = 5 WHERE audit_no = 3"]),
}
# PostgreSQL has types; a column of SQLite takes what it is given.
ON_SQLITE = {
    "float in an entry": Damage("I16", "entry", entry("balance_after = balance_after + 0.5")),
    "float in an account": Damage("I16", "account", account("held_micros = held_micros + 0.5")),
    "float in a lot": Damage("I16", "lot lot1", one_lot("amount_micros = amount_micros + 0.5")),
    "float in a call": Damage("I16", "call c4", call("c4", "held_micros = held_micros + 0.5")),
}
DAMAGE |= ON_SQLITE


def told(report: Report, planted: Damage) -> bool:
    return any(one.invariant == planted.invariant and planted.told in one.detail for one in report.findings)


def test_what_is_sound_is_found_sound(books: Books) -> None:
    seen: list[tuple[int, int]] = []
    report = verify(books.database, lambda done, total: seen.append((done, total)))
    assert report.findings == []
    assert report.clean
    assert (report.organizations, report.calls) == (2, 7)
    assert report.entries == 11
    # The last settle came after the seals; that is no finding.
    assert report.unsealed == 1
    assert seen[-1] == (18, 18)


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_found(books: Books, request: pytest.FixtureRequest, name: str) -> None:
    if name in ON_SQLITE and books.database.dialect != "sqlite":
        return
    planted = DAMAGE[name]
    report = found_after(books, lambda: cast(Cluster, request.getfixturevalue("postgres")), planted.statements)
    assert told(report, planted), report.findings


def test_what_was_planted_is_undone(books: Books) -> None:
    assert verify(books.database).clean
