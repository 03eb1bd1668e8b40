"""`talktime mail` and `talktime deliveries`: does mail arrive, and what did not."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from tests.cli.inside import inside
from tests.cli.shop import ask
from tests.support.mailbox import mailbox
from tests.support.ports import free_port
from tests.support.postgres import Cluster
from tests.support.receiver import receiver
from tests.support.server import Server, serving

TO = ("--to", "ann@example.com")


def test_a_test_mail_reaches_the_mail_server_of_the_settings(tmp_path: Path) -> None:
    with mailbox() as box:
        sent = inside("mail", "test", *TO, "--language", "lv", "--data", tmp_path, TALKTIME_SMTP_URL=box.url)
        assert sent.returncode == 0
        assert sent.stdout == f"ann@example.com: taken by the mail server 127.0.0.1:{box.port}\n"
    (letter,) = box.letters
    assert (letter["To"], letter["Content-Language"]) == ("ann@example.com", "lv")
    assert str(letter["Subject"]).startswith("Testa e-pasta ziņojums")


def test_without_a_mail_server_it_is_a_file_that_its_owner_alone_can_read(tmp_path: Path) -> None:
    sent = inside("mail", "test", *TO, "--json", "--data", tmp_path, TALKTIME_MAIL_FROM="Desk <desk@example.net>")
    assert sent.returncode == 0
    (file,) = (tmp_path / "outbox").iterdir()
    assert str(file) in json.loads(sent.stdout)["where"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    letter = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert (letter["From"], letter["To"]) == ("Desk <desk@example.net>", "ann@example.com")


def test_mail_that_is_not_taken_is_code_one(tmp_path: Path) -> None:
    down = f"smtp://127.0.0.1:{free_port()}"
    refused = inside("mail", "test", *TO, "--data", tmp_path, TALKTIME_SMTP_URL=down)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "did not take it: " in refused.stderr
    assert inside("mail", "test", "--to", "nobody", "--data", tmp_path).returncode == 1
    assert inside("mail", "test", *TO, "--language", "xx", "--data", tmp_path).returncode == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMTP_URL", "http://example.com"),
        ("SMTP_URL", "smtp://"),
        ("MAIL_FROM", "Talktime"),
        ("PUBLIC_URL", "example.com"),
    ],
)
def test_a_setting_that_cannot_be_used_is_told(name: str, value: str, tmp_path: Path) -> None:
    refused = inside("mail", "test", *TO, "--data", tmp_path, **{f"TALKTIME_{name}": value})
    assert refused.returncode == 2
    assert f"'{name.lower()}'" in refused.stderr


def test_settings_are_shown_without_the_password_of_the_mail_server() -> None:
    shown = json.loads(inside("settings", "--json", TALKTIME_SMTP_URL="smtp://me:hunter2@mail.example.com:587").stdout)
    assert shown["smtp_url"] == "smtp://me@mail.example.com:587"
    assert "hunter2" not in json.dumps(shown)


def eventually(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 20
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def parked(server: Server) -> list[dict[str, Any]]:
    listed = inside("deliveries", "list", "--parked", "--json", *server.database)
    assert listed.returncode == 0, listed.stderr
    return list(json.loads(listed.stdout))


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_what_did_not_arrive_is_listed_and_sent_once_more(
    dialect: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    where: Path | str = tmp_path / "data"
    if dialect == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgres")
        where = cluster.fresh_database()
    inward = {"TALKTIME_WEBHOOKS_TO_INTERNAL": "true"}
    with receiver() as hook, serving(where, environment=inward) as server:
        hook.status = 410
        key = server.operator_key
        body = {"name": "Example", "country": "US", "currency": "USD"}
        org = ask(server, "POST", "/v1/operator/organizations", body, key).body["id"]
        act: dict[str, str] = {"Talktime-Organization": org}
        made = ask(server, "POST", "/v1/webhooks", {"url": hook.url, "events": ["refund"]}, key, **act).body
        ask(server, "POST", f"/v1/webhooks/{made['id']}/test", {}, key, **act)
        (one,) = eventually(lambda: parked(server))
        assert (one["organization"], one["status"], one["tries"]) == (org, 410, 1)
        assert one["id"] in inside("deliveries", "list", *server.database, COLUMNS="400").stdout

        hook.status = 200
        again = inside("deliveries", "replay", one["id"], *server.database)
        assert (again.returncode, again.stdout) == (0, f"{one['id']} is sent once more\n")
        eventually(lambda: len(hook.heard) == 2)
        assert [heard.id for heard in hook.heard] == [one["id"]] * 2
        assert hook.heard[1].signed_by(made["secret"])
        assert parked(server) == []
        assert inside("deliveries", "list", "--parked", *server.database).stdout == "Nothing is parked.\n"

        assert inside("deliveries", "replay", "del_nobody", *server.database).returncode == 3
        unknown = inside("deliveries", "replay", "del_nobody", "--org", org, *server.database)
        assert (unknown.returncode, unknown.stderr) == (3, f"talktime: {org} has no delivery called del_nobody\n")
        named = inside("deliveries", "replay", one["id"], "--org", org, "--json", *server.database)
        assert json.loads(named.stdout)["state"] == "waiting"
