"""`talktime backup --check` and `talktime backup-drill`, as an operator or a script uses them."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from talktime.actions.backups import checked_of
from talktime.storage import backup as storage
from tests.charging.books import Books
from tests.cli.inside import inside
from tests.core.switch import lot
from tests.support.full_disk import room_for
from tests.support.postgres import Cluster, wait_for
from tests.support.server import TALKTIME
from tests.test_backup import Place


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    with Place(None, folder / "talktime.db").books() as books:
        books.organization(lot("lot1", "10"))
        call(books, "c1")
    return folder


def call(books: Books, name: str) -> None:
    books.authorize(name)
    books.settle(name, 61)


def test_a_drill_says_what_would_be_lost_and_how_long_it_would_take(data: Path) -> None:
    made = json.loads(inside("backup", "--data", data, "--check", "--keep", "1", "--json").stdout)
    assert (made["checked"]["good"], made["removed"]) == (True, [])
    told = json.loads(inside("backup-drill", "--data", data, "--json").stdout)
    assert (told["file"], told["live"], told["lost_entries"], told["lost_seconds"]) == (made["file"], True, 0, 0)
    assert (told["entries"], told["calls"]) == (made["checked"]["entries"], 1)

    with Place(None, data / "talktime.db").books() as books:
        call(books, "c2")
        call(books, "c3")
    told = json.loads(inside("backup-drill", "--data", data, "--json").stdout)
    assert (told["good"], told["lost_entries"]) == (True, 2)
    assert told["back_in_seconds"] >= told["restore_seconds"] > 0
    said = inside("backup-drill", "--data", data).stdout
    assert "would be lost now: 2 entries" in said and "every invariant holds" in said


def test_a_drill_needs_no_database_any_more(data: Path) -> None:
    made = json.loads(inside("backup", "--data", data, "--json").stdout)
    (data / "talktime.db").unlink()
    told = json.loads(inside("backup-drill", made["file"], "--data", data, "--json").stdout)
    assert (told["good"], told["live"], told["lost_entries"]) == (True, False, None)
    assert told["lost_seconds"] >= 0
    assert "the database cannot be read" in inside("backup-drill", "--data", data).stdout


def test_what_cannot_be_done_is_said_before_anything_is_written(data: Path) -> None:
    without_check = inside("backup", "--data", data, "--keep", "3")
    assert (without_check.returncode, "--keep goes with --check" in without_check.stderr) == (2, True)
    somewhere = ("--database", "postgresql://talktime@127.0.0.1:1/x", "--data", data)
    refused = inside("backup-drill", data / "talktime.db", *somewhere)
    assert (refused.returncode, "TALKTIME_SCRATCH_DATABASE" in refused.stderr) == (2, True)
    assert inside("backup", "--check", *somewhere).returncode == 3
    nothing = inside("backup-drill", "--data", data)
    assert (nothing.returncode, "make one with" in nothing.stderr) == (3, True)
    assert not list((data / "backups").glob("*"))


def test_without_a_scratch_database_there_is_a_backup_all_the_same(postgres: Cluster, tmp_path: Path) -> None:
    """It counts for nothing, so nothing is removed, and the service is seen to have failed."""
    with Place(postgres.fresh_database(), tmp_path).books() as books:
        where = ("--database", books.database.url, "--data", tmp_path)
        one, two, three = (tmp_path / f"talktime-2026110{day}T031000Z.talktime" for day in (1, 2, 3))
        told = inside("backup", one, "--check", "--keep", "1", *where)
        assert (told.returncode, "not checked: say which" in told.stderr) == (1, True)
        told = inside("backup", two, "--check", "--keep", "1", "--json", *where)
        assert (told.returncode, json.loads(told.stdout)["checked"]) == (1, None)
        told = inside("backup", three, "--check", "--scratch", books.database.url, *where)
        assert (told.returncode, "the one that is in use" in told.stderr) == (1, True)
        assert one.exists() and two.exists() and three.exists()
        nothing = inside("restore", *where)
        assert (nothing.returncode, "tried and is good" in nothing.stderr) == (2, True)


def test_an_old_program_says_that_it_cannot_try_the_backup_of_a_newer_database(data: Path) -> None:
    with closing(sqlite3.connect(data / "talktime.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    told = inside("backup", "--data", data, "--check")
    assert (told.returncode, "not checked: the backup has schema 9999" in told.stderr) == (1, True)
    assert len(list((data / "backups").iterdir())) == 1


def test_the_newest_good_backup_is_restored_when_none_is_named(data: Path) -> None:
    good = json.loads(inside("backup", "--data", data, "--check", "--json").stdout)["file"]
    wrong = data / "backups" / "talktime-99991231T031000Z.sqlite"
    wrong.write_bytes(Path(good).read_bytes())
    (data / "talktime.db").unlink()
    told = json.loads(inside("restore", "--data", data, "--json").stdout)
    assert (told["file"], told["verify"]["clean"]) == (good, True)


def test_a_backup_that_takes_the_place_of_a_good_one_is_not_good_by_that(data: Path) -> None:
    file = data / "talktime-of-today.sqlite"
    assert inside("backup", file, "--data", data, "--check").returncode == 0
    assert checked_of(file)
    assert inside("backup", file, "--data", data, "--replace").returncode == 0
    assert checked_of(file) is None


def test_a_backup_that_fails_leaves_the_good_one_in_whose_place_it_was_to_come(data: Path) -> None:
    file = data / "talktime-of-today.sqlite"
    assert inside("backup", file, "--data", data, "--check").returncode == 0
    with room_for(100_000):
        assert inside("backup", file, "--data", data, "--replace").returncode == 3
    assert checked_of(file)


def test_a_disk_that_would_be_full_is_seen_before_anything_is_written(data: Path) -> None:
    made = Path(json.loads(inside("backup", "--data", data, "--json").stdout)["file"])
    os.truncate(made, shutil.disk_usage(data).free)
    refused = inside("backup-drill", "--data", data)
    assert (refused.returncode, "the disk would be full" in refused.stderr) == (3, True)
    made.unlink()
    os.truncate(data / "talktime.db", shutil.disk_usage(data).free)
    refused = inside("backup", "--data", data)
    assert (refused.returncode, "the disk would be full" in refused.stderr) == (3, True)
    assert list((data / "backups").iterdir()) == []


def test_a_backup_whose_size_nobody_knew_ends_before_the_disk_is_full(postgres: Cluster, tmp_path: Path) -> None:
    """Where this machine lets anybody have a disk of his own."""
    apart = ["unshare", "--map-root-user", "--mount", "sh", "-uc"]
    if subprocess.run([*apart, "true"], capture_output=True).returncode:
        pytest.skip("nobody may have a disk of his own here")
    with Place(postgres.fresh_database(), tmp_path).books() as books, psycopg.connect(books.database.url) as other:
        other.execute("CREATE TABLE large AS SELECT md5(random()::text) AS words FROM generate_series(1, 100000)")
        other.commit()
        command = shlex.join([*TALKTIME, "backup", str(tmp_path), "--database", books.database.url])
        disk = f"mount -t tmpfs -o size=1025m none {tmp_path}"
        told = subprocess.run([*apart, f"{disk}; {command}; echo $?; ls -A {tmp_path}"], capture_output=True, text=True)
    assert (told.stdout, "the disk would be full" in told.stderr) == ("3\n", True)


def test_what_killed_backups_have_left_goes_with_the_next_a_day_later(data: Path) -> None:
    folder, night = data / "backups", "talktime-20261101T031000Z"
    gone = [f".{night}.sqlite.unfinished", f".{night}.talktime.unfinished", f".{night}.sqlite.checked.json.unfinished"]
    kept = [f"{night}.sqlite.unfinished", ".talktime-of-today.sqlite.unfinished"]
    at_work = ".talktime-20261102T031000Z.sqlite.unfinished"
    folder.mkdir()
    for name in (*gone, f"{gone[0]}-journal", *kept):
        (folder / name).touch()
        os.utime(folder / name, (0, 0))
    (folder / at_work).touch()
    told = inside("backup", "--data", data, "--json")
    made = Path(json.loads(told.stdout)["file"]).name
    assert {one.name for one in folder.iterdir()} == {made, at_work, *kept}


def test_a_backup_that_is_ended_leaves_nothing_half_written(postgres: Cluster, tmp_path: Path) -> None:
    """As systemd ends it when the machine goes down."""
    folder = tmp_path / "backups"
    folder.mkdir()
    with Place(postgres.fresh_database(), tmp_path).books() as books, psycopg.connect(books.database.url) as other:
        # It waits for the one that comes last.
        other.execute("LOCK TABLE users")
        command = [*TALKTIME, "backup", str(folder), "--database", books.database.url]
        with subprocess.Popen(command) as process:
            wait_for("nothing is written", lambda: any(folder.glob(".talktime-*.unfinished")))
            process.terminate()
    assert (process.returncode, list(folder.iterdir())) == (143, [])


def test_of_two_checks_at_once_the_second_says_that_it_was_not_made(data: Path) -> None:
    with storage.scratch(None, data / "backups"):
        told = inside("backup", "--data", data, "--check", "--json")
    assert (told.returncode, "another backup is being checked" in told.stderr) == (1, True)
    assert json.loads(told.stdout)["checked"] is None


def test_a_place_that_cannot_be_used_is_told_in_a_sentence(data: Path) -> None:
    for name in ("backups", ".scratch"):
        (data / name).write_text("words")
    for place in ([], [data / ("long" * 100)], [data / "missing" / "copy"]):
        told = inside("backup", *place, "--data", data)
        assert (told.returncode, "cannot be" in told.stderr) == (3, True)
    not_tried = inside("backup", data / "copy", "--check", "--data", data)
    assert (not_tried.returncode, "not checked: the data folder" in not_tried.stderr) == (1, True)


def test_what_is_no_backup_is_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "words").write_text("words")
    refused = inside("backup-drill", tmp_path / "words", "--data", data)
    assert (refused.returncode, "is no backup" in refused.stderr) == (3, True)


def test_a_database_that_was_restored_by_other_means_is_verified(data: Path) -> None:
    told = inside("restored", "--data", data, "--json")
    assert (told.returncode, json.loads(told.stdout)["clean"]) == (0, True)
