"""A move that is interrupted anywhere goes on, and the commands that do it say how far it is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from talktime.actions.moving import CannotMove
from talktime.actions.retention import forget, preview
from talktime.core.retention import LEAST, Kept
from talktime.core.time import DAY
from talktime.storage import job_store, move_store
from talktime.storage.folder import DATABASE_FILE
from talktime.storage.move_store import JOB_ID
from talktime.storage.vault import new_key
from talktime.storage.verify import reading, verify
from tests.cli.inside import inside
from tests.moving.house import (
    LIST,
    OURS,
    SECRET,
    House,
    bring,
    installation,
    rows_of,
    there,
)
from tests.support.postgres import Cluster
from tests.web.client import Client, World

# ---------------------------------------------------------------- interrupted

KILLED = """
import os, signal, sys
from pathlib import Path
from tests.moving.house import arrival, installation
with installation(Path(sys.argv[1])) as world:
    told = iter(range(int(sys.argv[3])))
    def tell(done, total):
        if next(told, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
    arrival(world, Path(sys.argv[2])).bring(tell, stays_closed=True)
"""


@pytest.mark.slow
def test_whoever_is_killed_in_the_middle_calls_again_and_it_ends_the_same(
    place: Callable[..., World], file: Path, tmp_path: Path
) -> None:
    whole = place()
    bring(whole, file)
    folder = tmp_path / "killed"
    for portions in (1, 9, 14):
        killed = subprocess.run([sys.executable, "-c", KILLED, folder, file, str(portions)], check=False)
        assert killed.returncode == -9
        with closing(reading(None, folder / DATABASE_FILE)) as database:
            assert rows_of(database, 1)
            assert "accounts" not in rows_of(database, 1)
    with installation(folder) as world:
        assert not bring(world, file).was_here
        ours, theirs = rows_of(world.app.database, 1), rows_of(whole.app.database, 1)
        # Sealed anew each time.
        for sealed in ("webhooks", "switches"):
            assert len(ours.pop(sealed)) == len(theirs.pop(sealed))
        assert ours == theirs


@pytest.mark.parametrize("dialect", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def test_another_file_begins_anew_as_long_as_the_first_has_not_ended(
    dialect: str, place: Callable[..., World], tmp_path: Path
) -> None:
    first, second = tmp_path / "first.move", tmp_path / "second.move"
    house = House(place())
    house.live(["call", "people", "secrets"])
    house.close()
    house.export(first)
    house.refused_call()
    house.export(second)
    world = place(dialect)
    world.price_list(LIST, default=True)
    for portions in (5, 1000):
        with suppress(KeyboardInterrupt):
            bring_until(world, first, portions)
        with pytest.raises(CannotMove, match=r"is arriving by another file.* what only the other file has is lost"):
            bring(world, second)
        begun = bring(world, second, stays_closed=True, starts_again=True)
        assert begun.report.clean
        assert begun.manifest.rows == sum(map(len, rows_of(world.app.database, 1).values()))
        bring(world, first, starts_again=True)
    assert bring(world, second, stays_closed=False, starts_again=True).opened
    with pytest.raises(CannotMove, match="is here already, and did not come by this file"):
        bring(world, first, starts_again=True)


def test_interrupted_anywhere_it_is_nobody_yet(place: Callable[..., World], file: Path) -> None:
    world = place()
    with pytest.raises(KeyboardInterrupt):
        bring_until(world, file, 5)
    assert world.operator.get("/v1/operator/organizations/org_1").status == 404
    assert world.operator.acting_for("org_1").get("/v1/balance").status == 404
    assert bring(world, file).report.clean


@pytest.mark.parametrize("portions", [1, 5, 9, 14])
def test_half_an_organization_is_no_damage_and_nothing_of_it_is_forgotten(
    portions: int, place: Callable[..., World], file: Path
) -> None:
    world = place()
    with pytest.raises(KeyboardInterrupt):
        bring_until(world, file, portions)
    database, before = world.app.database, rows_of(world.app.database, 1)
    assert before and "accounts" not in before
    assert verify(database).findings == []
    kinds, much_later = dict(LEAST), world.clock.at + 4000 * DAY
    assert forget(database, kinds, much_later, Path("there-is-none")) == dict.fromkeys(Kept, 0)
    assert [one.counted.rows for one in preview(database, kinds, much_later)] == [0] * len(Kept)
    assert rows_of(database, 1) == before


def test_rows_without_an_account_are_damage_where_nobody_arrives(place: Callable[..., World], file: Path) -> None:
    world = place()
    with pytest.raises(KeyboardInterrupt):
        bring_until(world, file, 14)
    database = world.app.database
    database.write(1, job_store.remove, 1, JOB_ID)
    assert {one.invariant for one in verify(database).findings} == {"relations"}
    database.write(1, move_store.remove, 1)


def bring_until(world: World, file: Path, portions: int) -> None:
    from tests.moving.house import arrival

    told = iter(range(portions))

    def tell(done: int, total: int) -> None:
        if next(told, None) is None:
            raise KeyboardInterrupt

    arrival(world, file).bring(tell, stays_closed=True)


# ---------------------------------------------------------------- the commands


@pytest.mark.slow
def test_an_organization_moves_by_two_commands(tmp_path: Path, postgres: Cluster) -> None:
    file, url = tmp_path / "org.move", postgres.fresh_database()
    old = ("--data", tmp_path / "old")
    with installation(tmp_path / "old") as world:
        house = House(world)
        house.live(["call"])
        assert house.authorized("c1")["decision"] == "granted"
        key = house.org.key("calls", "funds").key
    early = inside("org", "export", "org_1", "--close", "--to", file, *old, TALKTIME_SECRET_KEY=SECRET)
    assert early.returncode == 3
    assert "still under way: 1 calls" in early.stderr
    with installation(tmp_path / "old") as world:
        house.world, house.org = world, there(world, "org_1")
        house.asked("settle", "c1", duration_seconds=61)
        balance = house.org.balance
    left = inside("org", "export", "org_1", "--to", file, "--json", *old, TALKTIME_SECRET_KEY=SECRET)
    assert left.returncode == 0, left.stderr
    assert inside("org", "export", "org_9", "--to", file, *old, TALKTIME_SECRET_KEY=SECRET).returncode == 3
    assert inside("org", "export", "nobody", "--to", file, *old).returncode == 2

    with installation(tmp_path / "new", url) as world:
        world.price_list(LIST, default=True)
    came = inside("org", "import", file, "--database", url, "--json", TALKTIME_SECRET_KEY=SECRET)
    assert came.returncode == 0, came.stderr
    told = json.loads(came.stdout)
    assert told["verify"]["clean"]
    assert told["digest"] == json.loads(left.stdout)["digest"]
    again = inside("org", "import", file, "--database", url, TALKTIME_SECRET_KEY=SECRET)
    assert "was here already" in again.stdout
    with installation(tmp_path / "new", url) as world:
        assert Client(world.door, key).get("/v1/balance").json["balance"] == balance
    postgres.drop_database(url)


def test_nothing_is_closed_before_the_export_can_come_to_an_end(tmp_path: Path) -> None:
    with installation(tmp_path / "data") as world:
        House(world).live(["secrets"])
    export, other = ("org", "export", "org_1", "--data", tmp_path / "data", "--to"), {"TALKTIME_SECRET_KEY": new_key()}
    for arguments, key, words in (
        ((tmp_path / "org.move",), OURS, "org_1 is open: --close closes it, its calls are hung up"),
        ((tmp_path / "nowhere" / "org.move", "--close"), OURS, "cannot be written: No such file or directory"),
        ((tmp_path, "--close"), OURS, "cannot be written: Is a directory"),
        ((tmp_path / "org.move", "--close"), other, "sealed with another key than the one that is set here"),
    ):
        refused = inside(*export, *arguments, **key)
        assert (refused.returncode, words in refused.stderr) == (3, True), refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    with installation(tmp_path / "data") as world:
        assert there(world, "org_1").body["state"] == "open"


def test_who_was_closed_by_mistake_is_opened_again(tmp_path: Path) -> None:
    data = ("--data", tmp_path / "data")
    with installation(tmp_path / "data") as world:
        house = House(world)
        house.close()
    refused = inside("org", "open", "org_1", *data, **OURS)
    assert (refused.returncode, "its money spent twice" in refused.stderr) == (3, True)
    assert inside("org", "open", "org_9", "--yes", *data, **OURS).stderr == "talktime: there is no organization org_9\n"
    with installation(tmp_path / "data") as world:
        assert there(world, "org_1").body["state"] == "closed"
    opened = inside("org", "open", "org_1", "--yes", *data, **OURS)
    assert (opened.returncode, opened.stdout) == (0, "org_1 is open\n"), opened.stderr
    with installation(tmp_path / "data") as world:
        house.world, house.org = world, there(world, "org_1")
        house.live(["call"])
        newest = house.org.api.get("/v1/audit").json["data"]
    states = [(line["old"]["state"], line["new"]["state"]) for line in newest if line["old"] and "state" in line["old"]]
    assert ("closed", "open") in states


def test_what_is_no_file_of_ours_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("{}")
    for name in ("other", "nothing"):
        refused = inside("org", "import", tmp_path / name, "--data", tmp_path / "data")
        assert refused.returncode == 3
        assert "cannot be read, or it is damaged" in refused.stderr


def test_each_cell_numbers_its_own_organizations(tmp_path: Path) -> None:
    data = ("--data", tmp_path / "data")
    assert json.loads(inside("database", "cell", "3", "--json", *data).stdout) == {"cell": 3}
    with installation(tmp_path / "data") as world:
        org = world.organization()
        assert org.id == "org_30000000001"
        assert org.key("calls", "funds").get("/v1/balance").status == 200
    assert inside("database", "cell", "3", *data).returncode == 0
    lower = inside("database", "cell", "2", *data)
    assert lower.returncode == 3
    assert "this installation is cell 3" in lower.stderr
