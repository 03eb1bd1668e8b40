"""What happens when a database cannot be written, or nobody knows whether it was (Q9): nothing is granted, nothing is
done by halves, and who asks again with the same ids gets one effect."""

from __future__ import annotations

import json
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, NamedTuple

import psycopg
import pytest
from sqlalchemy import text

from talktime.actions import funds
from talktime.actions.audit import Actor
from talktime.charging.engine import Engine, Shelf
from talktime.core.calls import Answer, Command, Granted
from talktime.storage import postgres_store, wire
from talktime.storage.database import EVERYBODY, Database, PostgresDatabase, ReadTx, SqliteDatabase, open_reader
from talktime.storage.errors import NotCompacted, StoreError, StoreUnavailable
from talktime.storage.postgres_statements import PLANS, Statements
from talktime.storage.postgres_store import PostgresStore
from talktime.storage.sqlite_store import SqliteStore
from tests.core.switch import NOW, YEAR
from tests.storage.conftest import Maker
from tests.storage.shop import PRICES, Phone, Shop
from tests.support.postgres import Cluster, new_cluster
from tests.support.proxy import Cut, Proxy

IN_MEMORY = Path("/dev/shm")
ORGS = (1, 2, 3)
COMMIT = (b"COMMIT\0", Statements(everywhere=False).commit.name)


# ---------------------------------------------------------------- the work, and what it must come to


def before(shop: Shop, org_ids: Sequence[int] = ORGS) -> None:
    """Some calls are in progress."""
    shop.open(*org_ids)
    phones = [Phone(shop.engine, org_id) for org_id in org_ids]
    shop.engine.run([phone.authorization(call_id) for phone in phones for call_id in ("open", "longer", "over")])


def work(shop: Shop, org_ids: Sequence[int] = ORGS) -> list[Command]:
    """One batch with something of everything, the same for each organization."""
    made: list[Command] = []
    for org_id in org_ids:
        phone = Phone(shop.engine, org_id)
        phone.later(30)
        made += [
            phone.authorization("new"),
            phone.authorization("dear", to="+33199001234"),
            phone.authorization("nowhere", to="+9991234567"),
            phone.extension("longer", 300),
            phone.settlement("open", 61),
            phone.settlement("unheard", 5),
        ]
    return made


Effect = dict[str, list[Any]]


def effect(shop: Shop, org_id: int) -> Effect:
    """All that a batch changes of an organization, but for when a call was last heard of."""
    queries = {
        "accounts": "SELECT posted_micros, held_micros, last_entry_no FROM accounts",
        "lots": "SELECT lot_id, posted_micros, held_micros, state FROM lots",
        "calls": "SELECT call_id, state, held_micros, charge_micros FROM calls",
        "entries": "SELECT entry_no, entry_key, amount_micros, balance_after, postings FROM entries",
    }

    def rows(tx: ReadTx, query: str) -> list[Any]:
        return [tuple(row) for row in tx.execute(text(f"{query} WHERE org_id = {org_id} ORDER BY 1"))]

    return {name: shop.database.read(EVERYBODY, rows, query) for name, query in queries.items()}


class Wanted(NamedTuple):
    """Of one organization, where nothing goes wrong."""

    early: Effect
    late: Effect
    answers: list[str]


@pytest.fixture(scope="module")
def wanted(maker: Maker, tmp_path_factory: pytest.TempPathFactory) -> Wanted:
    with maker.shop_on("sqlite", tmp_path_factory.mktemp("wanted")) as shop:
        before(shop, [1])
        early = effect(shop, 1)
        shop.engine.run(work(shop, [1]))
        late = effect(shop, 1)
        assert shop.problems() == []
        return Wanted(early, late, said(shop.engine.run(work(shop, [1]))))


def said(answers: Sequence[Answer]) -> list[str]:
    """Usage rows have ids of their own."""
    return [re.sub(r"usage_id='[^']*'", "", repr(answer)) for answer in answers]


