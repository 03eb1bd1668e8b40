"""Licences and number rows of the operator's own: no code is needed for a new calling plan."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from talktime.actions import knowledge
from talktime.actions.audit import Actor
from talktime.core.licence_rows import read_licences
from talktime.core.numbers import NumberKind
from talktime.core.scopes import OPERATOR_ORG
from talktime.core.time import DAY, SECOND
from talktime.reports import audit
from talktime.storage import control_store, knowledge_store
from tests.web.client import Answer, World
from tests.web.test_pools_follow import sizes_of

CATALOGUE, NUMBERS = "/v1/operator/licence-catalogue", "/v1/operator/number-rows"
PLAN = {
    "code": "HOUSE1",
    "name": "House plan",
    "ability": "calling",
    "order": "9",
    "domestic": "LV:500 *:100",
    "counted": "assigned",
    "shared": "location",
}
FILE = "code,name,ability,order,domestic,counted,shared\n"
LINE = "HOUSE1,House plan,calling,9,LV:500 *:100,assigned,location\n"


def put(world: World, *licences: dict[str, str]) -> Answer:
    return world.operator.put(CATALOGUE, {"licences": list(licences)})


def put_file(world: World, text: str, path: str = CATALOGUE) -> Answer:
    return world.operator.send("PUT", path, text.encode(), kind="text/csv")


def own(world: World) -> list[dict[str, str]]:
    return [one for one in world.operator.get(CATALOGUE).json["data"] if one["source"] == "own"]


def said(entry: dict[str, str]) -> dict[str, str]:
    return {name: cell for name, cell in entry.items() if cell and name != "source"}


@pytest.mark.parametrize("how", ["json", "csv"])
def test_a_calling_plan_is_added_without_code(anywhere: World, how: str) -> None:
    org = anywhere.organization(country="LV")
    assert org.api.put("/v1/licences", {"HOUSE1": 3}).status == 422
    answer = put(anywhere, PLAN) if how == "json" else put_file(anywhere, FILE + LINE)
    assert answer.status == 200, answer.content
    assert answer.json == anywhere.operator.get(CATALOGUE).json
    assert [said(one) for one in own(anywhere)] == [PLAN]
    assert org.api.put("/v1/licences", {"HOUSE1": 3}).status == 200
    user = org.user(usage_location="LV").json["id"]
    assert org.api.put(f"/v1/users/{user}/licences", ["HOUSE1"]).status == 200
    assert sizes_of(anywhere, org) == {"HOUSE1/LV": (500, 0)}
    [named] = [one for one in org.api.get("/v1/licences").json["data"] if one["code"] == "HOUSE1"]
    assert (named["name"], named["assigned"]) == ("House plan", 1)


def test_what_is_shown_can_be_sent_back(world: World) -> None:
    put(world, PLAN)
    every = world.operator.get(CATALOGUE).json["data"]
    assert {one["source"] for one in every} == {"shipped", "own"}
    assert put(world, *every).status == 200
    assert [said(one) for one in own(world)] == [said(one) for one in every]


def test_pools_follow_when_a_plan_changes(anywhere: World) -> None:
    put(anywhere, PLAN)
    org, other = anywhere.organization(), anywhere.organization()
    for one in (org, other):
        one.api.put("/v1/licences", {"HOUSE1": 5, "MCOMEETADD": 2})
        one.api.put(f"/v1/users/{one.user(usage_location='GB').json['id']}/licences", ["HOUSE1"])
    put(anywhere, PLAN | {"domestic": "GB:250 *:100"}, {"code": "MCOMEETADD", "name": "Mine"} | MEETINGS)
    for one in (org, other):
        assert sizes_of(anywhere, one) == {"HOUSE1/GB": (250, 0), "MCOMEETADD": (20, 0)}
    assert anywhere.operator.delete(f"{CATALOGUE}/MCOMEETADD").status == 204
    assert sizes_of(anywhere, org) == {"HOUSE1/GB": (250, 0), "MCOMEETADD": (120, 0)}


MEETINGS = {
    "ability": "conferencing",
    "order": "1",
    "conference": "*:10",
    "counted": "purchased",
    "shared": "organization",
    "destinations": "zone_a",
}


def test_who_holds_what_includes_a_changed_plan_is_followed_too(world: World) -> None:
    org = world.organization()
    org.api.put("/v1/licences", {"ENTERPRISEPREMIUM": 3})
    assert sizes_of(world, org) == {"MCOMEETADD": (180, 0)}
    put(world, {"code": "MCOMEETADD", "name": "Mine"} | MEETINGS)
    assert sizes_of(world, org) == {"MCOMEETADD": (30, 0)}


def test_pools_that_were_left_behind_catch_up(anywhere: World) -> None:
    """As when the server ended between the catalogue and the pools."""
    put(anywhere, PLAN)
    org = anywhere.organization()
    org.api.put("/v1/licences", {"HOUSE1": 1})
    org.api.put(f"/v1/users/{org.user(usage_location='GB').json['id']}/licences", ["HOUSE1"])
    database, now = anywhere.app.database, anywhere.app.now()
    [plan] = read_licences([PLAN | {"domestic": "*:250"}])
    database.write(OPERATOR_ORG, knowledge._write, [plan], Actor("key_1", now))
    assert knowledge.finish(database, now + SECOND) == 0
    assert sizes_of(anywhere, org) == {"HOUSE1/GB": (100, 0)}
    assert knowledge.finish(database, now + DAY) == 1
    assert sizes_of(anywhere, org) == {"HOUSE1/GB": (250, 0)}
    assert knowledge.finish(database, now + DAY) == 0


@pytest.mark.parametrize("how", ["bought", "held"])
def test_a_plan_that_somebody_has_stays(anywhere: World, how: str) -> None:
    put(anywhere, PLAN)
    org = anywhere.organization()
    org.api.put("/v1/licences", {"HOUSE1": 1})
    user = org.user().json["id"]
    if how == "held":
        org.api.put(f"/v1/users/{user}/licences", ["HOUSE1"])
        org.api.put("/v1/licences", {"HOUSE1": 0})
    for refused in (anywhere.operator.delete(f"{CATALOGUE}/HOUSE1"), put(anywhere)):
        assert (refused.status, refused.code, refused.fields) == (409, "licence_in_use", ["HOUSE1"])
    assert len(own(anywhere)) == 1
    org.api.put(f"/v1/users/{user}/licences", [])
    org.api.put("/v1/licences", {"HOUSE1": 0})
    assert anywhere.operator.delete(f"{CATALOGUE}/HOUSE1").status == 204
    assert own(anywhere) == []
    assert anywhere.operator.delete(f"{CATALOGUE}/HOUSE1").status == 404
    assert anywhere.operator.delete(f"{CATALOGUE}/MCOPSTN1").status == 404


def test_a_plan_that_another_names_stays(world: World) -> None:
    put(world, PLAN, {"code": "BUNDLE", "name": "Bundle", "includes": "HOUSE1 MCOEV"})
    refused = world.operator.delete(f"{CATALOGUE}/HOUSE1")
    assert (refused.status, refused.code) == (409, "licence_is_named")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (FILE + LINE + LINE, "lines[3].code"),
        (FILE + LINE.replace("calling", "dancing"), "lines[2].ability"),
        (FILE + "HOUSE1,x\n", "lines[2]"),
        ("", "lines[1].code"),
        ("\xff", "lines[1]"),
        ("12516\n", "lines[1].code"),
        ("code,name,shoe\n", "lines[1].shoe"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_changed(world: World, text: str, field: str) -> None:
    put(world, PLAN)
    refused = world.operator.send("PUT", CATALOGUE, text.encode("latin-1"), kind="text/csv")
    assert (refused.status, refused.fields[:1]) == (422, [field])
    assert [said(one) for one in own(world)] == [PLAN]


def test_a_wrong_licence_of_json_is_named(world: World) -> None:
    refused = put(world, PLAN, {"code": "HOUSE2", "name": "x", "order": "1"})
    assert refused.fields == ["licences[1].ability"]
    assert world.operator.put(CATALOGUE, {"licences": [{"code": 1}]}).status == 422


def test_every_change_is_noticed_and_audited(world: World) -> None:
    def revision() -> int:
        return world.app.database.read((), control_store.value, knowledge_store.KNOWLEDGE_REVISION)

    before = revision()
    put(world, PLAN)
    world.operator.put(NUMBERS, {"rows": [{"prefix": "371", "high_risk": "yes"}]})
    assert revision() == before + 2
    # Of the operator's own: the same again changes nothing that is to be told.
    put(world, PLAN)
    told = [row["action"] for row in audit_of_operator(world)]
    assert (told.count("licence_catalogue.changed"), told.count("number_rows.changed")) == (1, 1)


def audit_of_operator(world: World) -> list[dict[str, Any]]:
    rows = world.app.database.read(0, audit.page, 0, 100, None)
    return [{"action": row.action} for row in rows]


def examples() -> list[str]:
    """The files of the documentation."""
    document = Path(__file__).parents[2] / "docs" / "licences.md"
    return re.findall(r"```csv\n(.*?)```", document.read_text(), re.DOTALL)


def test_the_files_of_the_documentation_are_taken(world: World) -> None:
    plans, numbers = examples()
    assert put_file(world, plans).status == 200
    assert put_file(world, numbers, NUMBERS).status == 200
    org = world.organization()
    org.api.put("/v1/licences", {"BALTIC500": 9})
    for place in ("LV", "LV", "DE"):
        org.api.put(f"/v1/users/{org.user(usage_location=place).json['id']}/licences", ["BALTIC500"])
    assert sizes_of(world, org) == {"BALTIC500/LV": (1000, 200), "BALTIC500/DE": (300, 100)}
    assert len(rows(world)) == 3


# ---------------------------------------------------------------- number rows


ROWS = [
    {"prefix": "37190", "kind": "premium", "premium": "never", "reason": "Our regulator"},
    {"prefix": "113", "kind": "emergency", "country": "LV"},
]


def rows(world: World) -> list[dict[str, str]]:
    found = world.operator.get(NUMBERS).json["data"]
    return [{name: cell for name, cell in one.items() if cell} for one in found]


def test_rows_about_numbers_are_added_without_code(anywhere: World) -> None:
    assert rows(anywhere) == []
    assert anywhere.operator.put(NUMBERS, {"rows": ROWS}).status == 200
    assert sorted(map(json.dumps, rows(anywhere))) == sorted(map(json.dumps, ROWS))
    known = anywhere.app.database.read((), knowledge_store.load)
    assert known.numbers.of("+37190123456").kind is NumberKind.PREMIUM
    assert known.numbers.dialled("113", "LV").kind is NumberKind.EMERGENCY
    file = "prefix,kind,high_risk\n371,,yes\n"
    assert put_file(anywhere, file, NUMBERS).status == 200
    assert rows(anywhere) == [{"prefix": "371", "high_risk": "yes"}]
    assert anywhere.operator.put(NUMBERS, {"rows": []}).json["data"] == []


def test_a_wrong_row_is_named(world: World) -> None:
    world.operator.put(NUMBERS, {"rows": ROWS})
    refused = world.operator.put(NUMBERS, {"rows": [{"prefix": "113", "kind": "emergency"}]})
    assert (refused.status, refused.fields) == (422, ["rows[0].country"])
    refused = put_file(world, "prefix,kind\n371,premium\n372,dear\n", NUMBERS)
    assert (refused.status, refused.fields) == (422, ["lines[3].kind"])
    assert len(rows(world)) == 2
