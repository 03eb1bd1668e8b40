"""The table of docs/security.md: every requirement once, each with a state, a reason, a place and a test.

`asvs.csv` has the ids of the OWASP Application Security Verification Standard 5.0.0 with their levels, of 1 and 2.
"""

from __future__ import annotations

import ast
import csv
import re
from collections import Counter
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "security.md"
HOMES = (ROOT, ROOT / "src" / "talktime")
MET, SET_UP, NOT_APPLICABLE, NOT_MET = STATES = ("met", "set-up", "not applicable", "not met")
WORDS_OF_TWO_PAGES = 1000
COLUMNS = 7


class Row(NamedTuple):
    id: str
    level: str
    asks: str
    state: str
    where: str
    shown_by: str
    why: str


def rows() -> list[Row]:
    lines = [line for line in DOCUMENT.read_text().splitlines() if re.match(r"\| V\d", line)]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [line for line in cells if len(line) != COLUMNS] == []
    return [Row(*line) for line in cells]


def levels() -> dict[str, str]:
    with (Path(__file__).parent / "asvs.csv").open(newline="") as file:
        return {row["id"]: row["level"] for row in csv.DictReader(file)}


def paths(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


ROWS = rows()
on_each = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)


def test_the_standard_has_as_many_requirements_as_it_says() -> None:
    assert Counter(levels().values()) == {"1": 70, "2": 183}


def test_every_requirement_stands_there_once_in_its_order() -> None:
    assert [row.id for row in ROWS] == list(levels())
    assert {row.id: row.level for row in ROWS} == levels()


def test_each_stands_under_its_chapter() -> None:
    chapters = re.findall(r"^### (V\d+) .+\n\n(?:\|.*\n)+", DOCUMENT.read_text(), re.MULTILINE)
    assert chapters == [chapter for chapter, _ in groupby(row.id.partition(".")[0] for row in ROWS)]


@on_each
def test_a_requirement_has_a_state_and_what_belongs_to_it(row: Row) -> None:
    assert row.asks and row.state in STATES
    if row.state == MET:
        assert row.where or row.why
        assert row.shown_by or row.why, "what no test shows says so"
    else:
        assert row.why, "what is not simply met has its reason"


@on_each
def test_places_and_tests_that_it_names_are_there(row: Row) -> None:
    assert [path for path in paths(row.where) if not any((home / path).exists() for home in HOMES)] == []
    assert [test for test in paths(row.shown_by) if not is_test(test)] == []


def is_test(name: str) -> bool:
    path, _, function = name.partition("::")
    file = ROOT / path
    return file.is_file() and file.name.startswith("test_") and function in {"", *functions(file)}


@cache
def functions(file: Path) -> frozenset[str]:
    return frozenset(node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef))


def test_the_sums_are_right() -> None:
    count = Counter(row.state for row in ROWS)
    told = re.search(
        r"Of (\d+) .*?(\d+) are \*met\*; (\d+) .*?\*set-up\*.*?; (\d+) .*?; (\d+) are", DOCUMENT.read_text()
    )
    assert told
    assert [int(one) for one in told.groups()] == [len(ROWS), *(count[state] for state in STATES)]


def test_the_source_and_its_licence_are_named() -> None:
    text = DOCUMENT.read_text()
    assert "OWASP Application Security Verification Standard 5.0.0" in text
    assert "CC BY-SA 4.0" in text


def test_the_threat_model_is_read_in_two_pages() -> None:
    model = DOCUMENT.read_text().partition("\n## Ways in")[0]
    assert 300 < len(model.split()) < WORDS_OF_TWO_PAGES


def test_each_attacker_is_met_by_something_that_is_there() -> None:
    model = DOCUMENT.read_text().partition("## Who might attack")[2].partition("\n## ")[0]
    attackers = [line.split("|")[1:4] for line in model.splitlines() if line.startswith("| **")]
    assert len(attackers) >= 8
    assert [who for who, stops, remains in attackers if not remains.strip() or not stops.strip()] == []


def test_whoever_finds_a_weakness_knows_whom_to_tell() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    assert "not into a public issue" in text
    assert "Which versions get mends" in text