def done(shop: Shop, wanted: Wanted, org_ids: Sequence[int] = ORGS) -> bool | None:
    """Whether the work was done; None when it was done by halves."""
    found = [effect(shop, org_id) for org_id in org_ids]
    return True if found == [wanted.late] * len(found) else False if found == [wanted.early] * len(found) else None


def wrong(shop: Shop, wanted: Wanted, org_ids: Sequence[int] = ORGS) -> list[str]:
    """After whatever happened: what is there by halves; what asking again, twice, does not put right; what does not
    add up."""
    return wrong_at_once(shop, wanted, org_ids) + shop.problems()


def wrong_at_once(shop: Shop, wanted: Wanted, org_ids: Sequence[int] = ORGS) -> list[str]:
    """Without the long look through the books."""
    found = ["it is done by halves"] if done(shop, wanted, org_ids) is None else []
    for time_asked in ("asked again", "asked once more"):
        try:
            told = said(shop.engine.run(work(shop, org_ids)))
        except StoreError as error:
            return [*found, f"{time_asked}: {error}"]
        if told != wanted.answers * len(org_ids):
            found.append(f"{time_asked}: other answers")
        if not done(shop, wanted, org_ids):
            found.append(f"{time_asked}: another effect")
    return found


def asked(shop: Shop, org_ids: Sequence[int] = ORGS) -> list[Answer]:
    """No answer when the store says that it is not available."""
    try:
        return shop.engine.run(work(shop, org_ids))
    except StoreUnavailable:
        return []


def granted(answers: Sequence[Answer]) -> bool:
    return any(isinstance(answer, Granted) for answer in answers)


# ---------------------------------------------------------------- SQLite: a statement fails


class Flaky(sqlite3.Connection):
    """The n-th statement of the engine fails, before it is done or after; or all from there on."""

    fail_at = 0
    stays = False
    done_first = False
    also_commits = False
    said = 0

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        return self._perhaps(statement, lambda: super(Flaky, self).execute(statement, *values))

    def executemany(self, statement: str, rows: Any) -> sqlite3.Cursor:
        return self._perhaps(statement, lambda: super(Flaky, self).executemany(statement, rows))

    def _perhaps(self, statement: str, do: Callable[[], sqlite3.Cursor]) -> sqlite3.Cursor:
        if not self.fail_at or statement == "ROLLBACK":
            return do()
        self.said += 1
        if self.said == self.fail_at or (self.stays and self.said > self.fail_at):
            if self.done_first:
                do()
            if self.also_commits and self.in_transaction:
                super().execute("COMMIT")
            raise sqlite3.OperationalError("disk I/O error")
        return do()


