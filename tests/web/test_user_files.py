"""Users in bulk: from a file, to a file, and licences for a list of them."""

from __future__ import annotations

import csv
from io import StringIO
from typing import Any

import pytest

from tests.web.client import Answer, Organization, World

HEADER = "name,sign_in_name,usage_location,number,kind,language,licences,policy\n"
ANN = "Ann,ann@example.com,GB,+442079460100,person,en,MCOEV,\n"
BOB = "Bob,bob@example.com,US,,resource_account,lv,MCOEV MCOPSTNPP,DialoutCPCandPSTNDomestic\n"


def sent(org: Organization, text: str) -> Answer:
    return org.api.send("POST", "/v1/users/import", text.encode(), kind="text/csv")


def counts(answer: Answer) -> tuple[int, int, int]:
    assert answer.status == 200, answer.content
    return answer.json["created"], answer.json["changed"], answer.json["unchanged"]


def users_of(org: Organization) -> dict[str, dict[str, Any]]:
    return {user["sign_in_name"]: user for user in org.api.get("/v1/users").json["data"]}


def assigned(org: Organization) -> dict[str, int]:
    return {row["code"]: row["assigned"] for row in org.api.get("/v1/licences").json["data"]}


@pytest.fixture
def org(anywhere: World) -> Organization:
    made = anywhere.organization()
    made.api.put("/v1/licences", {"MCOEV": 2, "MCOPSTN1": None})
    return made


def test_users_are_made_and_changed_by_a_file(org: Organization) -> None:
    assert counts(sent(org, HEADER + ANN + BOB)) == (2, 0, 0)
    users = users_of(org)
    assert list(users) == ["ann@example.com", "bob@example.com"]
    bob = {"kind": "resource_account", "language": "lv", "licences": ["MCOEV", "MCOPSTNPP"], "number": None}
    assert (bob | {"policy": "DialoutCPCandPSTNDomestic"}).items() <= users["bob@example.com"].items()
    assert assigned(org) == {"MCOEV": 2, "MCOPSTN1": 0, "MCOPSTNPP": 1}
    assert counts(sent(org, HEADER + ANN.replace("Ann,", "Anna,") + BOB)) == (0, 1, 1)
    changed = users_of(org)["ann@example.com"]
    assert (changed["id"], changed["name"]) == (users["ann@example.com"]["id"], "Anna")
    assert org.api.get("/v1/audit").json["data"][0]["action"] == "users.imported"


def test_what_a_file_does_not_say_stays(org: Organization) -> None:
    sent(org, HEADER + ANN)
    assert counts(sent(org, "sign_in_name,name,usage_location\nann@example.com,Anna,LV\n")) == (0, 1, 0)
    ann = users_of(org)["ann@example.com"]
    assert (ann["usage_location"], ann["number"], ann["licences"]) == ("LV", "+442079460100", ["MCOEV"])


def test_two_users_may_change_numbers_and_pass_on_licences(org: Organization) -> None:
    org.api.put("/v1/licences", {"MCOEV": 1})
    sent(org, HEADER + ANN + "Eve,eve,GB,+442079460199,,,,\n")
    swapped = "Ann,ann@example.com,GB,+442079460199,,,,\nEve,eve,GB,+442079460100,,,MCOEV,\n"
    assert counts(sent(org, HEADER + swapped)) == (0, 2, 0)
    assert {name: user["number"] for name, user in users_of(org).items()} == {
        "ann@example.com": "+442079460199",
        "eve": "+442079460100",
    }
    assert assigned(org)["MCOEV"] == 1


@pytest.mark.parametrize(
    ("line", "field", "code"),
    [
        ("Eve,eve,ZZ,,,,,", "usage_location", "unknown_country"),
        ("Eve,eve,GB,,,,DANCE,", "licences", "unknown_licence"),
        ("Eve,eve,GB,,,,MCOPSTN2,", "licences", "no_licence_left"),
        ("Eve,eve,GB,+12025550120,,,,", "number", "already_used"),
        ("Eve,eve,GB,+12025550121,,,,", "number", "already_used"),
        ("Eve,+12025550121,GB,,,,,", "sign_in_name", "already_used"),
    ],
)
def test_with_one_wrong_line_nothing_is_done(org: Organization, line: str, field: str, code: str) -> None:
    org.api.post("/v1/numbers", {"number": "+12025550120", "type": "toll", "serves": "queue"})
    org.user(number="+12025550121", sign_in_name="other")
    refused = sent(org, f"{HEADER}{ANN}{line}\n")
    assert (refused.status, refused.json["code"]) == (422, "invalid")
    assert [(one["field"], one["code"]) for one in refused.json["errors"]] == [(f"lines[3].{field}", code)]
    assert (list(users_of(org)), assigned(org)["MCOEV"]) == (["other"], 0)


