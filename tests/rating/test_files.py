"""`talktime rate-records`, as scripts use it."""

from __future__ import annotations

import csv
import json
import subprocess
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import polars as pl
import pytest

from talktime.core.price_files import read_csv
from talktime.core.time import instant as instant_of
from talktime.rating import files
from talktime.rating.calls import instants_of
from talktime.rating.columns import SECONDS_MAX, columns_of
from talktime.rating.tariffs import Tariffs
from talktime.web import call_forms
from tests.cli.inside import inside
from tests.rating.office import HEADER, calls, slowly

PRICES = (
    "prefix,destination,per_minute,connection_fee,initial_seconds,step_seconds\n"
    "44,United Kingdom,0.1,0.05,60,60\n33,France,0.06,,30,6\n"
)
GOOD = "c1,user_out,+442079460117,2031-03-14T12:00:00Z,61"


class Desk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "prices.csv").write_text(PRICES)

    def calls(self, *lines: str, header: str = ",".join(HEADER), name: str = "in.csv") -> Path:
        path = self.folder / name
        path.write_text("\n".join([header, *lines]) + "\n")
        return path

    def rate(self, source: Path, *options: str, out: str = "out.csv") -> subprocess.CompletedProcess[str]:
        return inside("rate-records", source, self.folder / out, "--prices", self.folder / "prices.csv", *options)

    def rows(self, name: str = "out.csv") -> list[dict[str, str]]:
        with (self.folder / name).open(newline="") as file:
            return list(csv.DictReader(file))

    def errors(self, name: str = "out.csv") -> list[tuple[str, str, str]]:
        return [(row["line"], row["field"], row["code"]) for row in self.rows(f"{name}.errors.csv")]

    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()} - {"prices.csv"}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_file_of_calls_gets_its_prices(desk: Desk) -> None:
    told = desk.rate(desk.calls(GOOD, "c2,user_out,+33199001234,2031-03-14T12:00:00Z,31"))
    assert (told.returncode, told.stderr) == (0, "")
    assert "2 calls, 0.2860 USD" in told.stdout
    first, second = desk.rows()
    price = {"destination": "United Kingdom", "prefix": "44", "billed_seconds": "120"}
    amounts = {"connection_fee": "0.050000", "charge": "0.2500"}
    assert first == dict(zip(HEADER, GOOD.split(","), strict=True)) | price | amounts
    assert (second["billed_seconds"], second["connection_fee"], second["charge"]) == ("36", "0.000000", "0.0360")
    assert desk.names() == {"in.csv", "out.csv"}


def test_columns_that_nobody_asked_for_are_kept_as_they_are(desk: Desk) -> None:
    header = f"note,{','.join(HEADER)},trunk"
    desk.rate(desk.calls(f'"a, ""b""",{GOOD},007', header=header))
    (row,) = desk.rows()
    assert (row["note"], row["trunk"]) == ('a, "b"', "007")
    assert list(row)[: len(HEADER) + 2] == header.split(",")


def test_a_file_may_call_its_columns_otherwise(desk: Desk) -> None:
    source = desk.calls(GOOD, header="id,kind,callee,begin,secs")
    names = ("call_id=id", "call_type=kind", "to=callee", "started_at=begin", "duration_seconds=secs")
    told = desk.rate(source, *(part for name in names for part in ("--column", name)))
    assert told.returncode == 0
    assert desk.rows()[0]["charge"] == "0.2500"


@pytest.mark.parametrize(
    ("milliseconds", "billed"),
    [(0, 0), (100, 0), (101, 60), (60_000, 60), (60_100, 60), (60_101, 120), (120_100, 120)],
)
def test_a_tenth_of_a_second_is_given_where_milliseconds_are_counted(
    desk: Desk, milliseconds: int, billed: int
) -> None:
    line = GOOD.rpartition(",")[0]
    desk.rate(desk.calls(f"{line},{milliseconds}", header=",".join((*HEADER[:4], "duration_ms"))))
    assert desk.rows()[0]["billed_seconds"] == str(billed)


@pytest.mark.parametrize("milliseconds", ["-1", "1000000000001", "9223372036854775807"])
def test_milliseconds_have_their_bounds_too(desk: Desk, milliseconds: str) -> None:
    line = GOOD.rpartition(",")[0]
    told = desk.rate(desk.calls(f"{line},{milliseconds}", header=",".join((*HEADER[:4], "duration_ms"))))
    assert told.returncode == 1
    assert desk.errors() == [("2", "duration_ms", "out_of_range")]


