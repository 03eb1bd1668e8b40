"""Exports: the files that people take away."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zipfile import ZipFile

import polars as pl
import pytest

from talktime.core.time import DAY, SECOND
from talktime.jobs.exports import make_exports
from tests.support.usage import add_usage
from tests.web.client import START, Answer, Organization, World

RANGE = {"from": "2030-04-01T00:00:00Z", "to": "2030-04-03T00:00:00Z"}
USAGE = "PSTN.calls.2030-04-02"
HEADER = (
    "UsageId,Call ID,Conference ID,User Location,AAD ObjectId,UPN,User Display Name,Caller ID,Call Type,Number Type,"
    "Domestic/International,Destination Dialed,Destination Number,Start Time,End Time,Duration Seconds,"
    "Connection Fee,Charge,Currency,Capability"
)
OWN_CARRIER_HEADER = (
    "CorrelationId,AAD ObjectId,UPN,Display Name,User country,Invite time,Start time,Failure time,End time,"
    "Duration (seconds),Success,Caller Number,Callee Number,Call type,Azure region for Media,"
    "Azure region for Signaling,Final SIP code,Final Microsoft subcode,Final SIP Phrase,SBC FQDN,Media bypass,"
    "Shared correlation ID"
)


def export(org: Organization, **fields: Any) -> Answer:
    return org.api.post("/v1/exports", RANGE | fields)


def downloaded(world: World, org: Organization, **fields: Any) -> ZipFile:
    made = export(org, **fields)
    assert made.status == 202, made.content
    assert make_exports(world.app, lambda: False) == 1
    answer = org.api.get(f"/v1/exports/{made.json['id']}/download")
    assert answer.headers["content-disposition"] == f'attachment; filename="Calls.Export.{made.json["id"]}.zip"'
    assert answer.headers["content-type"] == "application/zip"
    assert int(answer.headers["content-length"]) == len(answer.content)
    return ZipFile(io.BytesIO(answer.content))


def table(archive: ZipFile, name: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(archive.read(name).decode(), newline="")))


def test_the_usage_table_has_its_twenty_columns(anywhere: World) -> None:
    org = anywhere.organization()
    user = org.user(sign_in_name="person@example.com", name='Example "P", Person').json["id"]
    row = add_usage(anywhere.app.database, org.id, START - 60 * SECOND, user_id=user, call_id="call-a")
    archive = downloaded(anywhere, org)
    assert archive.namelist() == [f"{USAGE}.csv", "parameters.json"]
    assert archive.read(f"{USAGE}.csv").startswith(HEADER.encode() + b"\r\n")
    [_, cells] = table(archive, f"{USAGE}.csv")
    begin = [row.usage_id, "call-a", "", "US", user, "person@example.com", 'Example "P", Person', "+12025550101"]
    middle = ["user_out", "Subscriber", "International", "United Kingdom", "+442079460123"]
    end = ["2030-04-02T07:59:00+00:00", "2030-04-02T08:00:15+00:00", "75", "0.0000", "0.2400", "USD", "MCOPSTNPP"]
    assert cells == begin + middle + end


def test_it_says_what_was_asked_for_and_what_is_in_it(world: World) -> None:
    org = world.organization()
    add_usage(world.app.database, org.id, START - SECOND)
    add_usage(world.app.database, org.id, START - SECOND, capability="MCOPSTN1")
    told = json.loads(downloaded(world, org).read("parameters.json"))
    assert told.pop("generated_at").startswith("2030-04-02T08:00:00")
    assert told == RANGE | {
        "format": "csv",
        "capabilities": ["MCOPSTN1", "MCOPSTNPP"],
        "rows": {"pstn": 2, "own_carrier": 0},
    }


def test_rows_are_in_order_and_only_those_of_the_range(anywhere: World) -> None:
    org = anywhere.organization()
    add_usage(anywhere.app.database, anywhere.organization().id, START)
    for at, call_id in ((START, "at the end"), (START - 1, "second"), (START - 2, "first"), (START - 3, "before")):
        add_usage(anywhere.app.database, org.id, at, call_id=call_id)
    of_two = {"from": "2030-04-02T07:59:59.999998Z", "to": "2030-04-02T08:00:00Z"}
    lines = table(downloaded(anywhere, org, **of_two), f"{USAGE}.csv")
    assert {line[1] for line in lines[1:]} == {"first", "second"}


def test_no_cell_is_taken_for_a_formula(world: World) -> None:
    org = world.organization()
    user = org.user(name="=cmd()", sign_in_name="@person").json["id"]
    add_usage(world.app.database, org.id, START - SECOND, user_id=user, call_id="-1", caller="+1+2")
    [_, cells] = table(downloaded(world, org), f"{USAGE}.csv")
    assert [cells[1], *cells[5:8], cells[12]] == ["'-1", "'@person", "'=cmd()", "'+1+2", "+442079460123"]


def test_the_other_partys_last_digits_are_hidden(world: World) -> None:
    org = world.organization(country="CH")
    add_usage(world.app.database, org.id, START - SECOND)
    [_, cells] = table(downloaded(world, org), f"{USAGE}.csv")
    assert cells[12] == "+44207946****"


def test_calls_over_own_carriers_have_a_table_of_their_own(anywhere: World) -> None:
    org = anywhere.organization()
    user = org.user(sign_in_name="person@example.com").json["id"]
    ours = {"user_id": user, "call_type": "dr_out", "call_id": "dr-1", "payer": "none", "charge": 0, "capability": ""}
    add_usage(anywhere.app.database, org.id, START - 60 * SECOND, **ours)
    archive = downloaded(anywhere, org)
    name = "DirectRouting.calls.2030-04-02.csv"
    assert archive.namelist() == [f"{USAGE}.csv", name, "parameters.json"]
    [header, cells] = table(archive, name)
    assert ",".join(header) == OWN_CARRIER_HEADER
    told = ["dr-1", user, "person@example.com", "Example Person", "US", "", "2030-04-02T07:59:00+00:00", ""]
    told += ["2030-04-02T08:00:15+00:00", "75", "Yes", "+12025550101", "+442079460123", "dr_out", *[""] * 8]
    assert cells == told
    assert len(table(archive, f"{USAGE}.csv")) == 1


def test_parquet_has_the_same_columns_with_types(anywhere: World) -> None:
    org = anywhere.organization()
    add_usage(anywhere.app.database, org.id, START - 60 * SECOND, charge=123_456, connection_fee=1)
    archive = downloaded(anywhere, org, format="parquet")
    read = pl.read_parquet(io.BytesIO(archive.read(f"{USAGE}.parquet")))
    assert read.columns == HEADER.split(",")
    [row] = read.to_dicts()
    assert (row["Charge"], row["Connection Fee"]) == (Decimal("0.123456"), Decimal("0.000001"))
    assert row["Start Time"] == datetime(2030, 4, 2, 7, 59, tzinfo=UTC)
    assert (row["Duration Seconds"], row["Destination Number"]) == (75, "+442079460123")


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_range_without_calls_is_a_table_without_rows(world: World, format: str) -> None:
    content = downloaded(world, world.organization(), format=format).read(f"{USAGE}.{format}")
    columns = pl.read_parquet(io.BytesIO(content)).columns if format == "parquet" else content.decode().split(",")
    assert len(columns) == 20


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"from": "2028-01-01T00:00:00Z"}, "from"),
        ({"from": "2029-04-01T07:59:59Z"}, "from"),
        ({"from": "2029-10-01T00:00:00Z", "own_carrier": True}, "from"),
        ({"to": "2030-04-01T00:00:00Z"}, "to"),
        ({"format": "xlsx"}, "format"),
        ({"from": "2030-04-01"}, "from"),
    ],
)
def test_a_range_that_cannot_be_told_is_refused_and_never_cut(world: World, fields: dict[str, Any], field: str) -> None:
    refused = export(world.organization(), **fields)
    assert (refused.status, refused.fields) == (422, [field])


def test_a_year_back_is_told_without_what_is_told_for_a_shorter_time(world: World) -> None:
    org = world.organization()
    add_usage(world.app.database, org.id, START - DAY, call_type="dr_in")
    assert export(org).json["own_carrier"] is True
    assert export(org, own_carrier=False).json["own_carrier"] is False
    assert export(org, **{"from": "2029-04-02T00:00:00Z"}).json["own_carrier"] is False


def test_a_year_is_counted_by_the_clock_of_a_test_organization(world: World) -> None:
    org = world.organization(mode="test")
    world.operator.put(f"{org.path}/clock", {"now": "2032-01-01T00:00:00Z"})
    assert export(org).fields == ["from"]


def test_asked_twice_with_one_key_it_is_made_once(anywhere: World) -> None:
    org = anywhere.organization()
    first = org.api.post("/v1/exports", RANGE, Idempotency_Key="one")
    again = org.api.post("/v1/exports", RANGE, Idempotency_Key="one")
    assert (again.json, again.headers["idempotent-replayed"]) == (first.json, "true")
    assert len(org.api.get("/v1/exports").json["data"]) == 1


def test_exports_are_listed_page_by_page(anywhere: World) -> None:
    org = anywhere.organization()
    made = [export(org).json["id"] for _ in range(3)]
    export(anywhere.organization())
    first = org.api.get("/v1/exports", limit=2).json
    second = org.api.get("/v1/exports", limit=2, cursor=first["next"]).json
    assert [one["id"] for one in first["data"] + second["data"]] == made[::-1]


def test_exports_of_another_organization_are_not_found(anywhere: World) -> None:
    theirs, mine = anywhere.organization(), anywhere.organization()
    made = export(theirs).json["id"]
    make_exports(anywhere.app, lambda: False)
    paths = [f"/v1/exports/{made}", f"/v1/exports/{made}/download"]
    assert [mine.api.get(path).status for path in paths] == [404, 404]
    assert [theirs.api.get(path).status for path in paths] == [200, 200]


def test_a_file_that_is_gone_is_not_found(world: World) -> None:
    org = world.organization()
    made = export(org).json["id"]
    make_exports(world.app, lambda: False)
    (world.app.settings.export_folder / f"Calls.Export.{made}.zip").unlink()
    assert org.api.get(f"/v1/exports/{made}/download").status == 404


def test_a_long_file_is_sent_whole(world: World) -> None:
    org = world.organization()
    made = export(org).json["id"]
    make_exports(world.app, lambda: False)
    content = bytes(range(256)) * 4000
    (world.app.settings.export_folder / f"Calls.Export.{made}.zip").write_bytes(content)
    assert org.api.get(f"/v1/exports/{made}/download").content == content


def test_who_took_calls_away_is_in_the_audit_log(world: World) -> None:
    org = world.organization()
    made = export(org).json["id"]
    row = org.api.get("/v1/audit").json["data"][0]
    assert (row["action"], row["object"]) == ("export.created", made)


def test_the_operator_sees_the_work_of_all(anywhere: World) -> None:
    one, other = anywhere.organization(), anywhere.organization()
    made = [export(org).json["id"] for org in (one, other, one)]
    make_exports(anywhere.app, lambda: False)
    first = anywhere.operator.get("/v1/operator/jobs", limit=2).json
    second = anywhere.operator.get("/v1/operator/jobs", limit=2, cursor=first["next"]).json
    rows = first["data"] + second["data"]
    assert [row["id"] for row in rows] == made[::-1]
    assert [row["organization"] for row in rows] == [one.id, other.id, one.id]
    assert {(row["kind"], row["status"], row["progress"]) for row in rows} == {("export", "done", 100)}
    assert one.key("reports").get("/v1/operator/jobs").status == 403
