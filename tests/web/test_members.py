"""People who sign in, as an administrator and the operator keep them."""

from __future__ import annotations

from typing import Any

import pytest

from talktime.storage.member_store import MemberRow, find
from tests.web.client import Answer, Client, Organization, World

ADMIN: dict[str, Any] = {"roles": ["global_administrator"]}


def invited(api: Client, number: int = 1, path: str = "/v1/members", **fields: Any) -> Answer:
    person = {"name": "Example Member", "email": f"member{number}@example.com", "roles": ["helpdesk"], "language": "lv"}
    return api.post(path, person | fields)


@pytest.fixture
def org(anywhere: World) -> Organization:
    return anywhere.organization()


def kept(world: World, org: Organization, member_id: str) -> MemberRow:
    org_id = int(org.id.removeprefix("org_"), 16)
    row = world.app.database.read(org_id, find, org_id, member_id)
    assert row
    return row


def test_who_is_invited_is_listed_and_read(org: Organization) -> None:
    made = invited(org.api, roles=["billing_administrator", "report_reader", "report_reader"])
    assert made.status == 201
    assert made.json["state"] == "invited"
    assert made.json["roles"] == ["billing_administrator", "report_reader"]
    assert org.api.get(f"/v1/members/{made.json['id']}").json == made.json
    assert org.api.get("/v1/members").json == {"data": [made.json], "next": None}


def test_the_same_invitation_twice_under_one_key_is_one(org: Organization) -> None:
    person = {"name": "Example", "email": "a@example.com", "roles": ["helpdesk"]}
    ids = {org.api.post("/v1/members", person, idempotency_key="k1").json["id"] for _ in range(2)}
    assert len(ids) == 1


def test_single_fields_are_changed_and_the_rest_keeps_its_value(org: Organization) -> None:
    made = invited(org.api).json
    changed = org.api.patch(f"/v1/members/{made['id']}", {"roles": ["report_reader"], "name": "Another Name"})
    assert changed.json == made | {"roles": ["report_reader"], "name": "Another Name"}


def test_who_was_removed_is_still_known_and_the_address_is_free(anywhere: World, org: Organization) -> None:
    made = invited(org.api).json
    assert org.api.delete(f"/v1/members/{made['id']}").status == 204
    assert org.api.get(f"/v1/members/{made['id']}").json["state"] == "removed"
    assert kept(anywhere, org, made["id"]).sessions_since is not None
    assert invited(org.api).status == 201
    assert [one["state"] for one in org.api.get("/v1/members").json["data"]] == ["removed", "invited"]
    assert [one["state"] for one in org.api.get("/v1/members", state="invited").json["data"]] == ["invited"]


def test_who_was_removed_is_not_changed_any_more(org: Organization) -> None:
    path = f"/v1/members/{invited(org.api).json['id']}"
    org.api.delete(path)
    answers = [org.api.delete(path), org.api.patch(path, {"name": "X"}), org.api.post(f"{path}/end-sessions")]
    assert [one.status for one in answers] == [404, 404, 404]


def test_sessions_that_began_before_are_ended(anywhere: World, org: Organization) -> None:
    made = invited(org.api).json
    assert kept(anywhere, org, made["id"]).sessions_since is None
    assert org.api.post(f"/v1/members/{made['id']}/end-sessions").status == 204
    since = kept(anywhere, org, made["id"]).sessions_since
    assert since is not None
    assert since <= anywhere.clock.at


@pytest.mark.parametrize("roles", [["dancer"], ["price_manager"], ["helpdesk", "operator"], []])
def test_a_role_that_there_is_not_is_refused_and_named(world: World, roles: list[str]) -> None:
    org = world.organization()
    made = invited(org.api).json
    for answer in (invited(org.api, 2, roles=roles), org.api.patch(f"/v1/members/{made['id']}", {"roles": roles})):
        assert (answer.status, answer.fields) == (422, ["roles"])
    assert org.api.get("/v1/members").json["data"] == [made]


@pytest.mark.parametrize(
    "email", ["nobody", "a@b@c", "a b@example.com", "@example.com", "a@", "a@example.com\n", "a" * 255 + "@b"]
)
def test_an_address_that_is_none_is_refused_and_named(world: World, email: str) -> None:
    org = world.organization()
    made = invited(org.api).json
    for answer in (invited(org.api, email=email), org.api.patch(f"/v1/members/{made['id']}", {"email": email})):
        assert (answer.status, answer.fields) == (422, ["email"])


def test_an_address_is_somebodys_once(org: Organization) -> None:
    invited(org.api)
    second = invited(org.api, 2).json
    twice = [
        invited(org.api, email="MEMBER1@example.com"),
        org.api.patch(f"/v1/members/{second['id']}", {"email": "member1@example.com"}),
    ]
    assert [(one.status, one.code, one.fields) for one in twice] == [(409, "already_used", ["email"])] * 2
    assert org.api.patch(f"/v1/members/{second['id']}", {"email": "Member2@example.com"}).status == 200


