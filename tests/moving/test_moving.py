"""An organization moves to another installation, on either database, and nothing of it is another there."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any, cast

import pytest

from talktime.actions.arriving import open_again
from talktime.actions.audit import Actor
from talktime.actions.moving import CannotMove
from talktime.actions.retention import forget, preview
from talktime.actions.seal import seal_all
from talktime.core.retention import LEAST, Kept
from talktime.core.time import DAY
from talktime.storage import job_store, move_store, webhook_store
from talktime.storage import tables as t
from talktime.storage.database import Database
from talktime.storage.folder import DATABASE_FILE
from talktime.storage.move_file import BadFile
from talktime.storage.move_store import JOB_ID
from talktime.storage.vault import new_key, place_of
from talktime.storage.verify import reading, verify
from tests.cli.inside import inside
from tests.moving.house import SECRET, STEPS, House, bring, installation, quiet, said, tell, there
from tests.support.postgres import Cluster
from tests.web.client import Client, World

ALL = (*STEPS, "call", "people", "call")
LIST = {"prefix": "1", "per_minute": "0.12"}
OURS = {"TALKTIME_SECRET_KEY": SECRET}


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes installations, each with a database of its own."""
    with ExitStack() as until_the_end:

        def make(dialect: str = "sqlite", secret: str = SECRET) -> World:
            folder = tmp_path / f"place{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            url = None
            if dialect == "postgresql":
                cluster = cast(Cluster, request.getfixturevalue("postgres"))
                url = cluster.fresh_database()
                until_the_end.callback(cluster.drop_database, url)
            return until_the_end.enter_context(installation(folder, url, secret))

        yield make


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an organization with something in it of every kind."""
    folder = tmp_path_factory.mktemp("lived")
    with installation(folder) as world:
        house = House(world)
        house.live(ALL)
        house.close()
        house.export(folder / "org.move")
    return folder / "org.move"


def rows_of(database: Database, org_id: int) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for name, rows in database.read(org_id, lambda tx: list(move_store.portions(tx, org_id))):
        found.setdefault(name, []).extend(rows)
    return found


def is_empty(world: World, org_id: int = 1) -> bool:
    jobs = world.app.database.read(
        org_id, lambda tx: tx.execute(t.jobs.select().where(t.jobs.c.org_id == org_id)).all()
    )
    return not rows_of(world.app.database, org_id) and not jobs


# ---------------------------------------------------------------- the same


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_the_api_gives_the_same_answers_after_a_move(
    old: str, new: str, place: Callable[..., World], tmp_path: Path
) -> None:
    left, came = place(old), place(new)
    house = House(left)
    house.live(ALL)
    house.close()
    house.export(tmp_path / "org.move")
    came.clock.at = left.clock.at
    came.price_list(LIST, default=True)

    assert bring(came, tmp_path / "org.move").report.findings == []

    before, after = said(left, house.org.id), said(came, house.org.id)
    assert [path for path in before if before[path] != after[path]] == []


def test_it_goes_on_where_it_was_closed(place: Callable[..., World], file: Path) -> None:
    world = place()
    world.price_list(LIST, default=True)
    bring(world, file, stays_closed=False)
    org = there(world, "org_1")
    before, user = org.balance, org.api.get("/v1/users").json["data"][0]["id"]
    call = {"call_id": "c9", "call_type": "ucap_out", "user": user, "to": "+12025550117"}
    while (granted := org.api.post("/v1/calls/authorize", call)).status == 503:
        pass
    assert granted.json["decision"] == "granted"
    # That its books go on without a gap is looked at when the installation is closed.
    assert (org.balance, org.body["state"]) == (before, "open")


def test_the_same_rows_make_the_same_file(place: Callable[..., World], tmp_path: Path) -> None:
    left, came = place(), place()
    house = House(left)
    house.live(["call", "people", "pay"])
    house.close()
    files = [tmp_path / f"{n}.move" for n in range(3)]
    digests = [house.export(files[0]).digest, house.export(files[1]).digest]
    bring(came, files[0])
    house.world = came
    digests.append(house.export(files[2]).digest)
    assert len(set(digests)) == 1
    assert len({path.read_bytes() for path in files}) == 1


def test_a_worker_that_seals_and_a_switch_that_beats_change_no_file(tmp_path: Path) -> None:
    files = [tmp_path / "first.move", tmp_path / "second.move"]
    for file in files:
        with installation(tmp_path / "data") as world:
            if file == files[0]:
                house = House(world)
                house.live(["secrets", "call"])
                tell(world.app, 1)
            house.org = there(world, "org_1")
            beat = {"boot_id": file.name, "active_call_ids": []}
            assert house.org.api.post("/v1/switches/edge/heartbeat", beat).status == 200
        told = inside("org", "export", "org_1", "--close", "--to", file, "--data", tmp_path / "data", **OURS)
        assert told.returncode == 0, told.stderr
        with installation(tmp_path / "data") as world:
            seal_all(world.app.database, world.clock)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_every_table_moves_or_stays_for_a_reason() -> None:
    ours = {table.name for table in t.of_kind("organization")}
    assert set(move_store.TABLES) | set(move_store.STAYS) == ours | {"sign_ins"}
    assert not set(move_store.TABLES) & set(move_store.STAYS)
    assert list(move_store.TABLES)[-1] == "accounts"


# ---------------------------------------------------------------- away


def test_only_what_stands_still_can_be_moved(place: Callable[..., World], tmp_path: Path) -> None:
    house = House(place())
    house.live(["call"])
    assert house.authorized("c1")["decision"] == "granted"
    with pytest.raises(CannotMove, match="org_1 is open"):
        house.export(tmp_path / "org.move")
    house.close()
    with pytest.raises(CannotMove, match="still under way: 1 calls"):
        house.export(tmp_path / "org.move")
    refused = house.authorized("c2")
    assert (refused["decision"], refused["reason"]) == ("refused", "organization_closed")
    house.asked("settle", "c1", duration_seconds=30)
    with pytest.raises(CannotMove, match="still under way: 1 rows without a seal"):
        house.export(tmp_path / "org.move")
    house.close()
    house.export(tmp_path / "org.move")


@pytest.mark.parametrize("number", [t.accounts.c.last_entry_no, t.accounts.c.last_audit_no])
def test_what_can_never_be_sealed_is_not_waited_for(number: Any, place: Callable[..., World], tmp_path: Path) -> None:
    house = House(place())
    house.live(["call"])
    house.close()
    count_on(house.world, number, 1)
    with pytest.raises(CannotMove, match=r"without gaps.*`talktime verify`.*`talktime org open org_1 --yes`"):
        house.export(tmp_path / "org.move")
    count_on(house.world, number, -1)
    house.export(tmp_path / "org.move")


def count_on(world: World, number: Any, more: int) -> None:
    """As if a row had been lost."""
    mine = t.accounts.c.org_id == 1
    world.app.database.write(1, lambda tx: tx.execute(t.accounts.update().where(mine).values({number: number + more})))


def test_who_has_left_is_not_told_of_funds_that_stayed_behind(place: Callable[..., World]) -> None:
    world = place()
    house = House(world)
    house.live(["people"])
    assert house.org.api.put("/v1/alerts", {"balance_low": ["9.9"]}).status == 200
    house.call()
    house.close()
    told = [one["event"] for one in house.org.api.get("/v1/notices").json["data"] if one["channel"] == "email"]
    assert "balance_low" not in told


# ---------------------------------------------------------------- here


def test_who_is_here_already_is_left_alone(place: Callable[..., World], file: Path) -> None:
    world = place()
    org = world.organization(name="Another")
    before = said(world, org.id)
    with pytest.raises(CannotMove, match="org_1 is here already"):
        bring(world, file)
    assert said(world, org.id).keys() == before.keys()
    assert there(world, org.id).body["name"] == "Another"


def test_auto_recharge_that_was_held_back_goes_on(place: Callable[..., World], tmp_path: Path) -> None:
    left, came = place(), place()
    house = House(left)
    house.payer.card()
    house.payer.recharge(monthly_limit="120")
    house.payer.spend("119")
    house.close()
    house.payer.move("2030-06-02T08:00:00Z")
    quiet(left.app, house.number)
    house.export(tmp_path / "org.move")
    came.price_list(LIST, default=True)
    bring(came, tmp_path / "org.move", stays_closed=False)
    while came.app.money.sweep():
        pass
    assert there(came, house.org.id).balance == "121"


def test_the_same_file_a_second_time_changes_nothing(place: Callable[..., World], file: Path) -> None:
    world = place()
    world.price_list(LIST, default=True)
    assert bring(world, file, stays_closed=False).opened
    before = rows_of(world.app.database, 1)
    assert bring(world, file).was_here
    assert rows_of(world.app.database, 1) == before


def test_who_was_brought_closed_is_opened_by_the_same_file(place: Callable[..., World], file: Path) -> None:
    world = place()
    world.price_list(LIST, default=True)
    for _ in range(2):
        assert not bring(world, file, stays_closed=True).opened
        assert there(world, "org_1").body["state"] == "closed"
    with pytest.raises(CannotMove, match="org_1 is still arriving"):
        world.app.database.write(1, open_again, 1, Actor("operator", world.clock()))
    assert bring(world, file, stays_closed=False).opened
    assert there(world, "org_1").body["state"] == "open"
    assert bring(world, file, stays_closed=False).was_here


def test_a_new_organization_gets_a_number_that_nobody_brought(place: Callable[..., World], file: Path) -> None:
    world = place()
    bring(world, file)
    assert world.organization().id == "org_2"


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_off_changes_nothing(
    at: float, place: Callable[..., World], file: Path, tmp_path: Path
) -> None:
    whole = gzip.decompress(file.read_bytes())
    (tmp_path / "cut").write_bytes(gzip.compress(whole[: int(len(whole) * at)]))
    (tmp_path / "torn").write_bytes(file.read_bytes()[: int(file.stat().st_size * at)])
    world = place()
    for name in ("cut", "torn"):
        with pytest.raises(BadFile):
            bring(world, tmp_path / name)
    assert is_empty(world)


CHANGES = {
    "an amount": (b"50000000,", b"60000000,"),
    "a price": (b"240000", b"250000"),
    "a name": (b"Example Ltd", b"Exemple Ltd"),
    "another organization": (b'"rows":[[1,', b'"rows":[[2,'),
    "a word for a number": (b'"rows":[[1,', b'"rows":[["1",'),
    "a fraction": (b"240000,", b"240000.5,"),
    "an unknown table": (b'"table":"lots"', b'"table":"lost"'),
    "an unknown column": (b'"lot_id"', b'"lot_no"'),
    "another format": (b'"format":1', b'"format":2'),
    "another schema": (b'"schema":"00', b'"schema":"99'),
    "no head": (b'{"format"', b'{"farmat"'),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_file_that_was_changed_changes_nothing(
    what: str, place: Callable[..., World], file: Path, tmp_path: Path
) -> None:
    whole = gzip.decompress(file.read_bytes())
    old, new = CHANGES[what]
    assert old in whole
    (tmp_path / "changed").write_bytes(gzip.compress(whole.replace(old, new)))
    world = place()
    with pytest.raises((BadFile, CannotMove)):
        bring(world, tmp_path / "changed")
    assert is_empty(world)


def test_secrets_are_sealed_anew_and_only_with_the_key_that_they_need(place: Callable[..., World], file: Path) -> None:
    other, key = place(secret=new_key()), new_key()
    with pytest.raises(CannotMove, match="TALKTIME_SECRET_KEY=OURS,THEIRS"):
        bring(other, file)
    assert is_empty(other)
    world = place(secret=f"{key},{SECRET}")
    bring(world, file)
    (hook,) = world.app.database.read(1, webhook_store.of_organization, 1)[:1]
    assert world.app.vault.is_sealed_anew(hook.secret, place_of("webhook", 1, hook.webhook_id))


def test_a_price_list_of_its_own_must_be_here(place: Callable[..., World], tmp_path: Path) -> None:
    house = House(place())
    mine = house.world.price_list(LIST)
    assert house.world.operator.patch(house.org.path, {"price_list": mine}).status == 200
    house.close()
    house.export(tmp_path / "org.move")
    world = place()
    with pytest.raises(CannotMove, match=f"its price list {mine} is not here"):
        bring(world, tmp_path / "org.move")
    assert is_empty(world)


def test_nobody_is_opened_where_every_paid_call_would_be_refused(place: Callable[..., World], file: Path) -> None:
    world = place()
    with pytest.raises(CannotMove, match="no price list for USD is published here by default"):
        bring(world, file, stays_closed=False)
    assert is_empty(world)
    bring(world, file, stays_closed=True)
    world.price_list(LIST, default=True)
    assert bring(world, file, stays_closed=False).opened


@pytest.mark.parametrize("there", ["*:500", "*:400", None])
def test_the_licences_that_it_uses_must_mean_the_same(
    there: str | None, place: Callable[..., World], tmp_path: Path
) -> None:
    house = House(place())
    licences(house.world, "House plan", "*:500")
    assert house.org.api.put("/v1/licences", {"HOUSE1": 3}).status == 200
    house.close()
    house.export(tmp_path / "org.move")
    world = place()
    if there:
        licences(world, "Another name", there)
    if there == "*:500":
        assert bring(world, tmp_path / "org.move").report.clean
        return
    with pytest.raises(CannotMove, match="its licences HOUSE1 mean something else here, or nothing"):
        bring(world, tmp_path / "org.move")
    assert is_empty(world)


def licences(world: World, name: str, domestic: str) -> None:
    """An operator's own."""
    terms = {"ability": "calling", "order": "9", "domestic": domestic, "counted": "assigned", "shared": "location"}
    own = [{"code": "HOUSE1", "name": name, **terms}]
    answer = world.operator.put("/v1/operator/licence-catalogue", {"licences": own})
    assert answer.status == 200, answer.content


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
