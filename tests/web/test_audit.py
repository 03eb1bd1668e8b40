"""What operators and administrators change is written down: who, when, from what to what."""

from __future__ import annotations

from talktime.actions.seal import seal_all
from talktime.core.scopes import OPERATOR_ORG
from tests.web.client import World


def test_each_change_of_an_organization_is_a_line(anywhere: World) -> None:
    org = anywhere.organization()
    anywhere.operator.patch(org.path, {"name": "Another Ltd"})
    org.grant("5")
    org.adjust("-2000")
    key = anywhere.operator.post(f"{org.path}/keys", {"scopes": ["funds"]}).json["id"]
    anywhere.operator.delete(f"{org.path}/keys/{key}")
    user = org.user().json["id"]
    org.api.put("/v1/licences", {"MCOEV": 5})
    org.api.put(f"/v1/users/{user}/licences", ["MCOEV"])
    org.api.delete(f"/v1/users/{user}")
    rows = org.api.get("/v1/audit").json["data"]
    assert [row["action"] for row in reversed(rows)] == [
        "organization.created",
        "organization.changed",
        "credit.granted",
        "adjustment.asked",
        "key.created",
        "key.revoked",
        "user.created",
        "licences.changed",
        "user.licences_changed",
        "user.removed",
    ]
    changed = rows[-2]
    assert (changed["old"]["name"], changed["new"]["name"]) == ("Example Ltd", "Another Ltd")
    assert changed["actor"].startswith("key_")
    assert changed["object"] == org.id


def test_what_is_done_to_a_switch_is_written_down_without_its_token(world: World) -> None:
    org = world.organization()
    org.api.post("/v1/switches", {"name": "edge", "cut_url": "https://sbc.example/cut", "cut_token": "very-secret"})
    org.api.patch("/v1/switches/edge", {"cut_token": "more-secret"})
    org.api.patch("/v1/switches/edge", {"cut_url": "https://sbc.example/cut"})
    org.api.delete("/v1/switches/edge")
    rows = [row for row in org.api.get("/v1/audit").json["data"] if row["action"].startswith("switch.")]
    assert [row["action"] for row in reversed(rows)] == ["switch.created", "switch.changed", "switch.removed"]
    assert rows[2]["new"] == {"cut_url": "https://sbc.example/cut", "cut_token": "set"}
    assert (rows[1]["old"]["cut_token"], rows[1]["new"]["cut_token"]) == ("set", "another")
    assert "secret" not in str(rows)


def test_a_change_that_changes_nothing_writes_nothing(world: World) -> None:
    org = world.organization()
    world.operator.patch(org.path, {"name": "Example Ltd"})
    user = org.user().json["id"]
    org.api.patch(f"/v1/users/{user}", {})
    assert len(org.api.get("/v1/audit").json["data"]) == 2


def test_a_refused_change_writes_nothing(world: World) -> None:
    org = world.organization()
    world.operator.patch(org.path, {"time_zone": "Mars/Olympus"})
    assert len(org.api.get("/v1/audit").json["data"]) == 1


def test_no_secret_is_in_it(world: World) -> None:
    org = world.organization()
    made = world.operator.post(f"{org.path}/keys", {"scopes": ["funds"]}).json["key"]
    assert made.split("-", 2)[2].encode() not in org.api.get("/v1/audit").content


def test_the_operator_has_a_log_of_his_own(anywhere: World) -> None:
    anywhere.price_list()
    rows = anywhere.operator.get("/v1/operator/audit").json["data"]
    assert [row["action"] for row in rows] == ["price_list.published", "price_list.created"]


def test_both_logs_can_be_sealed(anywhere: World) -> None:
    anywhere.organization()
    anywhere.price_list()
    assert seal_all(anywhere.app.database, anywhere.app.now) == 2
    assert OPERATOR_ORG == 0


def test_the_log_goes_from_page_to_page(world: World) -> None:
    org = world.organization()
    for name in ("B", "C"):
        world.operator.patch(org.path, {"name": name})
    reader = org.key("reports")
    page = reader.get("/v1/audit", limit=3).json
    rest = reader.get("/v1/audit", limit=3, cursor=page["next"]).json
    assert len(page["data"]) == 3
    assert [row["action"] for row in rest["data"]] == ["organization.created"]


def test_its_time_never_goes_back(world: World) -> None:
    org = world.organization()
    world.clock.pass_seconds(-60)
    world.operator.patch(org.path, {"name": "B"})
    later, earlier = org.api.get("/v1/audit").json["data"]
    assert later["at"] >= earlier["at"]
