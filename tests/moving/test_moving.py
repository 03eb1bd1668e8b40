"""An organization moves to another installation, on either database, and nothing of it is another there."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from talktime.actions.arriving import open_again
from talktime.actions.audit import Actor
from talktime.actions.moving import CannotMove
from talktime.actions.seal import seal_all
from talktime.storage import move_store, webhook_store
from talktime.storage import tables as t
from talktime.storage.move_file import BadFile
from talktime.storage.vault import new_key, place_of
from tests.cli.inside import inside
from tests.moving.house import (
    ALL,
    LIST,
    OURS,
    SECRET,
    House,
    bring,
    installation,
    is_empty,
    quiet,
    rows_of,
    said,
    tell,
    there,
)
from tests.web.client import World

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
