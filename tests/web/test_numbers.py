"""Service numbers: of bridges, attendants and queues."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.client import World

BODY = {"number": "+12025550120", "type": "toll", "serves": "conference"}
TOLL_FREE = {"number": "+18005550117", "type": "toll_free", "serves": "queue"}


def test_a_number_is_made_read_changed_and_given_up(anywhere: World) -> None:
    api = anywhere.organization().api
    made = api.post("/v1/numbers", BODY)
    assert (made.status, made.json["id"][:4]) == (201, "num_")
    assert BODY.items() <= made.json.items()
    path = f"/v1/numbers/{made.json['id']}"
    assert api.get(path).json == made.json
    assert api.patch(path, {"serves": "queue"}).json == made.json | {"serves": "queue"}
    assert api.delete(path).status == 204
    assert [api.get(path).status, api.patch(path, {"serves": "queue"}).status, api.delete(path).status] == [404] * 3
    assert [row["action"] for row in api.get("/v1/audit").json["data"]][:3] == [
        "number.removed",
        "number.changed",
        "number.created",
    ]


def test_a_toll_free_number_needs_credits(anywhere: World) -> None:
    org = anywhere.organization()
    refused = org.api.post("/v1/numbers", TOLL_FREE, idempotency_key="form-1")
    assert (refused.status, refused.code) == (409, "credits_not_set_up")
    org.grant("5")
    kept = org.api.post("/v1/numbers", TOLL_FREE, idempotency_key="form-1")
    assert (kept.status, kept.headers["idempotent-replayed"]) == (409, "true")
    assert org.api.post("/v1/numbers", TOLL_FREE).status == 201


def test_a_number_belongs_to_one(anywhere: World) -> None:
    org = anywhere.organization()
    org.api.post("/v1/numbers", BODY)
    org.user(number="+12025550121")
    user = org.user().json["id"]
    refused = [
        org.api.post("/v1/numbers", BODY),
        org.api.post("/v1/numbers", BODY | {"number": "+12025550121"}),
        org.user(number=BODY["number"]),
        org.api.patch(f"/v1/users/{user}", {"number": BODY["number"]}),
    ]
    assert [(one.status, one.code, one.fields) for one in refused] == [(409, "already_used", ["number"])] * 4
    assert anywhere.organization().api.post("/v1/numbers", BODY).status == 201


def test_a_number_of_a_removed_user_is_free(world: World) -> None:
    org = world.organization()
    user = org.user(number=BODY["number"]).json["id"]
    org.api.delete(f"/v1/users/{user}")
    assert org.api.post("/v1/numbers", BODY).status == 201


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"serves": "lobby"}, "serves"),
        ({"type": "gold"}, "type"),
        ({"number": "12025550120"}, "number"),
        ({"number": "+1"}, "number"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_number_that_makes_no_sense_names_the_field(world: World, fields: dict[str, Any], field: str) -> None:
    refused = world.organization().api.post("/v1/numbers", BODY | fields)
    assert (refused.status, refused.fields) == (422, [field])


def test_numbers_are_listed_as_they_came(anywhere: World) -> None:
    api = anywhere.organization().api
    made = [api.post("/v1/numbers", BODY | {"number": f"+1202555012{end}"}).json["id"] for end in "523"]
    page = api.get("/v1/numbers", limit=2).json
    rest = api.get("/v1/numbers", limit=2, cursor=page["next"]).json
    assert [one["id"] for one in page["data"] + rest["data"]] == made
    assert anywhere.organization().api.get(f"/v1/numbers/{made[0]}").status == 404
