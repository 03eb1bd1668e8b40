"""Keys: shown once, good for what they say, gone at once."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from talktime.storage.database import SqliteDatabase
from tests.web.client import Client, World

OPERATOR_KEYS = "/v1/operator/keys"


def test_a_key_opens_what_its_scopes_say(anywhere: World) -> None:
    org = anywhere.organization()
    key = org.key("funds")
    assert key.get("/v1/balance").status == 200
    refused = key.get("/v1/users")
    assert (refused.status, refused.code) == (403, "scope_missing")


def test_a_key_of_a_test_organization_says_so(world: World) -> None:
    for mode in ("live", "test"):
        key = world.organization(mode=mode).key("funds").key
        assert key is not None and key.startswith(f"tt_{mode}_")


def test_a_key_is_shown_once(world: World) -> None:
    org = world.organization()
    made = world.operator.post(f"{org.path}/keys", {"scopes": ["funds", "calls", "funds"]}).json
    listed = world.operator.get(f"{org.path}/keys")
    assert made["key"].encode() not in listed.content
    assert [(row["id"], row["scopes"]) for row in listed.json["data"]] == [(made["id"], ["funds", "calls"])]


def test_who_asks_again_under_the_same_idempotency_key_has_the_same_key(anywhere: World) -> None:
    org = anywhere.organization()
    for path, body in ((f"{org.path}/keys", {"scopes": ["funds"]}), (OPERATOR_KEYS, {})):
        first, again = (anywhere.operator.post(path, body, idempotency_key="one") for _ in range(2))
        assert (again.status, again.json, again.headers["idempotent-replayed"]) == (201, first.json, "true")
        assert first.json["key"] not in answers_kept(anywhere)
    assert len(anywhere.operator.get(f"{org.path}/keys").json["data"]) == 1


def answers_kept(world: World) -> str:
    kept = world.app.database.read("*", lambda tx: tx.exec_driver_sql("SELECT answer FROM idempotency").all())
    assert kept
    return str(kept)


def test_a_revoked_key_is_refused_at_once(anywhere: World) -> None:
    org = anywhere.organization()
    made = anywhere.operator.post(f"{org.path}/keys", {"scopes": ["calls", "funds"]}).json
    mine = Client(anywhere.door, made["key"])
    assert mine.get("/v1/balance").status == 200
    release = {"call_id": "c"}
    assert mine.post("/v1/calls/release", release).status == 200
    path = f"{org.path}/keys/{made['id']}"
    assert anywhere.operator.delete(path).status == 204
    assert mine.get("/v1/balance").status == 401
    assert mine.post("/v1/calls/release", release).status == 401
    assert anywhere.operator.delete(path).status == 404
    assert anywhere.operator.get(f"{org.path}/keys").json["data"][0]["revoked_at"] is not None


def test_a_new_key_wakes_nobody(world: World) -> None:
    """The batch that hears of it is formed again; only calls that are refused are told as errors of the store."""
    org = world.organization()
    mine, release = org.key("calls"), {"call_id": "c"}
    for _ in range(3):
        org.key("calls")
        assert mine.post("/v1/calls/release", release).status == 200
    assert undecided(world) == 0


def test_a_database_that_takes_nothing_is_told(world: World) -> None:
    mine, release = world.organization().key("calls"), {"call_id": "c"}
    database = world.app.database
    assert isinstance(database, SqliteDatabase)
    database.connection.execute("PRAGMA query_only = ON")
    assert mine.post("/v1/calls/release", release).status == 503
    database.connection.execute("PRAGMA query_only = OFF")
    assert undecided(world) == 1


def test_a_database_that_is_too_slow_is_told_as_well_and_logged(world: World) -> None:
    """The batch succeeds in the end, but its switch has refused the call."""
    mine, release = world.organization().key("calls"), {"call_id": "c"}
    database = world.app.database
    assert isinstance(database, SqliteDatabase)
    with capture_logs() as lines, database.turns.patient():
        assert mine.post("/v1/calls/release", release).status == 503
    assert undecided(world) == 1
    assert [(line["event"], line["error"]) for line in lines] == [("the store does not answer", "TooSlow")]


def undecided(world: World) -> float | None:
    return world.app.meters.registry.get_sample_value("talktime_store_errors_total")


def test_a_key_ends_when_it_says(world: World) -> None:
    org = world.organization()
    body = {"scopes": ["funds"], "expires_at": "2030-04-03T08:00:00Z"}
    key = Client(world.door, world.operator.post(f"{org.path}/keys", body).json["key"])
    assert key.get("/v1/balance").status == 200
    world.clock.pass_days(1)
    assert key.get("/v1/balance").status == 401


def test_a_key_may_be_bound_to_addresses(world: World) -> None:
    org = world.organization()
    for addresses, status in (["127.0.0.0/8"], 200), (["192.0.2.1", "2001:db8::/32"], 403):
        made = world.operator.post(f"{org.path}/keys", {"scopes": ["funds"], "addresses": addresses}).json
        assert made["addresses"] == addresses
        assert Client(world.door, made["key"]).get("/v1/balance").status == status


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["operator"]}, "scopes"),
        ({"scopes": ["dance"]}, "scopes"),
        ({"scopes": ["funds"], "addresses": ["home"]}, "addresses"),
        ({"scopes": ["funds"], "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({}, "scopes"),
    ],
)
def test_a_key_that_makes_no_sense_names_its_field(world: World, fields: dict[str, Any], field: str) -> None:
    refused = world.operator.post(f"{world.organization().path}/keys", fields)
    assert (refused.status, refused.fields) == (422, [field])


def test_a_key_of_another_organization_is_not_found(world: World) -> None:
    mine, theirs = world.organization(), world.organization()
    key = world.operator.post(f"{theirs.path}/keys", {"scopes": ["funds"]}).json["id"]
    assert world.operator.delete(f"{mine.path}/keys/{key}").status == 404


def test_a_key_acts_for_its_own_organization_alone(world: World) -> None:
    mine, theirs = world.organization(), world.organization()
    key = mine.key("funds", "users")
    assert key.acting_for(mine.id).get("/v1/balance").status == 200
    refused = key.acting_for(theirs.id).get("/v1/balance")
    nowhere = key.acting_for("org_fffff").get("/v1/balance")
    assert (refused.status, refused.code) == (nowhere.status, nowhere.code) == (404, "not_found")


def test_the_operators_routes_are_for_operators(world: World) -> None:
    org = world.organization()
    key = org.key("calls", "funds", "users", "reports", "rates", "settings")
    for path in ("/v1/operator/organizations", org.path, f"{org.path}/keys", OPERATOR_KEYS, "/v1/operator/price-lists"):
        assert key.get(path).status == 403


def test_an_operator_makes_lists_and_revokes_operators_keys(anywhere: World) -> None:
    made = anywhere.operator.post(OPERATOR_KEYS, {"expires_at": "2090-01-01T00:00:00Z"})
    assert (made.status, made.json["scopes"]) == (201, ["operator"])
    assert made.json["key"].startswith("tt_live_")
    second = Client(anywhere.door, made.json["key"])
    assert made.json["id"] in [row["id"] for row in second.get(OPERATOR_KEYS).json["data"]]
    assert anywhere.operator.delete(f"{OPERATOR_KEYS}/{made.json['id']}").status == 204
    assert second.get(OPERATOR_KEYS).status == 401


@pytest.mark.parametrize("key", [None, "", "tt_live_nobody", "tt_live_0-0-0", "tt_live_zz-0-0", "x"])
def test_without_a_valid_key_nothing_is_told(world: World, key: str | None) -> None:
    refused = Client(world.door, key).get("/v1/balance")
    assert (refused.status, refused.code, refused.headers["www-authenticate"]) == (401, "unauthorized", "Bearer")
