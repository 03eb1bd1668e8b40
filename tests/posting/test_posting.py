"""Booking a file: once, whatever happens, and what is wrong with it is said line by line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from talktime.cli.options import BAD
from talktime.core.call_types import CallType
from talktime.core.calls import Asked, Authorize, Settle
from talktime.core.time import DAY, SECOND
from talktime.rating import post_files
from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx
from tests.charging.books import Books
from tests.core.switch import NOW, UK
from tests.posting.world import ONE, OTHER, Made, World, calls

PATIENCE_SECONDS = 60


def call(call_id: str = "a", seconds: int = 60, to: str = UK, user: str | None = "usr_0") -> Made:
    return Made(call_id, CallType.USER_OUT, to, NOW - DAY, seconds, user)


@pytest.fixture
def world(books: Books, tmp_path: Path) -> World:
    return World(books, tmp_path)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post_files, "PORTION", 40)
    monkeypatch.setattr(post_files, "PIECE", 100)


def test_a_second_time_nothing_is_booked(world: World, small: None) -> None:
    made = calls(Random(1), 300)
    first = world.post(made)
    before = world.state(OTHER)
    again = world.post(made)
    assert world.state(OTHER) == before
    assert not (again.outcomes["booked"] or again.charge or again.shortfall)
    assert again.outcomes["known"] == first.outcomes["booked"]
    assert again.errors == first.errors
    assert world.findings() == []


def test_in_portions_it_is_the_same_as_at_once(world: World, small: None) -> None:
    """When its calls are in the order of their starts."""
    made = sorted(calls(Random(2), 300), key=lambda one: one.at)
    world.record(made)
    world.post(made)
    recorded, posted = world.state(ONE), world.state(OTHER)
    assert posted["usage"] == recorded["usage"]
    assert posted["account"] == recorded["account"]
    assert posted["pool months"] == recorded["pool months"]


def test_what_was_recorded_before_is_not_booked_again(world: World) -> None:
    made = calls(Random(3), 100)
    world.post(made[:50])
    before = world.state(OTHER)["books"]
    world.post(made[:50], "other.csv")
    assert world.state(OTHER)["books"] == before
    world.post(made, "longer.csv")
    world.record(made)
    assert world.state(OTHER)["usage"] != []
    assert world.findings() == []


def test_a_call_that_was_recorded_is_known_to_a_file(world: World) -> None:
    made = calls(Random(4), 60)
    world.record(made)
    before = world.state(ONE)
    summary = world.post(made, org_id=ONE)
    assert not (summary.outcomes["booked"] or summary.charge or summary.shortfall)
    assert world.state(ONE) == before


def test_a_call_in_progress_is_known(world: World) -> None:
    world.engine.run([Authorize(OTHER, "a", NOW, "key_1", Asked(CallType.USER_OUT, UK, "usr_0"))])
    assert world.post([call()]).outcomes["known"] == 1
    world.engine.run([Settle(OTHER, "a", NOW + 61 * SECOND, "key_1", 61)])
    assert world.post([call(seconds=61)]).outcomes["known"] == 1
    assert world.post([call(seconds=62)]).errors == 1
    assert world.errors()[0]["code"] == "call_id_conflict"
    assert world.findings() == []


@pytest.mark.parametrize("other", [{"seconds": 61}, {"to": "+442079460118"}])
@pytest.mark.parametrize("at_once", [True, False])
def test_an_id_stands_for_one_call(world: World, other: dict[str, Any], at_once: bool) -> None:
    first, second = call(), replace(call(), **other)
    if at_once:
        summary = world.post([first, second, first])
    else:
        world.post([first])
        summary = world.post([first, second, first], "other.csv")
    assert (summary.outcomes["known"], summary.errors) == (1 if at_once else 2, 1)
    assert [(error["line"], error["field"], error["code"]) for error in world.errors()] == [
        ("3", "call_id", "call_id_conflict")
    ]
    assert len(world.state(OTHER)["usage"]) == 1


def test_a_call_that_ended_unanswered_cannot_have_lasted(world: World) -> None:
    refused = Asked(CallType.USER_OUT, "+9991234567", "usr_0")
    world.engine.run([Authorize(OTHER, "a", NOW, "key_1", refused)])
    assert world.post([call(to="+9991234567")]).errors == 1


def test_what_has_no_price_can_be_booked_later(world: World) -> None:
    made = [call(), call("b", to="+9991234567"), call("c", to="junk")]
    summary = world.post(made)
    assert (summary.outcomes["booked"], summary.errors) == (1, 2)
    assert [(error["line"], error["code"]) for error in world.errors()] == [("3", "no_rate"), ("4", "invalid_number")]
    assert world.state(OTHER)["refused"] == []


def test_out_says_what_became_of_each_call(world: World) -> None:
    world.post(
        [call(seconds=61), call("b", user="usr_1", seconds=3_060), call("c", user="nobody"), call("d", seconds=0)]
    )
    told = ("call_id", "outcome", "reason", "payer", "pool_minutes", "charge", "shortfall")
    assert [tuple(row[name] for name in told) for row in world.out()] == [
        ("a", "booked", "", "credits", "0", "0.410000", "0.000000"),
        ("b", "booked", "", "credits", "50", "0.210000", "0.000000"),
        ("c", "booked", "no_licence", "", "0", "0.000000", "0.210000"),
        ("d", "unanswered", "", "credits", "0", "0.000000", "0.000000"),
    ]


def test_rules_that_change_meanwhile_hold_for_what_is_not_booked_yet(world: World, small: None) -> None:
    made = sorted([replace(call(f"c{place}"), at=NOW - DAY + place) for place in range(80)], key=lambda one: one.at)
    postings = world.postings(OTHER, "calls.csv")

    def post(organization: str | None, some: Any) -> Any:
        told = postings.post(organization, some)
        world.books.change(OTHER, policy="DialoutCPCandPSTNDisabled")
        return told

    summary = post_files.post_file(world.file(made), world.folder / "out.csv", {}, post)
    assert summary.refused == {"policy_restricted": 40}
    assert world.findings() == []


def test_how_far_it_is_stands_in_the_list_of_long_work(world: World, small: None) -> None:
    world.post(calls(Random(5), 130))
    assert world.database.read(OTHER, _jobs) == [("post", "done", 130)]


def _jobs(tx: ReadTx) -> list[tuple[Any, ...]]:
    found = select(t.jobs.c.kind, t.jobs.c.state, t.jobs.c.done).where(t.jobs.c.org_id == OTHER)
    return [tuple(row) for row in tx.execute(found)]


def test_two_at_once_book_nothing_twice(world: World, small: None, tmp_path: Path) -> None:
    made = sorted(calls(Random(6), 400), key=lambda one: one.at)
    world.record(made)
    folders = [tmp_path / "a", tmp_path / "b"]
    failed: list[BaseException] = []

    def run(folder: Path) -> None:
        try:
            folder.mkdir()
            world.post(made, folder=folder)
        except BaseException as error:
            failed.append(error)

    threads = [Thread(target=run, args=(folder,)) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    recorded, posted = world.state(ONE), world.state(OTHER)
    assert posted["usage"] == recorded["usage"]
    assert posted["account"] == recorded["account"]
    assert world.findings() == []


# ---------------------------------------------------------------- verify


@pytest.mark.parametrize("damage", ["charge", "row", "entry"])
def test_verify_sees_a_usage_row_that_no_longer_fits_its_entry(world: World, damage: str) -> None:
    world.post([call(), call("b", user="usr_1")])
    assert world.findings() == []
    world.database.write(OTHER, _damage, damage)
    assert len(world.findings()) == (2 if damage == "entry" else 1)


def _damage(tx: Tx, damage: str) -> None:
    mine = t.usage.c.org_id == OTHER
    if damage == "row":
        tx.execute(delete(t.usage).where(mine, t.usage.c.payer == "credits"))
    elif damage == "charge":
        tx.execute(update(t.usage).where(mine, t.usage.c.charge_micros > 0).values(charge_micros=1))
    else:
        tx.execute(update(t.usage).where(mine, t.usage.c.entry_key != "").values(entry_key="file:other"))


# ---------------------------------------------------------------- killed

CHILD = Path(__file__).parent / "child.py"


@pytest.mark.slow
def test_killed_at_any_instant_it_goes_on_and_books_nothing_twice(world: World) -> None:
    chance = Random(7)
    made = sorted(calls(chance, 1_500), key=lambda one: one.at)
    world.record(made)
    source = world.file(made)
    kills = 0
    where = ["--database", world.database.url] if world.database.dialect == "postgresql" else []
    for _ in range(10):
        if world.database.dialect == "sqlite":
            where = ["--data", str(_folder(world))]
        kills += _killed(source, where, chance.uniform(0.0, 1.0), 60)
    done = subprocess.run(_command(source, where, 60), capture_output=True, check=False)
    told = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (BAD, b"")
    assert kills > 3
    assert told["records"] == len(made)
    recorded, posted = world.state(ONE), world.state(OTHER)
    assert posted["usage"] == recorded["usage"]
    assert posted["account"] == recorded["account"]
    assert posted["books"] == recorded["books"]
    assert world.findings() == []


def _folder(world: World) -> Path:
    return Path(world.database.url.removeprefix("sqlite:///")).parent


def _command(source: Path, where: Sequence[str], portion: int) -> list[str]:
    return [sys.executable, str(CHILD), str(portion), str(NOW), str(source), *where]


def _killed(source: Path, where: Sequence[str], after: float, portion: int) -> bool:
    """Whether it was still at it, `after` seconds after the first portion could begin."""
    child = subprocess.Popen(_command(source, where, portion), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout
    _until(lambda: child.stdout is not None and child.stdout.readline() != b"")
    time.sleep(after)
    still = child.poll() is None
    os.kill(child.pid, signal.SIGKILL) if still else None
    child.communicate()
    return still


def _until(there: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not there() and time.monotonic() < until:
        time.sleep(0.01)
