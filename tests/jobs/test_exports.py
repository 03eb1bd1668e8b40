"""Exports are made by whoever has time; who dies over one is followed by another."""

from __future__ import annotations

import json
import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from talktime.actions import jobs, persons
from talktime.actions.audit import Actor
from talktime.actions.erasure import erase
from talktime.actions.files_about import Files
from talktime.actions.upkeep import Stopped
from talktime.app import open_app
from talktime.core.ids import org_number
from talktime.core.time import DAY, SECOND
from talktime.jobs import exports
from talktime.jobs.exports import forget_exports, make_exports, remove_left_over
from talktime.reports import export_files
from talktime.reports.csv_files import harmless
from talktime.reports.export_files import PORTION
from talktime.storage import usage_store
from talktime.storage.errors import StoreUnavailable
from talktime.storage.job_store import JobRow
from tests.support.usage import add_usage, usage_row
from tests.web.client import START, Client, Door, Organization, World

RANGE = {"from": "2030-04-01T00:00:00Z", "to": "2030-04-03T00:00:00Z"}


def never() -> bool:
    return False


def begun(org: Organization, **fields: Any) -> str:
    answer = org.api.post("/v1/exports", RANGE | fields)
    assert answer.status == 202, answer.content
    return str(answer.json["id"])


def read(org: Organization, export: str) -> dict[str, Any]:
    told: dict[str, Any] = org.api.get(f"/v1/exports/{export}").json
    return told


def in_hand(world: World) -> JobRow:
    [job] = jobs.to_do(world.app.database, "export", world.app.now())
    return job


def test_what_was_asked_for_is_made(anywhere: World) -> None:
    org = anywhere.organization()
    add_usage(anywhere.app.database, org.id, START - SECOND)
    export = begun(org)
    assert (read(org, export)["status"], read(org, export)["progress"]) == ("running", 0)
    assert make_exports(anywhere.app, never) == 1
    told = read(org, export)
    assert (told["status"], told["progress"], told["filename"]) == ("done", 100, f"Calls.Export.{export}.zip")
    assert make_exports(anywhere.app, never) == 0


def test_who_works_on_it_works_alone(anywhere: World) -> None:
    begun(anywhere.organization())
    job, database = in_hand(anywhere), anywhere.app.database
    assert jobs.taken(database, job, START)
    assert jobs.taken(database, job, START) is None
    assert make_exports(anywhere.app, never) == 0


def test_who_falls_silent_is_followed_by_another(anywhere: World) -> None:
    org = anywhere.organization()
    export = begun(org)
    dead = jobs.taken(anywhere.app.database, in_hand(anywhere), anywhere.app.now())
    assert dead
    anywhere.clock.pass_seconds(179)
    assert make_exports(anywhere.app, never) == 0
    anywhere.clock.pass_seconds(2)
    assert make_exports(anywhere.app, never) == 1
    assert read(org, export)["status"] == "done"
    with pytest.raises(jobs.TakenOver):
        dead.go_on(1, 2, START)
    with pytest.raises(jobs.TakenOver):
        dead.end("x", START)
    assert read(org, export)["filename"] == f"Calls.Export.{export}.zip"


def test_who_tells_of_progress_keeps_it(world: World) -> None:
    org = world.organization()
    export = begun(org)
    work = jobs.taken(world.app.database, in_hand(world), START)
    assert work
    work.go_on(1, 4, START + 150 * SECOND)
    assert read(org, export)["progress"] == 25
    assert jobs.to_do(world.app.database, "export", START + 300 * SECOND) == []
    assert len(jobs.to_do(world.app.database, "export", START + 150 * SECOND + jobs.HELD_FOR)) == 1


def test_a_file_that_was_half_written_is_begun_anew(world: World) -> None:
    org = world.organization()
    for _ in range(3):
        add_usage(world.app.database, org.id, START - SECOND)
    export = begun(org)
    folder = world.app.settings.export_folder
    (folder / f".{export}.1").mkdir(parents=True)
    (folder / f".{export}.1" / "half").write_bytes(b"x")
    assert make_exports(world.app, never) == 1
    assert [path.name for path in folder.iterdir()] == [f"Calls.Export.{export}.zip"]


