"""The operator asks over HTTP whether the books add up."""

from __future__ import annotations

import time
from datetime import datetime

import pytest
from sqlalchemy import update

from talktime.actions.upkeep import Progress, Stopped, verify_and_note
from talktime.core.time import instant
from talktime.storage import tables as t
from talktime.storage.database import EVERYBODY, Tx
from tests.web.client import Answer, World

VERIFY = "/v1/operator/verify"


def ended(world: World) -> Answer:
    deadline = time.monotonic() + 30
    while (answer := world.operator.get(VERIFY)).status == 404 and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


def test_there_is_no_result_before_the_first(anywhere: World) -> None:
    assert anywhere.operator.get(VERIFY).status == 404


def test_books_that_add_up_are_said_to(anywhere: World) -> None:
    anywhere.organization().grant("5")
    assert anywhere.operator.post(VERIFY).json == {"status": "running"}
    assert (ended(anywhere).json["clean"], ended(anywhere).json["findings"]) == (True, 0)


def test_beside_calls_it_rests(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def is_busy(_: object) -> bool:
        asked.append(True)
        return True

    monkeypatch.setattr(type(world.app.batcher), "is_busy", is_busy)
    world.organization().grant("5")
    world.operator.post(VERIFY)
    assert ended(world).json["clean"] and asked


def test_damage_is_counted(world: World) -> None:
    org = world.organization()
    org.grant("5")

    def damage(tx: Tx, by: int) -> None:
        tx.execute(update(t.accounts).values(posted_micros=t.accounts.c.posted_micros + by))

    world.app.database.write(EVERYBODY, damage, 1)
    world.operator.post(VERIFY)
    answer = ended(world)
    world.app.database.write(EVERYBODY, damage, -1)
    assert not answer.json["clean"] and answer.json["findings"] > 0


def test_an_organizations_key_may_not_ask(world: World) -> None:
    key = world.organization().key("reports", "funds")
    assert (key.get(VERIFY).status, key.post(VERIFY).status) == (403, 403)


def test_a_long_verification_tells_how_far_it_is(world: World) -> None:
    begun = world.clock.at
    progress = Progress(world.app.database, world.clock, "test")
    progress.tell(1, 10)
    world.clock.pass_seconds(2)
    progress.tell(7, 10)
    [job] = world.operator.get("/v1/operator/jobs").json["data"]
    assert (job["kind"], job["status"], job["progress"]) == ("verification", "running", 70)
    progress.end("balance org_1: it is 3 and should be 4")
    [job] = world.operator.get("/v1/operator/jobs").json["data"]
    assert (job["status"], job["error"]) == ("failed", "balance org_1: it is 3 and should be 4")
    assert instant(datetime.fromisoformat(job["created_at"])) >= begun


def test_what_is_interrupted_does_not_stand_there_as_running(world: World) -> None:
    world.organization()
    with pytest.raises(Stopped):
        verify_and_note(world.app.database, world.clock, lambda: True)
    [job] = world.operator.get("/v1/operator/jobs").json["data"]
    assert job["status"] == "failed"