@pytest.fixture(scope="module")
def in_progress(maker: Maker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with calls in progress."""
    with maker.shop_on("sqlite", tmp_path_factory.mktemp("in_progress")) as shop:
        before(shop)
        assert isinstance(shop.database, SqliteDatabase)
        return shop.database.path


@contextmanager
def flaky_shop(in_progress: Path) -> Iterator[tuple[Shop, Flaky]]:
    """In memory where there is such a place, since it is not the disk that fails here."""
    with TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.exists() else None) as folder:
        path = Path(shutil.copy(in_progress, folder))
        database = SqliteDatabase(path, partial(sqlite3.connect, factory=Flaky))
        shop = Shop(database, SqliteStore(database))
        assert isinstance(database.connection, Flaky)
        yield shop, database.connection
        shop.close()


def statements_of_a_batch(in_progress: Path) -> int:
    with flaky_shop(in_progress) as (shop, flaky):
        flaky.fail_at = 10**6
        shop.engine.run(work(shop))
        return flaky.said


@pytest.mark.parametrize("done_first", [False, True], ids=["before it is done", "after it is done"])
@pytest.mark.parametrize("stays", [False, True], ids=["once", "for good"])
def test_whichever_statement_fails_nothing_is_done_by_halves(
    in_progress: Path, wanted: Wanted, done_first: bool, stays: bool
) -> None:
    """From BEGIN to COMMIT. A single failure is healed by the engine itself; a lasting one grants nothing."""
    count = statements_of_a_batch(in_progress)
    assert count >= 12
    for number in range(1, count + 1):
        with flaky_shop(in_progress) as (shop, flaky):
            flaky.fail_at, flaky.done_first, flaky.stays = number, done_first, stays
            answers = asked(shop)
            flaky.fail_at = 0
            assert granted(answers) is not stays, number
            assert wrong_at_once(shop, wanted) == [], number
            assert number % 5 or shop.problems() == [], number


def test_a_store_that_does_things_by_halves_is_noticed(in_progress: Path, wanted: Wanted) -> None:
    """The check can fail: a commit in the middle."""
    found = []
    for number in range(7, 12):
        with flaky_shop(in_progress) as (shop, flaky):
            flaky.fail_at, flaky.stays, flaky.done_first, flaky.also_commits = number, True, True, True
            asked(shop)
            flaky.fail_at = 0
            found.append(wrong(shop, wanted))
    assert all(found[:-1])


# ---------------------------------------------------------------- SQLite: the disk is full


def test_a_full_database_grants_nothing_and_goes_on_when_there_is_room(sqlite_shop: Shop, wanted: Wanted) -> None:
    """SQLite itself says so, at whichever page of the batch it comes to the limit."""
    before(sqlite_shop)
    assert isinstance(sqlite_shop.database, SqliteDatabase)
    db = sqlite_shop.database.connection
    db.execute("CREATE TABLE filler (words TEXT)")
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages}")
    with suppress(sqlite3.OperationalError):
        while True:
            db.execute("INSERT INTO filler VALUES (hex(randomblob(100)))")

    many = [sqlite_shop.phone().authorization(f"more-{number}") for number in range(200)]
    with pytest.raises(StoreUnavailable, match="full"):
        sqlite_shop.engine.run(many)
    with pytest.raises(StoreUnavailable, match="full"):
        sqlite_shop.database.write(1, _grant)
    assert done(sqlite_shop, wanted) is False

    db.execute("PRAGMA max_page_count = 1000000")
    assert wrong(sqlite_shop, wanted) == []


def _grant(tx: Any) -> None:
    """Enough to need a page more."""
    actor = Actor("key_" + "x" * 5000, NOW)
    for number in range(5):
        funds.grant(tx, 1, funds.Grant(f"9{number:04}", 10_000, NOW + YEAR, 100), actor)


def in_a_process_of_its_own(what: str, folder: Path) -> Any:
    """See `tests/storage/trouble.py`."""
    command = [sys.executable, "-m", "tests.storage.trouble", what, str(folder)]
    ended = subprocess.run(command, capture_output=True, timeout=60)
    assert ended.returncode == 0, ended.stderr.decode()
    return json.loads(ended.stdout)


def test_wherever_the_disk_is_full_a_batch_is_there_whole_or_not_at_all(
    maker: Maker, tmp_path: Path, wanted: Wanted
) -> None:
    """The kernel refuses a write of the log somewhere in the batch."""
    with maker.shop_on("sqlite", tmp_path) as shop:
        before(shop)
    told = in_a_process_of_its_own("full", tmp_path)
    assert len(told) >= 5
    assert [one["granted"] for one in told] == [False] * len(told)
    assert [one["error"] for one in told] == ["StoreUnavailable"] * len(told)
    database = SqliteDatabase(tmp_path / "talktime.db")
    shop = Shop(database, SqliteStore(database))
    try:
        assert wrong(shop, wanted) == []
    finally:
        shop.close()


def test_a_file_that_cannot_be_written_anew_says_what_is_left_in_it(sqlite_shop: Shop) -> None:
    before(sqlite_shop)
    assert isinstance(sqlite_shop.database, SqliteDatabase)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limit[1]))
    try:
        with pytest.raises(NotCompacted, match=r"may still be read .* Run the same command again"):
            sqlite_shop.database.compact()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    reader = open_reader(sqlite_shop.database.path, sqlite3.connect)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM users").fetchone()
    with pytest.raises(NotCompacted, match="somebody reads it"):
        sqlite_shop.database.compact()
    reader.close()
    sqlite_shop.database.compact()
    assert sqlite_shop.problems() == []


# ---------------------------------------------------------------- SQLite: somebody else, or nobody, may write

HOLD = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_by_another_process(path: Path) -> Iterator[None]:
    command = [sys.executable, "-I", "-S", "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"held\n"
        yield
        process.communicate()


def test_while_another_process_holds_the_lock_nothing_is_granted(sqlite_shop: Shop, wanted: Wanted) -> None:
    before(sqlite_shop)
    assert isinstance(sqlite_shop.database, SqliteDatabase)
    with held_by_another_process(sqlite_shop.database.path):
        begun = time.monotonic()
        assert asked(sqlite_shop) == []
        with pytest.raises(StoreUnavailable, match="locked"):
            sqlite_shop.database.write(1, _grant)
        assert time.monotonic() - begun < 5
        # Who only reads goes on.
        assert done(sqlite_shop, wanted) is False
    assert wrong(sqlite_shop, wanted) == []


@pytest.mark.parametrize("what", ["new", "there"])
def test_a_folder_that_cannot_be_written_is_told_in_a_sentence(maker: Maker, tmp_path: Path, what: str) -> None:
    if what == "there":
        with maker.shop_on("sqlite", tmp_path) as shop:
            before(shop)
    told = in_a_process_of_its_own("read-only", tmp_path)
    assert told["error"] == "StoreUnavailable"
    assert "talktime.db" in told["words"]


# ---------------------------------------------------------------- PostgreSQL: the connection is cut


@pytest.fixture
def proxy(postgres_shop: Shop) -> Iterator[Proxy]:
    with Proxy(port_of(postgres_shop.database.url)) as found:
        yield found


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])


@contextmanager
def through(shop: Shop, proxy: Proxy) -> Iterator[Shop]:
    """Another engine, on a new connection through the proxy; we ourselves look at the database without it."""
    url = shop.database.url
    store = PostgresStore(url.replace(f":{port_of(url)}/", f":{proxy.port}/"), lanes=1)
    try:
        yield Shop(shop.database, store)
    finally:
        proxy.heal()
        store.close()


BIG = 1 << 30
POINTS = (0.02, 0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 0.999)


@pytest.mark.parametrize("stays", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("way", ["asked", "told"])
def test_wherever_the_connection_is_cut_nothing_is_done_by_halves(
    postgres_shop: Shop, proxy: Proxy, wanted: Wanted, way: str, stays: bool
) -> None:
    """From the first byte of a new connection to the last of the answer to COMMIT; another organization each time."""
    org_ids = range(10, 11 + len(POINTS))
    before(postgres_shop, org_ids)
    proxy.cut = measure = Cut(asked=BIG, told=BIG)
    with through(postgres_shop, proxy) as shop:
        assert granted(asked(shop, org_ids[:1]))
        assert measure.asked and measure.told
        length = BIG - (measure.asked if way == "asked" else measure.told)

    seen = set()
    for org_id, point in zip(org_ids[1:], POINTS, strict=True):
        with through(postgres_shop, proxy) as shop:
            at = int(length * point)
            proxy.cut = Cut(asked=at, stays=stays) if way == "asked" else Cut(told=at, stays=stays)
            answers = asked(shop, [org_id])
            proxy.heal()
            seen.add((granted(answers), done(postgres_shop, wanted, [org_id])))
            assert wrong_at_once(shop, wanted, [org_id]) == [], f"{way}: {at} of {length}"
    assert proxy.cuts == len(POINTS)
    if not stays:
        # The engine asks again by itself.
        assert seen == {(True, True)}
    else:
        # Nothing is granted; an answer that is lost may be the one to COMMIT.
        assert seen == ({(False, False)} if way == "asked" else {(False, False), (False, True)})
    assert postgres_shop.problems() == []


@pytest.mark.parametrize("stays", [False, True], ids=["once", "for good"])
def test_a_commit_whose_answer_is_lost_happens_once(
    postgres_shop: Shop, proxy: Proxy, wanted: Wanted, stays: bool
) -> None:
    before(postgres_shop)
    with through(postgres_shop, proxy) as shop:
        shop.engine.run([shop.phone(9).authorization("nobody")])
        proxy.cut = Cut(after=COMMIT, stays=stays)
        answers = asked(shop)
        assert proxy.cuts == 1
        assert done(postgres_shop, wanted)
        # Who cannot ask what became of it says nothing.
        assert said(answers) == ([] if stays else wanted.answers * len(ORGS))
        proxy.heal()
        assert wrong(shop, wanted) == []


def test_a_connection_that_goes_silent_is_given_up(
    postgres_shop: Shop, proxy: Proxy, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule 16: the deadline is ours. A machine that has lost its power says no goodbye."""
    monkeypatch.setattr(wire, "SILENCE_SECONDS", 0.2)
    before(postgres_shop)
    with through(postgres_shop, proxy) as shop:
        shop.engine.run([shop.phone(9).authorization("nobody")])
        proxy.silent = True
        answers: list[Sequence[Answer]] = []
        asking = Thread(target=lambda: answers.append(asked(shop)))
        asking.start()
        # A new connection is waited for as long as for any other.
        asking.join(12)
        given_up = not asking.is_alive()
        proxy.heal()
        asking.join()
        assert given_up
        assert answers == [[]]
        assert wrong(shop, wanted) == []


def test_a_connection_that_died_while_nothing_was_asked_is_replaced(postgres_shop: Shop, wanted: Wanted) -> None:
    before(postgres_shop)
    _end_all(postgres_shop.database)
    assert granted(asked(postgres_shop))
    assert wrong(postgres_shop, wanted) == []


def _end_all(database: Database) -> None:
    query = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'talktime-engine' AND datname = current_database()"""
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(query)
    time.sleep(0.1)


def test_a_step_of_people_whose_commit_is_cut_says_so_and_is_there_whole(postgres_shop: Shop, proxy: Proxy) -> None:
    postgres_shop.open(1)
    url = postgres_shop.database.url
    people = PostgresDatabase(url.replace(f":{port_of(url)}/", f":{proxy.port}/"))
    people.read(1, lambda tx: tx.execute(text("SELECT 1")))
    proxy.cut = Cut(after=COMMIT)
    with pytest.raises(StoreUnavailable):
        people.write(1, _grant)
    assert proxy.cuts == 1
    people.close()
    assert len(effect(postgres_shop, 1)["lots"]) == 6
    assert postgres_shop.problems() == []


# ---------------------------------------------------------------- PostgreSQL: the server says no, or nothing


@contextmanager
def slow_commits(url: str, body: str) -> Iterator[None]:
    """What a trigger on new entries does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            f"CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;"
            "CREATE TRIGGER trouble BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION trouble()".encode()
        )
        yield
        connection.execute("DROP TRIGGER trouble ON entries")