def test_a_process_that_ends_gives_it_back(world: World) -> None:
    org = world.organization()
    add_usage(world.app.database, org.id, START - SECOND)
    export = begun(org)
    with pytest.raises(Stopped):
        make_exports(world.app, lambda: True)
    assert list(world.app.settings.export_folder.iterdir()) == []
    assert make_exports(world.app, never) == 1
    assert read(org, export)["status"] == "done"


def test_a_store_that_does_not_answer_is_no_fault_of_an_export(world: World) -> None:
    org = world.organization()
    add_usage(world.app.database, org.id, START - SECOND)
    export = begun(org)

    def away() -> bool:
        raise StoreUnavailable("gone")

    with pytest.raises(StoreUnavailable):
        make_exports(world.app, away)
    assert read(org, export)["status"] == "running"
    world.clock.pass_seconds(181)
    assert make_exports(world.app, never) == 1


def test_what_cannot_be_made_says_so(world: World) -> None:
    org = world.organization()
    add_usage(world.app.database, org.id, START - SECOND)
    export = begun(org)
    world.app.settings.export_folder.write_text("a file where the folder should be")
    assert make_exports(world.app, never) == 0
    told = read(org, export)
    assert (told["status"], told["filename"]) == ("failed", None)
    assert "log" in told["error"]
    assert org.api.get(f"/v1/exports/{export}/download").code == "export_not_done"


def test_an_export_is_forgotten_after_a_week(anywhere: World) -> None:
    org = anywhere.organization()
    export = begun(org)
    make_exports(anywhere.app, never)
    anywhere.clock.pass_days(6.9)
    assert forget_exports(anywhere.app, never) == 0
    anywhere.clock.pass_days(0.2)
    assert forget_exports(anywhere.app, never) == 1
    assert org.api.get(f"/v1/exports/{export}").status == 404
    assert list(anywhere.app.settings.export_folder.iterdir()) == []


def test_a_file_whose_export_was_forgotten_elsewhere_goes_as_well(world: World) -> None:
    """Several machines without a common folder: whoever forgets an export has only its own files at hand."""
    folder = world.app.settings.export_folder
    (folder / ".exp_1.5").mkdir(parents=True)
    for name in ("Calls.Export.exp_1.zip", "Calls.Export.exp_2.zip"):
        (folder / name).touch()
    for name, days in ((".exp_1.5", 8.1), ("Calls.Export.exp_1.zip", 8.1), ("Calls.Export.exp_2.zip", 7.9)):
        _dated(folder / name, world.clock.at - days * DAY)
    assert remove_left_over(world.app, never) == 2
    assert [path.name for path in folder.iterdir()] == ["Calls.Export.exp_2.zip"]


def test_what_somebody_else_keeps_in_the_folder_of_exports_stays(world: World) -> None:
    """TALKTIME_EXPORTS may name any folder, and everything in it may be old."""
    folder = world.app.settings.export_folder
    for name in (".ssh", "photos", "photos.5", ".exp_1.5.old"):
        (folder / name).mkdir(parents=True)
    for name in ("Calls.Export.zip", "Calls.Export.2019.zip", "notes.txt"):
        (folder / name).touch()
    there = sorted(folder.iterdir())
    for path in there:
        _dated(path, world.clock.at - 400 * DAY)
    assert remove_left_over(world.app, never) == 0
    assert sorted(folder.iterdir()) == there


def _dated(path: Path, at: float) -> None:
    os.utime(path, (at / SECOND, at / SECOND))


def test_machines_that_share_a_folder_hand_out_each_others_exports(postgres_world: World, tmp_path: Path) -> None:
    org = postgres_world.organization()
    add_usage(postgres_world.app.database, org.id, START - SECOND)
    export = begun(org)
    shared = replace(postgres_world.app.settings, exports=tmp_path / "shared")
    worker, server = (
        open_app(replace(shared, data=tmp_path / name), postgres_world.clock) for name in ("worker", "server")
    )
    with closing(worker), closing(server):
        assert make_exports(worker, never) == 1
        door = Door(server)
        with closing(door):
            told = Client(door, org.api.key, org.id).get(f"/v1/exports/{export}/download")
    assert (told.status, told.content[:2]) == (200, b"PK")