def test_the_same_address_may_be_in_two_organizations(anywhere: World, org: Organization) -> None:
    assert invited(org.api).status == invited(anywhere.organization().api).status == 201


def test_the_last_global_administrator_stays_one(org: Organization) -> None:
    first, second = (invited(org.api, n, **ADMIN).json["id"] for n in (1, 2))
    assert org.api.patch(f"/v1/members/{first}", {"roles": ["helpdesk"]}).status == 200
    kept_on = [org.api.patch(f"/v1/members/{second}", {"roles": ["helpdesk"]}), org.api.delete(f"/v1/members/{second}")]
    assert [(one.status, one.code) for one in kept_on] == [(409, "last_administrator")] * 2
    assert org.api.patch(f"/v1/members/{second}", ADMIN | {"name": "Still One"}).status == 200
    assert org.api.patch(f"/v1/members/{first}", ADMIN).status == 200
    assert org.api.delete(f"/v1/members/{second}").status == 204


def test_two_administrators_removed_at_once_leave_one(anywhere: World, org: Organization) -> None:
    ids = [invited(org.api, n, **ADMIN).json["id"] for n in (1, 2)]
    door, headers = anywhere.door, org.api.headers
    answers = door.at_once([("DELETE", f"/v1/members/{member}", None, headers) for member in ids])
    assert sorted(one.status for one in answers) == [204, 409]


def test_an_organization_without_an_administrator_may_send_everybody_away(org: Organization) -> None:
    assert org.api.delete(f"/v1/members/{invited(org.api).json['id']}").status == 204


def test_what_was_done_is_in_the_audit_log(org: Organization) -> None:
    member = invited(org.api).json["id"]
    path = f"/v1/members/{member}"
    org.api.patch(path, {"roles": ["report_reader"]})
    org.api.patch(path, {"roles": ["report_reader"]})
    org.api.post(f"{path}/end-sessions")
    org.api.delete(path)
    rows = [row for row in org.api.get("/v1/audit").json["data"] if row["object"] == member]
    done = ["member.removed", "member.sessions_ended", "member.changed", "member.invited"]
    assert [row["action"] for row in rows] == done
    assert (rows[2]["old"]["roles"], rows[2]["new"]["roles"]) == (["helpdesk"], ["report_reader"])


def test_members_of_others_are_not_there(anywhere: World, org: Organization) -> None:
    path, other = f"/v1/members/{invited(org.api).json['id']}", anywhere.organization().key("users")
    asked = [other.get(path), other.patch(path, {"name": "X"}), other.delete(path), other.post(f"{path}/end-sessions")]
    assert [one.status for one in asked] == [404] * 4
    assert other.get("/v1/members").json["data"] == []
    assert org.api.get(path).json["state"] == "invited"


def test_the_operators_people_are_his_own(anywhere: World, org: Organization) -> None:
    assert anywhere.operator.get("/v1/operator/members").json == {"data": [], "next": None}
    ours = invited(org.api).json
    made = invited(anywhere.operator, path="/v1/operator/members", roles=["operator", "auditor"])
    assert made.status == 201
    path = f"/v1/operator/members/{made.json['id']}"
    assert anywhere.operator.get("/v1/operator/members").json["data"] == [made.json]
    # Also when the key says for whom it acts elsewhere.
    assert org.api.get("/v1/operator/members").json["data"] == [made.json]
    assert [row["id"] for row in org.api.get("/v1/members").json["data"]] == [ours["id"]]
    assert anywhere.operator.get(f"/v1/operator/members/{ours['id']}").status == 404
    assert anywhere.operator.patch(path, {"roles": ["support"]}).json["roles"] == ["support"]
    refused = anywhere.operator.patch(path, {"roles": ["helpdesk"]})
    assert (refused.status, refused.fields) == (422, ["roles"])
    assert anywhere.operator.post(f"{path}/end-sessions").status == 204
    assert anywhere.operator.delete(path).status == 204
    actions = [row["action"] for row in anywhere.operator.get("/v1/operator/audit").json["data"]]
    assert actions[:4] == ["member.removed", "member.sessions_ended", "member.changed", "member.invited"]


def test_the_operators_people_are_seen_by_the_operator_only(world: World) -> None:
    assert world.organization().key("users").get("/v1/operator/members").status == 403


def test_the_list_has_pages(world: World) -> None:
    org = world.organization()
    ids = [invited(org.api, n).json["id"] for n in range(3)]
    first = org.api.get("/v1/members", limit=2).json
    second = org.api.get("/v1/members", limit=2, cursor=first["next"]).json
    assert [row["id"] for row in first["data"] + second["data"]] == ids
    assert second["next"] is None
