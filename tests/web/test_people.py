"""Users, the names they are known by, and their licences."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from tests.web.client import World

BODY = {
    "name": "Example Person",
    "sign_in_name": "person@example.com",
    "usage_location": "US",
    "number": "+12025550119",
    "kind": "person",
    "language": "en",
}


def test_a_user_is_made_read_changed_and_removed(anywhere: World) -> None:
    api = anywhere.organization().api
    made = api.post("/v1/users", BODY)
    assert made.status == 201
    assert (BODY | {"licences": []}).items() <= made.json.items()
    path = f"/v1/users/{made.json['id']}"
    assert api.get(path).json == made.json
    changed = api.patch(path, {"name": "Another Person", "number": None}).json
    assert changed == made.json | {"name": "Another Person", "number": None}
    assert api.delete(path).status == 204
    assert [api.get(path).status, api.patch(path, {}).status, api.delete(path).status] == [404, 404, 404]


def test_a_user_needs_little(world: World) -> None:
    body = {"name": "A", "sign_in_name": "a", "usage_location": "LV"}
    made = world.organization().api.post("/v1/users", body).json
    assert (made["kind"], made["language"], made["number"]) == ("person", "en", None)


@pytest.mark.parametrize("field", ["sign_in_name", "number"])
def test_two_users_do_not_share_a_name(anywhere: World, field: str) -> None:
    org = anywhere.organization()
    org.api.post("/v1/users", BODY)
    shared = {field: BODY[field]}
    refused = org.user(**shared)
    assert (refused.status, refused.code, refused.fields) == (409, "already_used", [field])
    other = org.user().json
    refused = org.api.patch(f"/v1/users/{other['id']}", shared)
    assert (refused.status, refused.fields) == (409, [field])
    assert anywhere.organization().user(**shared).status == 201


def test_a_name_is_free_again_when_nobody_has_it(anywhere: World) -> None:
    org = anywhere.organization()
    first = org.api.post("/v1/users", BODY).json
    org.api.patch(f"/v1/users/{first['id']}", {"sign_in_name": "other@example.com"})
    assert org.user(sign_in_name="person@example.com").status == 201
    org.api.delete(f"/v1/users/{first['id']}")
    assert org.user(number="+12025550119").status == 201


def test_who_was_removed_is_still_known_to_the_reports(anywhere: World) -> None:
    org = anywhere.organization()
    user = org.api.post("/v1/users", BODY).json["id"]
    org.api.delete(f"/v1/users/{user}")
    org_id = int(org.id.removeprefix("org_"), 16)
    query = text("SELECT name, sign_in_name, licences, removed_at FROM users WHERE org_id = :org AND user_id = :user")
    values = {"org": org_id, "user": user}
    name, known_as, licences, removed_at = anywhere.app.database.read(
        org_id, lambda tx: tx.execute(query, values).one()
    )
    assert (name, known_as, licences) == ("Example Person", "person@example.com", "[]")
    assert removed_at is not None
    assert org.api.get("/v1/users").json["data"] == []


def test_nobody_is_called_like_the_id_of_another(world: World) -> None:
    org = world.organization()
    first = org.user().json
    assert org.user(sign_in_name=first["id"]).status == 409


def test_a_call_knows_a_user_by_each_of_his_names(anywhere: World) -> None:
    org = anywhere.organization(price_list=anywhere.price_list())
    org.grant("5")
    user = org.caller()
    names = {"sign_in_name": "desk@example.com", "number": "+12025550119"}
    org.api.patch(f"/v1/users/{user}", names)
    body = {"call_type": "ucap_out", "to": "+12025550117"}
    for number, name in enumerate([user, *names.values()]):
        asked = body | {"call_id": f"call-{number}", "user": name}
        assert org.api.post("/v1/calls/authorize", asked).json["decision"] == "granted"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": "robot"}, "kind"),
        ({"language": "xx"}, "language"),
        ({"usage_location": "ZZ"}, "usage_location"),
        ({"usage_location": "usa"}, "usage_location"),
        ({"number": "12025550119"}, "number"),
        ({"number": "+0202555011"}, "number"),
        ({"number": "+1 202 555 0119"}, "number"),
        ({"name": ""}, "name"),
        ({"sign_in_name": "a\x00"}, "sign_in_name"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_user_that_makes_no_sense_names_the_field(world: World, fields: dict[str, Any], field: str) -> None:
    refused = world.organization().api.post("/v1/users", BODY | fields)
    assert (refused.status, refused.fields) == (422, [field])


def test_users_of_another_organization_are_not_found(world: World) -> None:
    user = world.organization().user().json["id"]
    mine = world.organization()
    path = f"/v1/users/{user}"
    answers = [
        mine.api.get(path),
        mine.api.patch(path, {"name": "x"}),
        mine.api.delete(path),
        mine.api.put(f"{path}/licences", []),
    ]
    assert [(answer.status, answer.code) for answer in answers] == [(404, "not_found")] * 4


def test_users_are_listed_as_they_came(anywhere: World) -> None:
    org = anywhere.organization()
    made = [org.user().json["id"] for _ in range(3)]
    page = org.api.get("/v1/users", limit=2).json
    rest = org.api.get("/v1/users", limit=2, cursor=page["next"]).json
    assert [user["id"] for user in page["data"] + rest["data"]] == made


def test_people_and_resource_accounts_are_listed_by_themselves(anywhere: World) -> None:
    org = anywhere.organization()
    person, account = (org.user(kind=kind).json["id"] for kind in ("person", "resource_account"))
    kinds = {kind: org.api.get("/v1/users", kind=kind).json["data"] for kind in ("person", "resource_account")}
    assert {kind: [user["id"] for user in found] for kind, found in kinds.items()} == {
        "person": [person],
        "resource_account": [account],
    }
    assert org.api.get("/v1/users", kind="robot").status == 422


def test_licences_are_bought_and_assigned(anywhere: World) -> None:
    org = anywhere.organization()
    bought = org.api.put("/v1/licences", {"MCOMEETADD": 1, "MCOPSTN1": None})
    assert bought.status == 200
    first, second = (org.user().json["id"] for _ in range(2))
    user = org.api.put(f"/v1/users/{first}/licences", ["MCOPSTN1", "MCOMEETADD", "MCOMEETADD"])
    assert (user.status, user.json["licences"]) == (200, ["MCOMEETADD", "MCOPSTN1"])
    refused = org.api.put(f"/v1/users/{second}/licences", ["MCOMEETADD"])
    assert (refused.status, refused.code) == (409, "no_licence_left")
    assert org.api.put(f"/v1/users/{second}/licences", ["MCOPSTN1"]).status == 200
    owned = {row["code"]: (row["purchased"], row["assigned"]) for row in org.api.get("/v1/licences").json["data"]}
    assert owned == {"MCOMEETADD": (1, 1), "MCOPSTN1": (None, 2), "MCOPSTNPP": (None, 0)}


def test_what_is_refused_assigns_nothing(anywhere: World) -> None:
    org = anywhere.organization()
    org.api.put("/v1/licences", {"MCOEV": 1})
    user = org.user().json["id"]
    org.api.put(f"/v1/users/{user}/licences", ["MCOEV"])
    assert org.api.put(f"/v1/users/{user}/licences", ["MCOPSTN1"]).status == 409
    assert org.api.get(f"/v1/users/{user}").json["licences"] == ["MCOEV"]
    owned = {row["code"]: row["assigned"] for row in org.api.get("/v1/licences").json["data"]}
    assert owned["MCOEV"] == 1


@pytest.mark.parametrize("how", ["taken away", "user removed"])
def test_a_licence_comes_back(anywhere: World, how: str) -> None:
    org = anywhere.organization()
    org.api.put("/v1/licences", {"MCOEV": 1})
    first, second = (org.user().json["id"] for _ in range(2))
    org.api.put(f"/v1/users/{first}/licences", ["MCOEV"])
    if how == "taken away":
        org.api.put(f"/v1/users/{first}/licences", [])
    else:
        org.api.delete(f"/v1/users/{first}")
    assert org.api.put(f"/v1/users/{second}/licences", ["MCOEV"]).status == 200


def test_fewer_may_be_bought_than_are_assigned(world: World) -> None:
    org = world.organization()
    org.api.put("/v1/licences", {"MCOEV": 2})
    users = [org.user().json["id"] for _ in range(2)]
    for user in users:
        org.api.put(f"/v1/users/{user}/licences", ["MCOEV"])
    org.api.put("/v1/licences", {"MCOEV": 1})
    assert org.api.get(f"/v1/users/{users[1]}").json["licences"] == ["MCOEV"]
    assert org.api.put(f"/v1/users/{users[0]}/licences", []).status == 200
    assert org.api.put(f"/v1/users/{users[0]}/licences", ["MCOEV"]).status == 409


def test_the_credits_licence_is_there_in_any_number(world: World) -> None:
    org = world.organization()
    for _ in range(3):
        assert org.api.put(f"/v1/users/{org.user().json['id']}/licences", ["MCOPSTNPP"]).status == 200
    assert org.api.put("/v1/licences", {"MCOPSTNPP": 5}).status == 422


@pytest.mark.parametrize("body", [{"DANCE": 1}, {"MCOEV": -1}, {"MCOEV": "1"}, {"MCOEV": 1.5}, []])
def test_licences_that_make_no_sense_are_refused(world: World, body: Any) -> None:
    org = world.organization()
    assert org.api.put("/v1/licences", body).status == 422
    assert [row["code"] for row in org.api.get("/v1/licences").json["data"]] == ["MCOPSTNPP"]


def test_an_unknown_licence_is_not_assigned(world: World) -> None:
    org = world.organization()
    path = f"/v1/users/{org.user().json['id']}/licences"
    assert org.api.put(path, ["DANCE"]).status == 422
    assert org.api.put(path, {"code": "MCOEV"}).status == 422


def test_the_catalogue_names_every_licence(world: World) -> None:
    catalogue = world.operator.get("/v1/operator/licence-catalogue").json["data"]
    assert ("MCOPSTNPP", "Communications Credits") in [(one["code"], one["name"]) for one in catalogue]


def test_a_refusal_that_is_told_again_names_its_fields_again(world: World) -> None:
    org = world.organization()
    org.api.post("/v1/users", BODY)
    first, again = (org.api.post("/v1/users", BODY, idempotency_key="form-1") for _ in range(2))
    assert (first.status, first.fields) == (409, ["sign_in_name"])
    assert (again.status, again.fields, again.headers["idempotent-replayed"]) == (409, ["sign_in_name"], "true")
