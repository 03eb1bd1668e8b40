"""The guide on people and data, command by command, and what goes wrong."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path
from zipfile import ZipFile

import pytest

from talktime.actions.seal import seal_all
from talktime.cli.client import Client
from talktime.settings import load
from talktime.storage.database import SqliteDatabase, open_reader
from talktime.storage.walls import opened
from tests.cli.inside import inside
from tests.cli.shop import ROWS
from tests.support.full_disk import room_for

pytestmark = pytest.mark.slow

GUIDE = Path(__file__).parents[2] / "docs" / "operating" / "people-and-data.md"
TAKEN = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL)
ANN = "ann@example.com"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An organization with a user who has called; no server runs."""
    folder = tmp_path_factory.mktemp("data")
    with Client(load({"data": folder}, {})) as client:
        open_shop(client)
    return folder


def open_shop(client: Client) -> None:
    prices = {"name": "P", "currency": "USD", "charge_decimals": 4, "default": True, "rows": ROWS}
    listed = client.send("POST", "/v1/operator/price-lists", prices)["id"]
    client.send("POST", f"/v1/operator/price-lists/{listed}/publish", {})
    about = {"name": "Example Ltd", "country": "GB", "currency": "USD"}
    org = client.send("POST", "/v1/operator/organizations", about)["id"]
    assert org == "org_1"
    client.send("POST", f"/v1/operator/organizations/{org}/grants", {"amount": "100", "expires_at": None})
    user = {"name": "Ann", "sign_in_name": ANN, "usage_location": "GB"}
    user_id = client.send("POST", "/v1/users", user, organization=org)["id"]
    client.send("PUT", "/v1/licences", {"MCOPSTN_PAYG_1": None}, organization=org)
    client.send("PUT", f"/v1/users/{user_id}/licences", ["MCOPSTN_PAYG_1", "MCOPSTNPP"], organization=org)
    key = client.send("POST", f"/v1/operator/organizations/{org}/keys", {"scopes": ["calls"]})["key"]
    call = {"call_id": "c1", "call_type": "user_out", "user": ANN, "to": "+442079460117"}
    client.send("POST", "/v1/calls/authorize", call, key=key)
    client.send("POST", "/v1/calls/settle", {"call_id": "c1", "duration_seconds": 61}, key=key)


def commands() -> list[str]:
    return [line for block in TAKEN for line in block.splitlines()]