@pytest.mark.parametrize("state", ["53100", "53200", "57P01", "58030", "XX001"])
def test_a_server_without_room_or_in_trouble_grants_nothing(postgres_shop: Shop, wanted: Wanted, state: str) -> None:
    before(postgres_shop)
    with slow_commits(postgres_shop.database.url, f"RAISE EXCEPTION 'no room' USING ERRCODE = '{state}';"):
        with pytest.raises(StoreUnavailable, match="no room"):
            postgres_shop.engine.run(work(postgres_shop))
        assert done(postgres_shop, wanted) is False
    assert wrong(postgres_shop, wanted) == []


def test_while_an_account_is_locked_for_long_nothing_of_it_is_granted(
    postgres_shop: Shop, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    before(postgres_shop)
    monkeypatch.setattr(postgres_store, "PLANS", PLANS.replace("lock_timeout=2000", "lock_timeout=50"))
    store = PostgresStore(postgres_shop.database.url)
    postgres_shop.engine = Engine(store, Shelf(lambda: PRICES))
    with psycopg.connect(postgres_shop.database.url) as other:
        other.execute("SET LOCAL app.orgs = '1'")
        other.execute("SELECT 1 FROM accounts WHERE org_id = 1 FOR UPDATE")
        answers = asked(postgres_shop)
        assert len(answers) == 18
        assert not granted(answers[:6])
        # The others had nothing to do with it.
        assert [granted(answers[6:12]), granted(answers[12:])] == [True, True]
        other.rollback()
    assert done(postgres_shop, wanted, [1]) is False
    assert done(postgres_shop, wanted, [2, 3]) is True
    assert postgres_shop.problems() == []
    postgres_shop.engine.run(work(postgres_shop))
    assert wrong(postgres_shop, wanted) == []
    store.close()


# ---------------------------------------------------------------- PostgreSQL: the server goes away


@pytest.fixture(scope="module")
def mortal() -> Iterator[Cluster]:
    """One that may be stopped."""
    with new_cluster(fsync=False) as cluster:
        yield cluster


@pytest.fixture
def mortal_shop(mortal: Cluster, tmp_path: Path) -> Iterator[Shop]:
    with Maker(tmp_path, lambda: mortal).shop_on("postgresql", tmp_path) as shop:
        before(shop)
        yield shop


class Interrupted(PostgresStore):
    """Something happens while a batch is written."""

    happens: Callable[[], None] | None = None

    @contextmanager
    def transaction(self, org_ids: Sequence[int], locked: bool) -> Iterator[Any]:
        with super().transaction(org_ids, locked) as tx:
            yield tx
            if self.happens:
                self.happens()
                self.happens = None


def test_a_server_that_stops_in_the_middle_of_a_batch_has_done_nothing_of_it(
    mortal: Cluster, mortal_shop: Shop, wanted: Wanted
) -> None:
    store = Interrupted(mortal_shop.database.url)
    mortal_shop.engine = Engine(store, Shelf(lambda: PRICES))
    store.happens = lambda: mortal.stop(immediate=True)
    assert asked(mortal_shop) == []
    with pytest.raises(StoreUnavailable):
        mortal_shop.database.write(1, _grant)
    mortal.start()
    assert done(mortal_shop, wanted) is False
    assert wrong(mortal_shop, wanted) == []
    store.close()


def test_a_commit_whose_wait_for_a_standby_is_cancelled_is_no_success(
    mortal: Cluster, mortal_shop: Shop, wanted: Wanted
) -> None:
    """PostgreSQL says COMMIT, and in a warning that no standby has it."""
    with psycopg.connect(mortal.superuser_url(), autocommit=True) as other:
        other.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        other.execute("SELECT pg_reload_conf()")
        answers: list[Sequence[Answer]] = []
        asking = Thread(target=lambda: answers.append(asked(mortal_shop)))
        asking.start()
        # Each time that it asks, the engine waits for the standby; each time somebody has no patience.
        while asking.is_alive():
            other.execute("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
            asking.join(0.02)
        other.execute("ALTER SYSTEM RESET synchronous_standby_names")
        other.execute("SELECT pg_reload_conf()")
    assert answers == [[]]
    assert wrong(mortal_shop, wanted) == []
