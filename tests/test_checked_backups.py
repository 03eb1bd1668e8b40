"""A backup counts when it was restored for a trial and adds up; old ones go only for one that does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from talktime.actions import backups
from talktime.app import open_app
from talktime.settings import Settings
from talktime.storage import backup as storage
from talktime.storage.backup_postgres import SCRATCH, BackupProblem, must_be_another
from talktime.storage.database import EVERYBODY
from talktime.storage.verify import silent
from tests.charging.books import Books
from tests.core.switch import lot
from tests.support.postgres import Cluster
from tests.test_backup import Place


class House:
    """A database, the folder of its backups, and where they are tried."""

    def __init__(self, place: Place, books: Books, folder: Path, scratch: str | None) -> None:
        self.place, self.books, self.folder, self.scratch = place, books, folder, scratch
        self.suffix = storage.suffix_for(place.url)

    def backup(self, day: int) -> Path:
        made = self.folder / f"talktime-202611{day:02}T031000Z{self.suffix}"
        self.place.backup(made)
        return made

    def check(self, made: Path) -> backups.Checked:
        return backups.check(made, self.scratch, lambda what: silent)[0]


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    place, scratch = Place(None, tmp_path / "talktime.db"), None
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgres")
        place, scratch = Place(cluster.fresh_database(), tmp_path), cluster.fresh_database()
    (tmp_path / "backups").mkdir()
    with place.books() as books:
        books.organization(lot("lot1", "10"))
        books.authorize("c1")
        books.settle("c1", 61)
        yield House(place, books, tmp_path / "backups", scratch)


def test_a_backup_that_adds_up_is_good_and_says_what_is_in_it(house: House) -> None:
    made = house.backup(1)
    assert (backups.checked_of(made), backups.last_good(house.folder)) == (None, None)
    checked = house.check(made)
    assert (checked.good, checked.organizations, checked.calls, checked.bytes) == (True, 1, 1, made.stat().st_size)
    assert backups.last_good(house.folder) == checked
    live = backups.extent_of(house.books.database)
    assert (checked.entries, checked.newest_at) == (live.entries, live.newest_at)
    house.books.authorize("c2")
    house.books.settle("c2", 61)
    assert backups.extent_of(house.books.database).entries == checked.entries + 1


def test_a_backup_that_does_not_add_up_is_not_good(house: House) -> None:
    good = house.check(house.backup(1))
    wrong = text("UPDATE accounts SET posted_micros = posted_micros + 1")
    house.books.database.write(EVERYBODY, lambda tx: tx.execute(wrong))
    assert house.check(house.backup(2)).findings > 0
    assert backups.last_good(house.folder) == good


def test_what_is_said_of_a_backup_is_not_said_of_another_in_its_place(house: House) -> None:
    made = house.backup(1)
    assert house.check(made).good
    with made.open("ab") as file:
        file.write(b"more")
    assert (backups.checked_of(made), backups.last_good(house.folder)) == (None, None)


def test_a_database_where_nothing_is_yet_has_no_history(postgres: Cluster, tmp_path: Path) -> None:
    assert backups.live_extent(postgres.fresh_database(), tmp_path) is None


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
def test_old_ones_go_when_enough_good_ones_are_newer(house: House) -> None:
    made = [house.backup(day) for day in range(1, 6)]
    assert backups.keep(house.folder, 2) == []
    for one in (made[0], made[1], made[3]):
        house.check(one)
    # The one of the third day nobody has tried, so it counts for nothing; nor does the newest.
    assert backups.keep(house.folder, 2) == [made[0]]
    assert backups.backups_in(house.folder) == [made[4], made[3], made[2], made[1]]
    assert backups.keep(house.folder, 1) == [made[2], made[1]]
    assert len(list(house.folder.glob("*.checked.json"))) == 1


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
def test_what_somebody_has_named_is_never_chosen_or_removed_by_itself(house: House) -> None:
    named = house.folder / f"talktime-before-upgrade{house.suffix}"
    house.place.backup(named)
    house.check(named)
    assert (backups.backups_in(house.folder), backups.last_good(house.folder)) == ([], None)
    made = [house.backup(day) for day in (1, 2)]
    for one in made:
        house.check(one)
    assert next(backups.good_in(house.folder))[0] == made[1]
    assert backups.keep(house.folder, 1) == [made[0]]
    assert backups.checked_of(named)


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
def test_a_folder_that_others_use_for_a_trial_too_keeps_what_is_theirs(house: House) -> None:
    place = house.folder / ".scratch"
    (place / "theirs").mkdir(parents=True)
    (place / "copy-of-talktime.db.old").touch()
    assert house.check(house.backup(1)).good
    assert sorted(one.name for one in place.iterdir()) == ["copy-of-talktime.db.old", "theirs"]


def test_what_a_check_that_was_killed_has_left_is_in_nobodys_way(house: House) -> None:
    made = house.backup(1)
    with pytest.raises(KeyboardInterrupt):
        backups.check(made, house.scratch, interrupted)
    if house.scratch:
        with psycopg.connect(house.scratch) as connection:
            connection.execute(f"CREATE TABLE {SCRATCH} AS SELECT 1 AS row".encode())
            connection.execute("CREATE TABLE entries (half integer)")
    else:
        (house.folder / ".scratch").mkdir()
        (house.folder / ".scratch" / "talktime.db").write_bytes(b"half of it")
    assert house.check(made).good
    assert not (house.folder / ".scratch").exists()


def interrupted(what: str) -> backups.Progress:
    raise KeyboardInterrupt


def test_only_an_empty_database_is_taken_for_scratch(postgres: Cluster, tmp_path: Path) -> None:
    place = Place(postgres.fresh_database(), tmp_path)
    with place.books() as books:
        made = tmp_path / "copy"
        place.backup(made)
        with pytest.raises(BackupProblem, match="has tables in it"):
            backups.check(made, place.url, lambda what: silent)
        assert len(backups.extent_of(books.database).__struct_fields__) == 2
    scratch = postgres.fresh_database()
    must_be_another(scratch, place.url or "")
    for one, other in ((place.url, place.url), (place.url, postgres.socket_url((place.url or "").rpartition("/")[2]))):
        with pytest.raises(BackupProblem, match="is the one that is in use"):
            must_be_another(one or "", other or "")
    with storage.scratch(scratch, tmp_path), pytest.raises(BackupProblem, match="another backup is being checked"):
        backups.check(made, scratch, lambda what: silent)


def test_a_log_that_was_left_behind_is_not_read_into_what_is_restored(tmp_path: Path) -> None:
    place = Place(None, tmp_path / "talktime.db")
    with place.books():
        place.backup(tmp_path / "copy")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "talktime.db-wal").write_bytes(b"of another database")
    with pytest.raises(BackupProblem, match=r"talktime\.db-wal"):
        storage.restore(tmp_path / "copy", None, tmp_path / "new" / "talktime.db", silent)


def test_the_age_of_the_last_good_one_is_a_figure(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    with closing(open_app(settings)) as app:
        app.watch()
        assert app.meters.backed_up_at._value.get() == 0
        settings.backup_folder.mkdir()
        made = settings.backup_folder / "talktime-20261101T031000Z.sqlite"
        storage.backup(None, settings.sqlite_path, made, silent)
        backups.check(made, None, lambda what: silent)
        app.watch()
        assert abs(app.meters.backed_up_at._value.get() - time.time()) < 3600
