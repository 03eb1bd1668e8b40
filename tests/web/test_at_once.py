"""Many requests at the same time: each happens once and whole, whoever comes first."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from talktime.app import App
from talktime.storage.database import SqliteDatabase
from talktime.web.asgi import COLD_THREADS, Api
from tests.web.client import Answer, World

SECONDS_MAX = 60


def counted(answers: list[int]) -> dict[int, int]:
    return {status: answers.count(status) for status in sorted(set(answers))}


def test_one_grant_under_one_key(anywhere: World) -> None:
    org = anywhere.organization()
    answers = anywhere.operator.at_once("POST", f"{org.path}/grants", [{"amount": "5"}] * 8, idempotency_key="k")
    assert {answer.status for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert org.balance == "5"


def test_corrections_add_up(anywhere: World) -> None:
    org = anywhere.organization()
    org.grant("3")
    bodies = [{"amount": amount, "reason": "x"} for amount in ("-1", "2") * 8]
    answers = anywhere.operator.at_once("POST", f"{org.path}/adjustments", bodies)
    assert {answer.status for answer in answers} == {201}
    assert org.balance == "11"
    assert len(org.entries) == 17


def test_a_name_is_given_once(anywhere: World) -> None:
    org = anywhere.organization()
    body = {"name": "A", "sign_in_name": "a@example.com", "usage_location": "US"}
    answers = [answer.status for answer in org.api.at_once("POST", "/v1/users", [body] * 6)]
    assert counted(answers) == {201: 1, 409: 5}


def test_no_more_licences_are_assigned_than_there_are(anywhere: World) -> None:
    org = anywhere.organization()
    org.api.put("/v1/licences", {"MCOEV": 2})
    users = [org.user().json["id"] for _ in range(5)]
    sent = [("PUT", f"/v1/users/{user}/licences", ["MCOEV"], org.api.headers) for user in users]
    assert counted([answer.status for answer in anywhere.door.at_once(sent)]) == {200: 2, 409: 3}


def test_a_call_is_not_given_back_twice(anywhere: World) -> None:
    org = anywhere.organization(price_list=anywhere.price_list())
    org.grant("5")
    body = {"call_id": org.call(60), "amount": "0.12", "reason": "x"}
    answers = [answer.status for answer in anywhere.operator.at_once("POST", f"{org.path}/reversals", [body] * 5)]
    assert counted(answers) == {201: 1, 409: 4}
    assert org.balance == "5"


def test_two_second_persons_book_one_correction(anywhere: World) -> None:
    org = anywhere.organization()
    asked = org.adjust("5000").json["id"]
    second = anywhere.second_operator()
    answers = second.at_once("POST", f"{org.path}/adjustments/{asked}/confirm", [{}] * 4)
    assert counted([answer.status for answer in answers]) == {200: 1, 409: 3}
    assert org.balance == "5000"


def test_people_and_switches_move_the_same_money(anywhere: World) -> None:
    org = anywhere.organization(price_list=anywhere.price_list())
    org.grant("100")
    user = org.caller()
    adjustment = ("POST", f"{org.path}/adjustments", {"amount": "-1", "reason": "x"}, org.api.headers)
    about = {"call_type": "ucap_out", "user": user, "to": "+12025550117"}
    begun = [("POST", "/v1/calls/authorize", about | {"call_id": f"c{n}"}, org.api.headers) for n in range(12)]
    answered(anywhere, [request for call in begun for request in (call, adjustment)])
    end = {"duration_seconds": 60}
    ended = [("POST", "/v1/calls/settle", end | {"call_id": f"c{n}"}, org.api.headers) for n in range(12)]
    assert [answer.json["charge"] for answer in answered(anywhere, ended)] == ["0.12"] * 12
    assert org.balance == "86.56"


def answered(world: World, requests: list[Any]) -> list[Answer]:
    """As switches do: who is told that nothing was decided asks again with the same id."""
    answers = world.door.at_once(requests)
    for number, request in enumerate(requests):
        while answers[number].status == 503:
            (answers[number],) = world.door.at_once([request])
    assert {answer.status for answer in answers} <= {200, 201}
    return answers


def test_a_server_lives_however_many_requests_wait_for_its_database(world: World) -> None:
    """Else balancers would take all servers away, and emergency calls end; and who watches would see nothing."""
    assert isinstance(world.app.database, SqliteDatabase)
    (alive, figures), waited = asyncio.run(asked_while_all_wait(world.app, world.app.database))
    assert (alive.status_code, alive.text) == (200, "alive\n")
    assert (figures.status_code, "talktime_store_errors_total" in figures.text) == (200, True)
    assert waited == [200] * 2 * COLD_THREADS


async def asked_while_all_wait(app: App, database: SqliteDatabase) -> tuple[list[httpx.Response], list[int]]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(Api(app)), base_url="http://talktime") as http:
        with database.turns.patient():
            waiting = [asyncio.create_task(http.get("/readyz")) for _ in range(2 * COLD_THREADS)]
            try:
                told = [await asyncio.wait_for(http.get(path), SECONDS_MAX) for path in ("/healthz", "/metrics")]
            finally:
                ended = [one for one in waiting if one.done()]
        answers = await asyncio.gather(*waiting)
    assert ended == []
    return told, [one.status_code for one in answers]
