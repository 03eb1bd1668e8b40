"""What the operator knows better than what is shipped: licences and their terms, and rows about numbers."""

from __future__ import annotations

from talktime.portal.operator.files import CSV, BadLine, as_file, bad_lines, sent_file
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.visit import Visit
from talktime.web.problems import Problem

HERE = "/operator/catalogue"
LICENCES, NUMBERS = "/v1/operator/licence-catalogue", "/v1/operator/number-rows"
LICENCE_COLUMNS = (
    *("code", "name", "ability", "order", "counts_as", "includes", "conference", "domestic"),
    *("international", "counted", "shared", "destinations", "caps"),
)
NUMBER_COLUMNS = ("prefix", "kind", "premium", "high_risk", "digits", "country", "reason")
NUMBERS_SHOWN = 200


def get_catalogue(visit: Visit) -> Answer:
    return _catalogue(visit)


def _catalogue(
    visit: Visit, errors: dict[str, str] | None = None, bad: list[BadLine] | None = None, of: str = ""
) -> Answer:
    licences, numbers = visit.ask(LICENCES)["data"], visit.ask(NUMBERS)["data"]
    values = {
        "licences": licences,
        "own": [one for one in licences if one["source"] == "own"],
        "numbers": numbers[:NUMBERS_SHOWN],
        "numbers_in_all": len(numbers),
        "errors": errors,
        "bad": bad or [],
        "of": of,
    }
    return Screen("operator/catalogue.html", values, 422 if errors else 200)


def save_licences(visit: Visit) -> Answer:
    return _taken(visit, LICENCES, "licences")


def save_numbers(visit: Visit) -> Answer:
    return _taken(visit, NUMBERS, "numbers")


def _taken(visit: Visit, path: str, of: str) -> Answer:
    try:
        visit.upload("PUT", path, sent_file(visit), CSV)
    except Problem as problem:
        bad = bad_lines(visit, problem)
        return _catalogue(visit, {"": ""} if bad else visit.errors(problem), bad, of)
    return Away(HERE, "saved")


def remove_licence(visit: Visit) -> Answer:
    try:
        visit.send("DELETE", f"{LICENCES}/{visit.named('code')}")
    except Problem as problem:
        return _catalogue(visit, {"": visit.sentence(problem, problem.detail, problem.code)}, of="list")
    return Away(HERE, "removed")


def get_file(visit: Visit) -> Answer:
    """One's own, as it would be sent back."""
    if visit.names["file"] == "licences.csv":
        own = [one for one in visit.ask(LICENCES)["data"] if one["source"] == "own"]
        return as_file("licences.csv", LICENCE_COLUMNS, own)
    if visit.names["file"] == "numbers.csv":
        return as_file("numbers.csv", NUMBER_COLUMNS, visit.ask(NUMBERS)["data"])
    raise Problem(404, "not_found")
