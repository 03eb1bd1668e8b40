"""The commands beside the server, as scripts use them."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from talktime.storage.folder import DATABASE_FILE
from tests.cli.inside import inside
from tests.cli.shop import ask, authorize, open_shop, settle
from tests.support.postgres import Cluster
from tests.support.server import serving, talktime

pytestmark = pytest.mark.slow

COMMANDS = (
    (),
    ("serve",),
    ("worker",),
    ("keys",),
    ("keys", "create"),
    ("keys", "list"),
    ("keys", "revoke"),
    ("verify",),
    ("backup",),
    ("capacity",),
    ("restore",),
    ("restored",),
    ("backup-drill",),
    ("upgrade",),
    ("database",),
    ("database", "distribute"),
    ("database", "shards"),
    ("database", "cell"),
    ("rates",),
    ("rates", "import"),
    ("rates", "lookup"),
    ("rates", "compare"),
    ("licences",),
    ("licences", "import"),
    ("licences", "export"),
    ("users",),
    ("users", "import"),
    ("members",),
    ("members", "set-up-link"),
    ("people",),
    ("people", "export"),
    ("people", "erase"),
    ("retention",),
    ("audit",),
    ("audit", "export"),
    ("org",),
    ("org", "export"),
    ("org", "import"),
    ("org", "open"),
    ("mail",),
    ("mail", "test"),
    ("kamailio",),
    ("kamailio", "init"),
    ("secrets",),
    ("secrets", "new-key"),
    ("secrets", "rotate"),
    ("files",),
    ("radius",),
    ("radius", "init"),
    ("deliveries",),
    ("deliveries", "list"),
    ("deliveries", "replay"),
    ("providers",),
    ("providers", "test"),
    ("reconcile",),
    ("reconcile", "run"),
    ("reconcile", "list"),
    ("reconcile", "close"),
    ("reconcile", "reject"),
    ("inbox",),
    ("inbox", "list"),
    ("inbox", "replay"),
    ("rate-records",),
    ("agi",),
    ("try-call",),
    ("bench",),
    ("diameter",),
    ("doctor",),
    ("health",),
    ("demo",),
    ("settings",),
    ("version",),
)
GROUPS = {command[:1] for command in COMMANDS if len(command) > 1} | {()}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(command: tuple[str, ...]) -> None:
    told = inside(*command, "--help", COLUMNS="200")
    assert told.returncode == 0
    assert "Usage:" in told.stdout
    if command not in GROUPS:
        assert "--json" in told.stdout


def test_no_command_is_missing_above() -> None:
    told = talktime("--help", COLUMNS="200").stdout
    listed = set(re.findall(r"^│ ([a-z][a-z-]*)  ", told, re.MULTILINE))
    assert listed == {command[0] for command in COMMANDS if command}


def test_a_wrong_call_is_code_two() -> None:
    for arguments in (("serve", "--prot", "1"), ("no-such-command",), ("keys", "create"), ("serve", "--port", "x")):
        assert inside(*arguments).returncode == 2, arguments


# ---------------------------------------------------------------- keys


def test_a_key_can_be_made_before_there_is_a_server(tmp_path: Path) -> None:
    made = inside("keys", "create", "--operator", "--data", tmp_path / "data")
    assert made.returncode == 0
    assert made.stdout.splitlines()[-1].startswith("tt_live_0-")
    with serving(tmp_path / "data") as server:
        key = made.stdout.splitlines()[-1]
        assert ask(server, "GET", "/v1/operator/organizations", key=key).status == 200


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_keys_beside_a_running_server(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    where: Path | str = tmp_path / "data"
    if dialect == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgres")
        where = cluster.fresh_database()
    with serving(where) as server:
        open_shop(server)
        org = ask(server, "GET", "/v1/operator/organizations", key=server.operator_key).body["data"][0]["id"]
        made = inside(
            *("keys", "create", "--org", org, "--scope", "calls,funds", "--expires-in", "7"),
            *("--address", "127.0.0.0/8", "--json", *server.database),
        )
        told = json.loads(made.stdout)
        assert ask(server, "GET", "/v1/balance", key=told["key"]).status == 200
        assert ask(server, "GET", "/v1/users", key=told["key"]).status == 403

        listed = json.loads(inside("keys", "list", "--org", org, "--json", *server.database).stdout)
        mine = next(one for one in listed if one["id"] == told["id"])
        assert mine["addresses"] == ["127.0.0.0/8"]
        assert mine["expires_at"]

        assert inside("keys", "revoke", told["id"], "--org", org, *server.database).returncode == 0
        assert ask(server, "GET", "/v1/balance", key=told["key"]).status == 401
        again = inside("keys", "revoke", told["id"], "--org", org, *server.database)
        assert again.returncode == 3
        assert "(404)" in again.stderr


def test_a_key_for_nobody_is_refused(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    for arguments in (("--org", "org_77", "--scope", "calls"), ("--operator", "--address", "nowhere")):
        refused = inside("keys", "create", *arguments, *data)
        assert refused.returncode == 3
        assert re.search(r"\(4\d\d\)", refused.stderr)
        assert refused.stdout == ""
    assert inside("keys", "create", "--org", "org_1", *data).returncode == 2


# ---------------------------------------------------------------- rates


CSV = "prefix,destination,per_minute\n44,United Kingdom,0.1\n33,France,0.06\n"


def test_a_price_list_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "rates.csv").write_text(CSV)
    about = ("--name", "Standard", "--currency", "USD", "--publish", "--default", "--data", str(tmp_path / "data"))
    with serving(tmp_path / "data") as server:
        made = inside("rates", "import", tmp_path / "rates.csv", *about, "--json")
        assert made.returncode == 0, made.stderr
        told = json.loads(made.stdout)
        assert told["default"] is True
        assert told["versions"][0]["state"] == "published"
        listed = ask(server, "GET", f"/v1/operator/price-lists/{told['id']}/rows", key=server.operator_key)
        assert [row["prefix"] for row in listed.body["data"]] == ["44", "33"]
    assert inside("rates", "import", tmp_path / "rates.csv", *about[:4], *about[6:]).returncode == 0


def test_a_wrong_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "rates.csv").write_text(CSV + "49,Germany,cheap\n")
    about = ("--name", "Standard", "--currency", "USD", "--data", str(tmp_path / "data"))
    refused = inside("rates", "import", tmp_path / "rates.csv", *about)
    assert refused.returncode == 3
    assert "4" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert inside("rates", "import", tmp_path / "missing.csv", *about).returncode == 3


def test_illustrative_prices_with_one_command_and_what_a_call_costs_by_them(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    taken = inside("rates", "import", "--illustrative", "--currency", "USD", "--publish", "--default", *data)
    assert taken.returncode == 0, taken.stderr
    assert "Illustrative world prices" in taken.stdout and "published" in taken.stdout
    with serving(tmp_path / "data") as server:
        about = {"name": "Example Ltd", "country": "GB", "currency": "USD"}
        org = ask(server, "POST", "/v1/operator/organizations", about, server.operator_key).body["id"]
        told = inside("rates", "lookup", "--org", org, "--to", "+447700900117", *data)
        assert told.returncode == 0, told.stderr
        assert "United Kingdom, mobile (prefix 4477)" in told.stdout
        assert "0.042 USD a minute, no connection fee, first 30 s, then by 6 s" in told.stdout
        assert re.search(r"10 │ +0\.42", told.stdout)
    found = inside("rates", "lookup", "--org", org, "--to", "+18005550117", "--call-type", "ucap_in", "--json", *data)
    assert json.loads(found.stdout)["rate"]["destination"] == "United States, toll-free dial-in"
    nothing = inside("rates", "lookup", "--org", org, "--to", "+2101234567", *data)
    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert "no published price" in nothing.stderr
    assert inside("rates", "lookup", "--org", org, "--to", "112", *data).returncode == 3


def test_illustrative_prices_are_in_dollars_and_no_file(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    euros = inside("rates", "import", "--illustrative", "--currency", "EUR", *data)
    assert euros.returncode == 3
    assert "USD" in euros.stderr
    file = str(tmp_path / "rates.csv")
    for wrong in ((), (file, "--illustrative"), (file,)):
        assert inside("rates", "import", *wrong, "--currency", "USD", *data).returncode == 2, wrong


def test_two_lists_compared(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text(CSV)
    (tmp_path / "new.csv").write_text("prefix,destination,per_minute\n44,United Kingdom,0.15\n49,Germany,0.02\n")
    data = ("--data", str(tmp_path / "data"))
    lists = []
    for name in ("old", "new"):
        made = inside("rates", "import", tmp_path / f"{name}.csv", "--name", name, "--currency", "USD", "--json", *data)
        lists.append(json.loads(made.stdout)["id"])
    told = inside("rates", "compare", *lists, *data)
    assert told.returncode == 0, told.stderr
    assert re.search(r"44 .* United Kingdom .* 0\.1 .* 0\.15 .* \+50", told.stdout)
    assert "rows: 1 dearer, 0 cheaper, 0 otherwise, 0 unchanged, 1 added, 1 removed" in told.stdout
    assert "only in the other list: Germany" in told.stdout
    assert "no longer there: France" in told.stdout
    short = inside("rates", "compare", *lists, "--rows", "0", *data)
    assert "changed rows that are not shown: 1" in short.stdout
    assert json.loads(inside("rates", "compare", *lists, "--json", *data).stdout)["summary"]["dearer"] == 1
    assert inside("rates", "compare", lists[0], "prl_nobody", *data).returncode == 3


# ---------------------------------------------------------------- licences, users


PLAN = "code,name,ability,order,domestic,counted,shared\nHOUSE1,House plan,calling,9,*:500,assigned,location\n"
PEOPLE = "name,sign_in_name,usage_location,licences\nAnn,ann2@example.com,LV,MCOPSTNPP\nBob,bob2@example.com,US,\n"


def test_licences_from_a_file_and_to_one(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    (tmp_path / "plans.csv").write_text(PLAN)
    with serving(tmp_path / "data"):
        taken = inside("licences", "import", tmp_path / "plans.csv", *data, "--json")
        assert [one["code"] for one in json.loads(taken.stdout)] == ["HOUSE1"], taken.stderr
    written = inside("licences", "export", *data)
    (tmp_path / "again.csv").write_text(written.stdout)
    assert "1 licences of your own" in inside("licences", "import", tmp_path / "again.csv", *data).stdout
    assert inside("licences", "export", *data).stdout == written.stdout
    assert len(inside("licences", "export", "--all", *data).stdout.splitlines()) > 20


def test_a_wrong_licence_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "plans.csv").write_text(PLAN + "HOUSE2,Dear plan,dear,,,,\n")
    refused = inside("licences", "import", tmp_path / "plans.csv", "--data", tmp_path / "data")
    assert refused.returncode == 3
    assert "lines[3].ability" in refused.stderr


def test_users_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(PEOPLE)
    with serving(tmp_path / "data") as server:
        open_shop(server)
        org = ask(server, "GET", "/v1/operator/organizations", key=server.operator_key).body["data"][0]["id"]
        about = (tmp_path / "people.csv", "--org", org, "--data", tmp_path / "data")
        assert json.loads(inside("users", "import", *about, "--json").stdout)["created"] == 2
        assert "0 made, 0 changed, 2 as they were" in inside("users", "import", *about).stdout
        (tmp_path / "people.csv").write_text(PEOPLE + "Eve,eve,ZZ,\n")
        refused = inside("users", "import", *about)
        assert (refused.returncode, "lines[4].usage_location" in refused.stderr) == (3, True)


# ---------------------------------------------------------------- verify, backup, restore


def nobody_is_charged(folder: Path) -> bool:
    """Until providers were asked what they have taken since."""
    with closing(sqlite3.connect(folder / DATABASE_FILE)) as database:
        [(mark,)] = database.execute("SELECT value FROM control WHERE name = 'restored'")
    return bool(mark == 1)


def test_backup_and_restore_beside_a_running_server(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        key = open_shop(server)
        authorize(server, key, "c1")
        settle(server, key, "c1")
        made = inside("backup", tmp_path / "copy.sqlite", "--data", tmp_path / "data", "--json")
        assert json.loads(made.stdout)["bytes"] > 0
        assert inside("backup", tmp_path / "copy.sqlite", "--data", tmp_path / "data").returncode == 3
        assert inside("backup", tmp_path, "--data", tmp_path / "data").returncode == 0
        assert len(list(tmp_path.glob("talktime-*.sqlite"))) == 1
        into_itself = inside("restore", tmp_path / "copy.sqlite", "--data", tmp_path / "data")
        assert into_itself.returncode == 3
        assert "in use" in into_itself.stderr

    restored = inside("restore", tmp_path / "copy.sqlite", "--data", tmp_path / "other", "--json")
    assert restored.returncode == 0, restored.stderr
    assert json.loads(restored.stdout)["verify"]["clean"] is True
    assert nobody_is_charged(tmp_path / "other")
    again = inside("restore", tmp_path / "copy.sqlite", "--data", tmp_path / "other")
    assert again.returncode == 3
    assert "empty folder" in again.stderr
    with serving(tmp_path / "other") as server:
        assert ask(server, "GET", "/v1/balance", key=key).body["balance"] == "99.8"


def test_backup_and_restore_on_postgresql(postgres: Cluster, tmp_path: Path) -> None:
    with serving(postgres.fresh_database()) as server:
        open_shop(server)
        assert inside("backup", tmp_path / "copy", *server.database).returncode == 0
    target = ("--database", postgres.fresh_database())
    restored = inside("restore", tmp_path / "copy", *target)
    assert restored.returncode == 0, restored.stderr
    assert "every invariant holds" in restored.stdout
    assert inside("restore", tmp_path / "copy", *target).returncode == 3


def test_verify_says_what_is_wrong_and_ends_with_one(tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    with serving(tmp_path / "data") as server:
        open_shop(server)
        told = json.loads(inside("verify", "--data", tmp_path / "data", "--json").stdout)
        assert told["clean"] is True
        assert told["entries"] == 1
    with closing(sqlite3.connect(tmp_path / "data" / "talktime.db")) as database:
        database.execute("UPDATE accounts SET posted_micros = posted_micros + 1 WHERE org_id = 1")
        database.commit()
    for arguments in ((), ("--json",)):
        ended = inside("verify", "--data", tmp_path / "data", *arguments)
        assert ended.returncode == 1
        assert "I2" in ended.stdout
        assert "org_1" in ended.stdout


# ---------------------------------------------------------------- the others


def test_settings_are_shown_without_secrets(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('port = 1\nhost = "0.0.0.0"\n')
    environment = {
        "TALKTIME_SETTINGS": str(tmp_path / "settings.toml"),
        "TALKTIME_PORT": "2",
        "TALKTIME_SECRET_KEY": "canary",
        "TALKTIME_DATABASE": "postgresql://me:canary@db/talktime",
        "TALKTIME_STRIPE_API_KEY": "sk_test_canary",
        "TALKTIME_STRIPE_WEBHOOK_SECRETS": "whsec_canary,whsec_canary2",
    }
    told = inside("settings", "--json", "--data", "here", **environment)
    effective = json.loads(told.stdout)
    assert (effective["host"], effective["port"], effective["data"]) == ("0.0.0.0", 2, "here")
    assert "canary" not in told.stdout + inside("settings", **environment).stdout


def test_doctor_finds_what_is_wrong(postgres: Cluster, tmp_path: Path) -> None:
    sound = inside("doctor", "--data", tmp_path / "data", "--json")
    assert sound.returncode == 0
    with serving(tmp_path / "data"):
        beside = json.loads(inside("doctor", "--data", tmp_path / "data", "--json").stdout)
        assert {one["what"]: one["right"] for one in beside}["schema"] is True
    (tmp_path / "data" / "talktime.db").chmod(0o644)
    assert inside("doctor", "--data", tmp_path / "data").returncode == 1

    url = postgres.superuser_url(postgres.fresh_database().rpartition("/")[2])
    superuser = inside("doctor", "--database", url, "--json")
    assert superuser.returncode == 1
    told = {one["what"]: one for one in json.loads(superuser.stdout)}
    assert told["role"]["right"] is False
    # The tests' own server does not flush.
    assert told["fsync"]["right"] is False
    assert all(one["do"] for one in told.values() if one["right"] is False)
    assert inside("doctor", "--database", "postgresql://nobody@127.0.0.1:1/x").returncode == 1


def test_version_is_told() -> None:
    assert json.loads(inside("version", "--json").stdout)["talktime"]
    assert inside("version").stdout.startswith("talktime ")
    assert inside("--version").stdout == inside("version").stdout