def test_licences_that_run_out_are_told_at_the_line(org: Organization) -> None:
    eve = "Eve,eve,GB,,,,MCOEV,\n"
    refused = sent(org, HEADER + ANN + BOB + eve)
    assert refused.fields == ["lines[4].licences"]


def test_what_is_exported_can_be_imported_and_runs_nothing(org: Organization) -> None:
    sent(org, HEADER + ANN + BOB)
    org.user(name="=cmd|' /C calc'!A0", sign_in_name="@sum", usage_location="LV")
    org.user(name="'=2", sign_in_name="+12", usage_location="LV")
    file = org.api.get("/v1/users/export")
    assert (file.status, file.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    rows = list(csv.DictReader(StringIO(file.content.decode())))
    assert [row["name"] for row in rows] == ["Ann", "Bob", "'=cmd|' /C calc'!A0", "''=2"]
    assert rows[0]["number"] == "+442079460100"
    assert rows[1]["licences"] == "MCOEV MCOPSTNPP"
    assert counts(sent(org, file.content.decode())) == (0, 0, 4)


def test_a_removed_user_is_not_exported_and_comes_back_as_another(org: Organization) -> None:
    sent(org, HEADER + ANN)
    old = users_of(org)["ann@example.com"]["id"]
    org.api.delete(f"/v1/users/{old}")
    assert len(org.api.get("/v1/users/export").content.splitlines()) == 1
    assert counts(sent(org, HEADER + ANN)) == (1, 0, 0)
    assert users_of(org)["ann@example.com"]["id"] != old


def test_licences_are_given_to_many_and_taken_from_them(org: Organization) -> None:
    sent(org, HEADER + ANN + BOB + "Eve,eve,GB,,,,,\n")
    ids = {name: user["id"] for name, user in users_of(org).items()}
    named = [ids["ann@example.com"], "bob@example.com", "eve", "eve"]
    body = {"users": named, "add": ["MCOPSTN1"], "remove": ["MCOEV"]}
    done = org.api.post("/v1/licences/assign", body)
    assert (done.status, done.json) == (200, {"changed": 3, "unchanged": 0})
    held = [user["licences"] for user in users_of(org).values()]
    assert held == [["MCOPSTN1"], ["MCOPSTN1", "MCOPSTNPP"], ["MCOPSTN1"]]
    assert assigned(org) == {"MCOEV": 0, "MCOPSTN1": 3, "MCOPSTNPP": 1}
    assert org.api.post("/v1/licences/assign", body).json == {"changed": 0, "unchanged": 3}


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"users": ["nobody"], "add": ["MCOEV"]}, 422, "users[0]"),
        ({"users": ["eve", "ann@example.com"], "add": ["MCOEV"], "remove": []}, 409, "MCOEV"),
        ({"users": ["eve"], "add": ["DANCE"]}, 422, "add[0]"),
        ({"users": ["eve"], "add": ["MCOEV"], "remove": ["MCOPSTN1", "MCOEV"]}, 422, "remove[1]"),
        ({"users": []}, 422, "users"),
    ],
)
def test_many_are_changed_or_nobody(org: Organization, body: Any, status: int, field: str) -> None:
    org.api.put("/v1/licences", {"MCOEV": 1})
    sent(org, HEADER + ANN.replace("MCOEV", "") + "Eve,eve,GB,,,,,\n")
    refused = org.api.post("/v1/licences/assign", body)
    assert (refused.status, refused.fields) == (status, [field])
    assert assigned(org)["MCOEV"] == 0


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "ANN"}, ["ann@example.com"]),
        ({"q": "example"}, ["ann@example.com", "bob@example.com"]),
        ({"q": "2079460"}, ["ann@example.com"]),
        ({"q": "%"}, []),
        ({"q": "_nn"}, []),
        ({"location": "US"}, ["bob@example.com"]),
        ({"licence": "MCOPSTNPP"}, ["bob@example.com"]),
        ({"licence": "MCOPSTN_P"}, []),
        ({"blocked": "true"}, ["bob@example.com"]),
        ({"blocked": "false", "licence": "MCOEV"}, ["ann@example.com"]),
        ({}, ["ann@example.com", "bob@example.com"]),
    ],
)
def test_users_are_found(org: Organization, query: dict[str, str], found: list[str]) -> None:
    sent(org, HEADER + ANN + BOB)
    org.api.post(f"/v1/users/{users_of(org)['bob@example.com']['id']}/block", {"reason": "x"})
    assert [user["sign_in_name"] for user in org.api.get("/v1/users", **query).json["data"]] == found


@pytest.mark.parametrize("query", [{"location": "usa"}, {"blocked": "maybe"}, {"q": ""}, {"shoe": "1"}])
def test_a_filter_that_makes_no_sense_names_its_field(world: World, query: dict[str, str]) -> None:
    refused = world.organization().api.get("/v1/users", **query)
    assert (refused.status, refused.fields) == (422, list(query))