def test_a_line_without_anything_is_a_call_without_an_id(desk: Desk) -> None:
    assert desk.rate(desk.calls(GOOD, "", GOOD)).returncode == 1
    assert desk.errors() == [("3", "call_id", "missing_field")]


def test_the_tolerance_and_the_longest_call_are_those_of_the_api() -> None:
    assert f"le={SECONDS_MAX}" in repr(call_forms.Seconds).replace("_", "")


@pytest.mark.parametrize(
    ("line", "field", "code"),
    [
        ("c2,user_out,,2031-03-14T12:00:00Z,61", "to", "missing_field"),
        ("c2,user_out,911,2031-03-14T12:00:00Z,61", "to", "invalid_number"),
        ("c2,user_out,+4915550117000,2031-03-14T12:00:00Z,61", "to", "no_rate"),
        ("c2,conf_in,+442079460117,2031-03-14T12:00:00Z,61", "to", "no_rate"),
        ("c2,telepathy,+442079460117,2031-03-14T12:00:00Z,61", "call_type", "invalid_value"),
        ("c2,,+442079460117,2031-03-14T12:00:00Z,61", "call_type", "missing_field"),
        (",user_out,+442079460117,2031-03-14T12:00:00Z,61", "call_id", "missing_field"),
        ("c2,user_out,+442079460117,2031-03-14T12:00:00,61", "started_at", "invalid_value"),
        ("c2,user_out,+442079460117,2031-02-30T12:00:00Z,61", "started_at", "invalid_value"),
        ("c2,user_out,+442079460117,,61", "started_at", "missing_field"),
        ("c2,user_out,+442079460117,2031-03-14T12:00:00Z,-1", "duration_seconds", "out_of_range"),
        ("c2,user_out,+442079460117,2031-03-14T12:00:00Z,1000000001", "duration_seconds", "out_of_range"),
        ("c2,user_out,+442079460117,2031-03-14T12:00:00Z,61.5", "duration_seconds", "invalid_value"),
        ("c2,user_out,+442079460117,2031-03-14T12:00:00Z,", "duration_seconds", "missing_field"),
        ("c2,user_out,+442079460117,2031-03-14T12:00:00Z", "duration_seconds", "missing_field"),
    ],
)
def test_what_cannot_be_rated_is_told_by_its_line_and_the_rest_goes_on(
    desk: Desk, line: str, field: str, code: str
) -> None:
    told = desk.rate(desk.calls(GOOD, line, GOOD.replace("c1", "c3")))
    assert told.returncode == 1
    assert [row["call_id"] for row in desk.rows()] == ["c1", "c3"]
    assert desk.errors() == [("3", field, code)]


def test_an_error_says_what_was_there(desk: Desk) -> None:
    desk.rate(desk.calls(GOOD.replace("+442079460117", "nobody")))
    assert desk.rows("out.csv.errors.csv")[0]["detail"] == "'nobody' is no number like +442079460117"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2031-03-14T12:00:00Z", "2031-03-14T12:00:00Z"),
        ("2031-03-14t12:00:00z", "2031-03-14T12:00:00Z"),
        ("2031-03-14 12:00:00Z", "2031-03-14T12:00:00Z"),
        ("2031-03-14T12:00:00.25Z", "2031-03-14T12:00:00.25Z"),
        ("2031-03-14T12:00:00.123456789Z", "2031-03-14T12:00:00.123456Z"),
        ("2031-03-14T14:00:00+02:00", "2031-03-14T12:00:00Z"),
        ("2031-03-14T06:30:00.5-05:30", "2031-03-14T12:00:00.5Z"),
        ("9999-12-31T23:59:59-12:00", "9999-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00Z", "0002-01-01T00:00:00Z"),
        ("0000-01-01T00:00:00Z", None),
        ("2031-03-14T12:00:60Z", None),
        ("2031-03-14T24:00:00Z", None),
        ("2031-03-14T12:00Z", None),
        ("2031-3-14T12:00:000Z", None),
        ("2031-03-14T12:00:00", None),
        ("2031-03-14T12:00:00+2:00", None),
        ("2031-03-14T12:00:00+25:00", None),
        ("+031-03-14T12:00:00Z", None),
        ("2031/03/14T12:00:00Z", None),
        ("soon", None),
    ],
)
def test_times_are_those_of_rfc_3339(text: str, instant: str | None) -> None:
    frame = pl.DataFrame([("c", "user_out", "+442079460117", text, "1")], schema=HEADER, orient="row")
    columns = columns_of(frame.schema, {})
    read = frame.select(columns.read(frame.schema, Tariffs([], 4, "UTC")))
    (at,) = instants_of(frame[columns.started_at], read["at"])
    assert at == (instant_of(datetime.fromisoformat(instant)) if instant else None)