def test_every_command_of_the_guide_does_what_it_says(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environment = {"TALKTIME_DATA": str(data), "TALKTIME_KEEP_DAYS": "calls:400,people:30"}
    told = {}
    for command in commands():
        name, *arguments = shlex.split(command.replace("ORG", "org_1"))
        assert name == "talktime"
        done = inside(*arguments, **environment)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        told[command] = done.stdout
    assert len(told) == 6
    with ZipFile("ann.zip") as archive:
        assert json.loads(archive.read("person.json"))["called"] == ["Ann", ANN]
        assert b"+442079460117" in archive.read("calls.jsonl")
    shown = "\n".join(told.values())
    assert "Nothing was changed" in shown and "forgotten" in shown
    assert re.search(r"calls +.* 400 .* 0 ", shown)
    lines = list(csv.DictReader(io.StringIO(Path("audit.csv").read_text())))
    assert [int(line["number"]) for line in lines] == list(range(1, len(lines) + 1))
    assert "person.erased" in {line["action"] for line in lines}
    assert ANN not in Path("audit.csv").read_text()
    assert json.loads(inside("verify", "--json", **environment).stdout)["clean"] is True
    gone = inside("people", "export", ANN, "--organization", "org_1", "--to", "again.zip", **environment)
    assert gone.returncode == 3 and "knows nobody" in gone.stderr
    assert files_with(ANN.encode(), data) == []


def test_what_goes_wrong_is_said(data: Path, tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    about = ("--data", data)
    for arguments, code, said in (
        (("people", "erase", ANN, "--organization", "example"), 2, "no organization"),
        (("people", "erase", "nobody", "--organization", "org_1"), 3, "knows nobody"),
        (("people", "erase", ANN, "--organization", "org_99"), 3, "knows nobody"),
        (("people", "export", ANN, "--organization", "org_1", "--to", tmp_path / "there"), 3, "there already"),
        (("people", "export", "ann", "--organization", "org_1", "--to", tmp_path / "no" / "x.zip"), 3, "knows nobody"),
        (("audit", "export", "--organization", "org_1", "--from", "yesterday"), 2, "neither a day"),
        (("audit", "export", "--organization", "org_1", "--output", tmp_path / "there"), 3, "there already"),
        (("audit", "export", "--organization", "org_1", "--output", tmp_path / "no" / "x"), 3, "cannot be written"),
        (("audit", "export", "--organization", "org_99"), 3, "there is no organization org_99"),
        (("audit", "export", "--organization", "org_1", "--json"), 2, "--output"),
    ):
        done = inside(*arguments, *about)
        assert (done.returncode, said in done.stderr) == (code, True), (arguments, done.stderr)
    wrong = inside("retention", *about, TALKTIME_KEEP_DAYS="calls:3")
    assert wrong.returncode == 2 and "keep_days" in wrong.stderr


def test_who_cannot_be_spared_is_said_and_nothing_is_changed(data: Path) -> None:
    boss = {"name": "Ada", "email": "ada@example.com", "roles": ["global_administrator"]}
    with Client(load({"data": data}, {})) as client:
        client.send("POST", "/v1/members", boss, organization="org_1")
    about = ("people", "erase", "ada@example.com", "--organization", "org_1", "--data", data)
    preview = inside(*about)
    assert preview.returncode == 0 and "it could not be done now: this is the last global admin" in preview.stdout
    assert "the last global administrator" in json.loads(inside(*about, "--json").stdout)["prevented_by"]
    refused = inside(*about, "--yes")
    assert (refused.returncode, "Traceback" in refused.stderr) == (3, False)
    assert "make somebody else one first" in refused.stderr
    assert inside(*about).stdout == preview.stdout


def test_what_an_interruption_left_in_the_file_goes_when_it_is_run_again(data: Path) -> None:
    """Also where nobody is found any more."""
    with closing(SqliteDatabase(load({"data": data}, {}).sqlite_path)) as database:
        database.connection.execute("PRAGMA secure_delete = OFF")
        database.connection.execute("CREATE TABLE scratch (text TEXT)")
        database.connection.execute("INSERT INTO scratch VALUES (?)", ("bob@example.com " * 1000,))
        database.connection.execute("DROP TABLE scratch")
    assert files_with(b"bob@example.com", data)
    again = inside("people", "erase", "bob@example.com", "--organization", "org_1", "--data", data, "--yes")
    assert again.returncode == 3 and "knows nobody" in again.stderr
    assert files_with(b"bob@example.com", data) == []


def test_what_was_done_is_said_before_that_the_file_could_not_be_written_anew(data: Path) -> None:
    """While somebody reads it."""
    cleo = {"name": "Cleo", "sign_in_name": "cleo@example.com", "usage_location": "GB"}
    with Client(load({"data": data}, {})) as client:
        user_id = client.send("POST", "/v1/users", cleo, organization="org_1")["id"]
    erase = ("people", "erase", user_id, "--organization", "org_1", "--data", data, "--yes")
    forget = ("retention", "--now", "--data", data)
    with closing(open_reader(load({"data": data}, {}).sqlite_path, sqlite3.connect)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM users").fetchone()
        for command, said in ((erase, f"{user_id}: forgotten"), (forget, "gone"), ((*forget, "--json"), "forgotten")):
            done = inside(*command)
            assert (done.returncode, said in done.stdout) == (3, True), done.stderr
            assert "somebody reads it" in done.stderr and "Traceback" not in done.stderr
    again = inside(*erase)
    assert again.returncode == 0, again.stderr
    assert files_with(b"cleo@example.com", data) == []


def files_with(text: bytes, data: Path) -> list[Path]:
    return [path for path in data.rglob("*") if path.is_file() and text in path.read_bytes()]


def test_a_file_of_the_audit_log_is_whole_and_its_owners_alone(data: Path, tmp_path: Path) -> None:
    about = ("audit", "export", "--organization", "org_1", "--data", data, "--output")
    assert inside(*about, tmp_path / "whole").returncode == 0
    assert (tmp_path / "whole").stat().st_mode & 0o777 == 0o600
    with Client(load({"data": data}, {})) as client:
        for number in range(100):
            client.send("PATCH", "/v1/operator/organizations/org_1", {"name": f"{number:0200}"})
    # More than the database needs to be read, less than the log.
    with room_for(1 << 16):
        cut = inside(*about, tmp_path / "cut")
    assert (cut.returncode, "cannot be written: File too large" in cut.stderr) == (3, True), cut.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


def test_the_audit_log_is_written_for_programs(data: Path) -> None:
    about = ("--organization", "org_1", "--data", data)
    lines = [json.loads(line) for line in inside("audit", "export", *about).stdout.splitlines()]
    assert lines[0]["action"] == "organization.created" and isinstance(lines[0]["new"], dict)
    assert inside("audit", "export", *about, "--to", "2000-01-01").stdout == ""
    some = inside("audit", "export", *about, "--from", lines[1]["at"]).stdout.splitlines()
    assert 0 < len(some) <= len(lines)
    assert inside("audit", "export", "--organization", "operator", "--data", data).stdout != ""
    since_ever = inside("audit", "export", *about, "--from", "1900-01-01").stdout.splitlines()
    assert len(since_ever) == len(lines)
    preview = json.loads(inside("retention", "--json", "--data", data).stdout)
    assert [one["kind"] for one in preview["goes"]] == ["sign_ins"]
    assert "calls" in preview["kept_for_ever"]


def test_what_is_wrong_with_one_organization_is_said_when_others_are_done(data: Path) -> None:
    zoe = {"name": "Zoe", "sign_in_name": "zoe@example.com", "usage_location": "GB"}
    with Client(load({"data": data}, {})) as client:
        user_id = client.send("POST", "/v1/users", zoe, organization="org_1")["id"]
        client.send("DELETE", f"/v1/users/{user_id}", organization="org_1")
    with closing(SqliteDatabase(load({"data": data}, {}).sqlite_path)) as database:
        seal_all(database, lambda: 1)
        database.connection.execute("UPDATE users SET removed_at = 1 WHERE user_id = ?", (user_id,))
        with database.writing(1) as tx, opened(tx, "audit"):
            tx.exec_driver_sql("UPDATE audit SET actor = 'nobody' WHERE org_id = 1")
    done = inside("retention", "--now", "--data", data, TALKTIME_KEEP_DAYS="people:1")
    assert (done.returncode, "Traceback" in done.stderr) == (3, False)
    assert "people of org_1" in done.stderr and "run talktime verify" in done.stderr
