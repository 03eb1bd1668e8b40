"""`talktime rate-records --post`, as scripts use it; and files that nobody expects."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from random import Random

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from talktime.storage.folder import claimed
from tests.charging.books import Books
from tests.cli.inside import inside
from tests.core.switch import UK
from tests.posting.world import HEADER, OTHER, World, calls

LINE = f"a,user_out,{UK},2031-03-10T12:00:00Z,61,usr_0,,"


@pytest.fixture
def world(sqlite_books: Books, tmp_path: Path) -> World:
    return World(sqlite_books, tmp_path)


def written(world: World, *lines: str, header: str = ",".join(HEADER)) -> Path:
    path = world.folder / "in.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def told(world: World, source: Path, *options: str) -> tuple[int, str, str]:
    where = ("--post", "--data", str(world.folder), "--json")
    done = inside("rate-records", source, world.folder / "out.csv", *where, *options)
    return done.returncode, done.stdout, done.stderr


def test_the_sums_are_told(world: World) -> None:
    code, said, _ = told(world, written(world, LINE, LINE, LINE.replace("a,", "b,", 1)), "--org", "org_2")
    assert code == 0
    summary = json.loads(said)
    counts = {name: summary[name] for name in ("records", "booked", "known", "unanswered", "errors")}
    assert counts == {"records": 3, "booked": 2, "known": 1, "unanswered": 0, "errors": 0}
    assert summary["payers"]["credits"] == {"calls": 2, "pool_minutes": 0, "charge": summary["charge"]}
    assert (summary["shortfall"], summary["refused"], summary["errors_file"]) == ("0.000000", {}, None)


def test_people_are_told_in_words(world: World) -> None:
    source = written(world, LINE, LINE.replace("usr_0", "nobody").replace("a,", "b,", 1), LINE.replace(UK, "x"))
    where = ("--post", "--data", str(world.folder), "--org", "org_2")
    done = inside("rate-records", source, world.folder / "out.csv", *where)
    assert done.returncode == 1
    assert "2 calls booked" in done.stdout
    assert "no_licence: 1 calls" in done.stdout
    assert "1 calls were not booked" in done.stdout


def test_a_file_may_say_whose_calls_they_are(world: World) -> None:
    lines = [f"{LINE},org_1", f"{LINE.replace('a,', 'b,', 1)},org_2", f"{LINE},org_ffff", f"{LINE},x", f"{LINE},"]
    code, said, _ = told(world, written(world, *lines, header=",".join(HEADER) + ",organization"))
    assert (code, json.loads(said)["booked"]) == (1, 2)
    assert [(error["line"], error["field"], error["code"]) for error in world.errors()] == [
        ("4", "organization", "not_found"),
        ("5", "organization", "not_found"),
        ("6", "organization", "not_found"),
    ]


def test_another_price_list_can_be_given(world: World) -> None:
    (world.folder / "prices.csv").write_text("prefix,destination,per_minute\n44,UK,0.5\n")
    prices = ("--prices", str(world.folder / "prices.csv"))
    code, said, _ = told(world, written(world, LINE), "--org", "org_2", *prices)
    assert (code, json.loads(said)["charge"]) == (0, "1.000000")


def test_columns_are_found_by_their_names(world: World) -> None:
    header = ",".join(HEADER).replace("user,", "who,")
    source = written(world, LINE, header=header)
    assert told(world, source, "--org", "org_2")[0] == 2
    assert told(world, source, "--org", "org_2", "--column", "user=who")[0] == 0


def test_parquet_is_booked_too(world: World) -> None:
    frame = pl.read_csv(written(world, LINE), infer_schema=False)
    frame.write_parquet(world.folder / "in.parquet")
    assert told(world, world.folder / "in.parquet", "--org", "org_2")[0] == 0


def test_an_empty_file_books_nothing(world: World) -> None:
    code, said, _ = told(world, written(world), "--org", "org_2")
    assert (code, json.loads(said)["records"]) == (0, 0)


def test_a_running_server_keeps_its_database_to_itself(world: World) -> None:
    with claimed(world.folder):
        code, _, complaint = told(world, written(world, LINE), "--org", "org_2")
    assert (code, "stop it first" in complaint) == (3, True)


def test_without_a_price_list_it_says_what_is_missing(world: World) -> None:
    done = inside("rate-records", written(world, LINE), world.folder / "out.csv")
    assert (done.returncode, "--prices" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("line", "field", "code"),
    [
        (LINE.replace("a,", ",", 1), "call_id", "missing_field"),
        (LINE.replace("a,", "a b,", 1), "call_id", "invalid_value"),
        (LINE.replace("a,", "a" * 129 + ",", 1), "call_id", "invalid_value"),
        (LINE.replace("user_out", "x"), "call_type", "invalid_value"),
        (LINE.replace("Z", ""), "started_at", "invalid_value"),
        (LINE.replace("61", "x"), "duration_seconds", "invalid_value"),
        (LINE.replace("61", "-1"), "duration_seconds", "out_of_range"),
        (LINE.replace(UK, ""), "to", "missing_field"),
        (LINE.replace(UK, "1" * 129), "to", "invalid_number"),
        (LINE.replace("usr_0", "u" * 129), "user", "invalid_value"),
        (LINE.replace("usr_0,,", "usr_0,\0,"), "from", "invalid_value"),
        (LINE + "k" * 257, "conference_id", "invalid_value"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(world: World, line: str, field: str, code: str) -> None:
    assert told(world, written(world, line, LINE), "--org", "org_2")[0] == 1
    assert [(error["line"], error["field"], error["code"]) for error in world.errors()] == [("2", field, code)]
    assert len(world.state(OTHER)["usage"]) == 1


def cells() -> st.SearchStrategy[list[list[str]]]:
    good = st.integers(0, 2**20).map(lambda seed: list(calls(Random(seed), 1)[0].cells))
    odd = st.text(st.characters(codec="utf-8"), max_size=140)

    def with_one(call: list[str], place: int, text: str) -> list[str]:
        return [*call[:place], text, *call[place + 1 :]]

    line = st.builds(with_one, good, st.integers(0, len(HEADER) - 1), odd)
    return st.lists(st.one_of(good, line), max_size=8)


@given(cells())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_in_a_file_is_booked_or_told(world: World, lines: list[list[str]]) -> None:
    source = world.folder / "in.csv"
    with source.open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *lines])
    code, said, complaint = told(world, source, "--org", "org_2")
    if code != 2:
        summary = json.loads(said)
        assert summary["records"] == sum(summary[name] for name in ("booked", "known", "unanswered", "errors"))
        assert (code, complaint) == (1 if summary["errors"] else 0, "")


def test_after_all_that_the_books_are_right(world: World) -> None:
    made = calls(Random(9), 50)
    told(world, world.file(made), "--org", "org_2")
    assert world.findings() == []