# ---------------------------------------------------------------- Parquet


def test_parquet_goes_in_and_out(desk: Desk) -> None:
    at = datetime(2031, 3, 14, 12, tzinfo=UTC)
    frame = pl.DataFrame(
        {"call_id": ["c1", "c2"], "call_type": ["user_out"] * 2, "to": ["+442079460117", "911"], "started_at": [at] * 2}
    ).with_columns(duration_seconds=pl.lit(61, pl.Int32), cost_centre=pl.lit(7))
    frame.write_parquet(desk.folder / "in.parquet")
    told = desk.rate(desk.folder / "in.parquet", out="out.parquet")
    assert told.returncode == 1
    (row,) = pl.read_parquet(desk.folder / "out.parquet").iter_rows(named=True)
    assert row["started_at"] == at and row["cost_centre"] == 7
    assert (row["connection_fee"], row["charge"]) == (Decimal("0.05"), Decimal("0.25"))
    assert desk.errors("out.parquet") == [("2", "to", "invalid_number")]


@pytest.mark.parametrize(
    ("column", "values"),
    [("duration_seconds", [1.5]), ("to", [442079460117]), ("started_at", [datetime(2031, 1, 1)])],
)
def test_parquet_of_other_types_is_refused(desk: Desk, column: str, values: list[Any]) -> None:
    row = dict(zip(HEADER, GOOD.split(","), strict=True))
    pl.DataFrame({**{name: [value] for name, value in row.items()}, column: values}).write_parquet(
        desk.folder / "in.parquet"
    )
    told = desk.rate(desk.folder / "in.parquet")
    assert told.returncode == 2
    assert f"the column '{column}' holds" in told.stderr


def test_long_files_go_through_in_pieces_and_in_order(desk: Desk) -> None:
    rows = read_csv(PRICES.encode())
    some = list(calls(Random(5), rows, 1_000))
    source = desk.calls(*(",".join(map(str, call)) for call in some))
    with patch.object(files, "PIECE", 64):
        for out in ("out.csv", "out.parquet"):
            desk.rate(source, out=out)
    expected = slowly(rows, 4, "UTC", some)
    good = [call.call_id for call in some if not isinstance(expected[call.call_id], str)]
    assert [row["call_id"] for row in desk.rows()] == good
    assert pl.read_parquet(desk.folder / "out.parquet")["call_id"].to_list() == good
    bad = [str(line) for line, call in enumerate(some, 2) if isinstance(expected[call.call_id], str)]
    assert [line for line, _, _ in desk.errors()] == bad