def test_it_tells_of_progress_while_it_reads(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    org = world.organization()
    org_id = org_number(org.id)
    assert org_id
    rows = [usage_row(org_id, START - DAY + number) for number in range(25)]
    world.app.database.write(org_id, usage_store.add, rows)
    begun(org)
    monkeypatch.setattr(export_files, "PORTION", 5)
    monkeypatch.setattr(exports, "TOLD_EVERY", 10)
    told: list[int] = []
    on = jobs.Work.go_on

    def go_on(work: jobs.Work, done: int, total: int, now: int) -> None:
        on(work, done, total, now)
        told.append(done)

    monkeypatch.setattr(jobs.Work, "go_on", go_on)
    assert make_exports(world.app, never) == 1
    assert told == [0, 10, 20, 25]


def test_a_process_that_ends_leaves_no_cursor_behind(anywhere: World) -> None:
    org = anywhere.organization()
    org_id = org_number(org.id)
    assert org_id
    rows = [usage_row(org_id, START - DAY + number) for number in range(2 * PORTION + 1)]
    anywhere.app.database.write(org_id, usage_store.add, rows)
    export = begun(org)
    asked: list[bool] = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) > 1

    with pytest.raises(Stopped):
        make_exports(anywhere.app, stop)
    assert make_exports(anywhere.app, never) == 1
    assert read(org, export)["status"] == "done"


def test_what_it_tells_of_is_one_moment(world: World) -> None:
    """Rows that come while it reads are not in it: neither in the number nor in the table."""
    org = world.organization()
    org_id = org_number(org.id)
    assert org_id
    add_usage(world.app.database, org.id, START - 2 * SECOND)
    export = begun(org)
    come: list[str] = []

    def stop() -> bool:
        come.append(add_usage(world.app.database, org.id, START - SECOND).usage_id)
        return False

    assert make_exports(world.app, stop) == 1
    with ZipFile(world.app.settings.export_folder / f"Calls.Export.{export}.zip") as archive:
        rows = json.loads(archive.read("parameters.json"))["rows"]
        lines = archive.read("PSTN.calls.2030-04-02.csv").splitlines()
    assert (rows["pstn"], len(lines), len(come)) == (1, 2, 2)


def test_an_export_that_is_made_while_somebody_is_forgotten_does_not_know_them(anywhere: World) -> None:
    org, quenelda = _called(anywhere)
    export = begun(org)
    meanwhile = iter([quenelda])

    def forget() -> bool:
        for user_id in meanwhile:
            _erased(anywhere, org, user_id)
        return False

    assert make_exports(anywhere.app, forget) == 0
    assert list(anywhere.app.settings.export_folder.iterdir()) == []
    assert read(org, export)["status"] == "running"
    assert make_exports(anywhere.app, never) == 1
    assert read(org, export)["status"] == "done"
    assert "Quenelda" not in _lines(anywhere, export)


def test_an_export_that_had_its_name_already_when_somebody_was_forgotten_is_taken_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    org, quenelda = _called(world)
    export = begun(org)
    end = jobs.Work.end

    def late(work: jobs.Work, filename: str, now: int) -> None:
        assert "Quenelda" in _lines(world, export)
        _erased(world, org, quenelda)
        end(work, filename, now)

    with monkeypatch.context() as patch:
        patch.setattr(jobs.Work, "end", late)
        assert make_exports(world.app, never) == 0
    assert list(world.app.settings.export_folder.iterdir()) == []
    assert make_exports(world.app, never) == 1
    assert "Quenelda" not in _lines(world, export)


def _called(world: World) -> tuple[Organization, str]:
    """An organization, and somebody of it who has called."""
    org = world.organization()
    user_id = str(org.user(name="Quenelda").json["id"])
    add_usage(world.app.database, org.id, START - SECOND, user_id=user_id)
    return org, user_id


def _erased(world: World, org: Organization, user_id: str) -> None:
    database, org_id = world.app.database, org_number(org.id)
    assert org_id
    known = database.read(org_id, persons.find, org_id, user_id)
    files = Files(world.app.settings.outbox, world.app.settings.export_folder)
    erase(database, org_id, known, Actor("command_line", world.clock.at), files)


def _lines(world: World, export: str) -> str:
    with ZipFile(world.app.settings.export_folder / f"Calls.Export.{export}.zip") as archive:
        return archive.read("PSTN.calls.2030-04-02.csv").decode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd", "'+cmd"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("+12025550101", "+12025550101"),
        ("+4930123***", "+4930123***"),
        ("+1+1", "'+1+1"),
        ("Example Person", "Example Person"),
        ("", ""),
    ],
)
def test_no_cell_is_a_formula_and_numbers_stay_exact(text: str, shown: str) -> None:
    assert harmless(text) == shown
