"""The guide on people and data, command by command, and what goes wrong."""

from __future__ import annotations

import csv
import io
import json
import re
import resource
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile

import pytest

from talktime.cli.client import Client
from talktime.settings import load
from tests.cli.inside import inside
from tests.cli.shop import ROWS

pytestmark = pytest.mark.slow

GUIDE = Path(__file__).parents[2] / "docs" / "operating" / "people-and-data.md"
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
    return [
        line for block in re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL) for line in block.splitlines()
    ]


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
    assert not [path for path in data.rglob("*") if path.is_file() and ANN.encode() in path.read_bytes()]


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


@contextmanager
def file_size_at_most(size: int) -> Iterator[None]:
    """Python ignores the signal, so that writing further is an error, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_of_the_audit_log_is_whole_and_its_owners_alone(data: Path, tmp_path: Path) -> None:
    about = ("audit", "export", "--organization", "org_1", "--data", data, "--output")
    assert inside(*about, tmp_path / "whole").returncode == 0
    assert (tmp_path / "whole").stat().st_mode & 0o777 == 0o600
    with Client(load({"data": data}, {})) as client:
        for number in range(100):
            client.send("PATCH", "/v1/operator/organizations/org_1", {"name": f"{number:0200}"})
    # More than the database needs to be read, less than the log.
    with file_size_at_most(1 << 16):
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