def test_long_work_tells_how_far_it_is(desk: Desk) -> None:
    told: list[tuple[int, int | None]] = []
    source = desk.calls(*[GOOD] * 100)
    tariffs = Tariffs(read_csv(PRICES.encode()), 4, "UTC")
    with patch.object(files, "PIECE", 40):
        files.rate_file(source, desk.folder / "out.csv", tariffs, {}, lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert len(told) > 1
    assert told[-1] == (100, 100)


# ---------------------------------------------------------------- exit codes


def test_json_tells_everything(desk: Desk) -> None:
    told = desk.rate(desk.calls(GOOD, GOOD.replace("+44", "+49")), "--json", "--currency", "EUR")
    summary = json.loads(told.stdout)
    assert told.returncode == 1
    assert summary.pop("seconds") >= 0
    counts = {"records": 2, "rated": 1, "errors": 1, "charge": "0.2500", "currency": "EUR"}
    made = {"out": str(desk.folder / "out.csv"), "errors_file": str(desk.folder / "out.csv.errors.csv")}
    assert summary == counts | made


def test_errors_of_an_earlier_time_do_not_stay(desk: Desk) -> None:
    assert desk.rate(desk.calls(GOOD.replace("+44", "+49"))).returncode == 1
    assert desk.rate(desk.calls(GOOD)).returncode == 0
    assert desk.names() == {"in.csv", "out.csv"}


def test_no_calls_are_no_error(desk: Desk) -> None:
    assert desk.rate(desk.calls()).returncode == 0
    assert (desk.folder / "out.csv").read_text().startswith("call_id,")
    assert desk.rate(desk.calls(), out="out.parquet").returncode == 0
    assert pl.read_parquet(desk.folder / "out.parquet").height == 0


@pytest.mark.parametrize(
    ("options", "header", "said"),
    [
        ((), "call_id,call_type,to,started_at", "duration_seconds or duration_ms"),
        ((), "call_id,call_type,to,started_at,duration_seconds,duration_ms", "not both"),
        ((), "call_id,call_type,number,started_at,duration_seconds", "'to' is missing"),
        ((), "call_id,call_type,to,started_at,duration_seconds,charge", "'charge' is there already"),
        ((), "call_id,call_id,to,started_at,duration_seconds", "two columns of one name"),
        (("--column", "to"), ",".join(HEADER), "is not like"),
        (("--column", "price=x"), ",".join(HEADER), "no column of ours is called 'price'"),
        (("--time-zone", "Mars/Olympus"), ",".join(HEADER), "is no time zone"),
        (("--currency", "dollars"), ",".join(HEADER), "is no currency"),
        (("--charge-decimals", "7"), ",".join(HEADER), ""),
        (("--prices", "nowhere.csv"), ",".join(HEADER), "nowhere.csv cannot be read"),
    ],
)
def test_what_cannot_be_done_is_code_two_and_leaves_nothing(
    desk: Desk, options: tuple[str, ...], header: str, said: str
) -> None:
    told = desk.rate(desk.calls(header=header), *options)
    assert told.returncode == 2
    assert said in told.stderr
    assert "Traceback" not in told.stderr
    assert desk.names() == {"in.csv"}


def test_a_price_list_that_is_none_is_told_by_its_lines(desk: Desk) -> None:
    (desk.folder / "prices.csv").write_text("prefix,per_minute\n44,free\n")
    told = desk.rate(desk.calls(GOOD))
    assert told.returncode == 2
    assert "Line 2, per_minute" in told.stderr


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        ",".join(HEADER).encode() + b"\nc1,user_out,\xff,x,1\n",
        f"{','.join(HEADER)}\n{GOOD},7\n".encode(),
    ],
    ids=["empty", "not UTF-8", "not UTF-8 later", "more cells than the header has"],
)
def test_a_file_that_is_no_csv_is_code_two(desk: Desk, content: bytes) -> None:
    (desk.folder / "in.csv").write_bytes(content)
    told = desk.rate(desk.folder / "in.csv")
    assert (told.returncode, desk.names()) == (2, {"in.csv"}), told.stderr


def test_files_that_cannot_be_are_code_two(desk: Desk) -> None:
    source = desk.calls(GOOD)
    (desk.folder / "bad.parquet").write_text("this is no Parquet")
    for path, out in (("in.csv", "out.xlsx"), ("in.txt", "o.csv"), ("in.csv", "in.csv"), ("bad.parquet", "o.csv")):
        assert desk.rate(desk.folder / path, out=out).returncode == 2, (path, out)
    assert desk.rate(source, out="no/such/folder.csv").returncode == 2
    assert desk.rate(desk.folder / "no.csv").returncode == 2
    assert desk.names() == {"in.csv", "bad.parquet"}
    assert source.read_text().endswith(f"{GOOD}\n")


def test_a_byte_order_mark_and_line_ends_of_two_characters_are_read(desk: Desk) -> None:
    (desk.folder / "in.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join([",".join(HEADER), GOOD, ""]).encode())
    assert desk.rate(desk.folder / "in.csv").returncode == 0
    assert desk.rows()[0]["charge"] == "0.2500"


def test_the_command_explains_itself() -> None:
    told = inside("rate-records", "--help", COLUMNS="200")
    assert told.returncode == 0
    for word in ("--prices", "--column", "--charge-decimals", "--time-zone", "--json", "OUT.errors.csv", "Exit code"):
        assert word in told.stdout
