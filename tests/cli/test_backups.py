"""`talktime backup --check` and `talktime backup-drill`, as an operator or a script uses them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.charging.books import Books
from tests.cli.inside import inside
from tests.core.switch import lot
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
    for command in (("backup", "--check"), ("backup-drill", data / "talktime.db")):
        refused = inside(*command, *somewhere)
        assert (refused.returncode, "TALKTIME_SCRATCH_DATABASE" in refused.stderr) == (2, True)
    nothing = inside("backup-drill", "--data", data)
    assert (nothing.returncode, "make one with" in nothing.stderr) == (3, True)
    assert not (data / "backups").exists()


def test_what_is_no_backup_is_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "words").write_text("words")
    refused = inside("backup-drill", tmp_path / "words", "--data", data)
    assert (refused.returncode, "is no backup" in refused.stderr) == (3, True)


def test_a_database_that_was_restored_by_other_means_is_verified(data: Path) -> None:
    told = inside("restored", "--data", data, "--json")
    assert (told.returncode, json.loads(told.stdout)["clean"]) == (0, True)
