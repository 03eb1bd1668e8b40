"""The guide `docs/operating/one-machine.md`, word by word, on fresh machines with systemd; its settings without one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from talktime.settings import load
from talktime.storage.vault import Vault, keys_from
from tests.operating.machine import Machine as Folder
from tests.operating.services import settings_in
from tests.packages import test_install
from tests.packages.machine import Machine

GUIDES = Path(__file__).parents[2] / "docs" / "operating"
GUIDE = (GUIDES / "one-machine.md").read_text()
TRACES = (GUIDES / "watch.md").read_text().partition("## Traces")[2].partition("\n## ")[0]
TAKEN = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
*BLOCKS, WITHOUT_A_BALANCER = TAKEN
FIRST, SERVICES = map(test_install.blocks, (test_install.FIRST, test_install.SERVICES))
INSTALLED = [*FIRST, SERVICES[0]]
# There is none on so small a machine, and who works there is root.
TRACED = ['sudo() { "$@"; }', *re.findall(r"```sh\n(.*?)```", TRACES, re.DOTALL)]
AS_ONE_SERVICE = """
/opt/talktime/bin/talktime health --ready
systemctl show talktime --property ActiveState,NRestarts
grep '^TALKTIME_DATABASE' /etc/talktime/talktime.env | cut --delimiter @ --fields 1
"""
KEPT = """
grep '^TALKTIME_DATABASE' /etc/talktime/talktime.env | cut --delimiter @ --fields 1
grep '^TALKTIME_SECRET_KEY' /etc/talktime/talktime.env
echo "TALKTIME_SECRET_KEY=$(cat /var/lib/talktime/secret.key)"
systemctl is-enabled talktime.service || true
stat --format %a /etc/talktime/talktime.env
grep '^TALKTIME_WORKERS' /etc/talktime/talktime.env || echo one process each
"""
ASKED = """
/opt/talktime/bin/talktime health --ready --port 8081
/opt/talktime/bin/talktime health --ready --port 8082
runuser --login postgres --command 'psql --tuples-only --no-align talktime' <<END
SELECT DISTINCT client_port > 0 FROM pg_stat_activity WHERE usename = 'talktime';
END
systemctl show talktime@8081 talktime@8082 talktime-worker --property ActiveState,NRestarts
"""
LISTENED = """
for _ in $(seq 5); do curl --fail --silent --show-error http://127.0.0.1:8080/readyz; done
systemctl show talktime --property ActiveState,NRestarts
"""


class Settings:
    """What the block that writes them leaves in a folder that stands for the machine."""

    def __init__(self, folder: Path) -> None:
        self._machine = Folder(folder)
        self._file = folder / "etc/talktime/talktime.env"
        self._key = folder / "var/lib/talktime/secret.key"
        (folder / "etc/pgbouncer").mkdir()
        (folder / "etc/pgbouncer/userlist.txt").write_text('"talktime" "canary"\n')

    def before(self, *lines: str, key: str = "") -> None:
        """Of the one service."""
        self._file.write_text("".join(f"{line}\n" for line in ("# Mine.", *lines)))
        self._key.write_text(key)

    def written(self) -> dict[str, str]:
        (block,) = [block for block in BLOCKS if "TALKTIME_SECRET_KEY=" in block]
        self._machine.follow([block])
        lines = [line for line in self._file.read_text().splitlines() if line.startswith("TALKTIME_")]
        assert len(lines) == len(settings_in(self._file)) and self._file.stat().st_mode & 0o777 == 0o600
        return settings_in(self._file)


def test_the_settings_are_understood(tmp_path: Path) -> None:
    given = Settings(tmp_path).written()
    settings = load({}, given)
    assert (settings.drain_seconds, settings.prepared_statements, settings.jobs) == (5, False, False)
    assert settings.database and settings.database.startswith("postgresql://talktime:canary@127.0.0.1:6432/")
    assert Vault(*keys_from(given["TALKTIME_SECRET_KEY"])).ids


def test_what_one_service_had_is_kept_also_a_second_time(tmp_path: Path) -> None:
    """Without its key stored secrets could not be read any more."""
    settings = Settings(tmp_path)
    mine = ("TALKTIME_PUBLIC_URL=https://mine.example.com", "TALKTIME_LOG_LEVEL=warning")
    settings.before(*mine, "TALKTIME_WORKERS=2", "TALKTIME_JOBS=no", key="NEWER\nOLDER\n")
    first = settings.written()
    assert {f"{name}={value}" for name, value in first.items()} > {*mine, "TALKTIME_SECRET_KEY=NEWER,OLDER"}
    assert "TALKTIME_WORKERS" not in first
    assert settings.written() == first


def test_a_key_among_the_settings_is_the_one(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    settings.before("TALKTIME_SECRET_KEY=REPLACED", "TALKTIME_SECRET_KEY=MINE", key="OF-BEFORE")
    assert settings.written()["TALKTIME_SECRET_KEY"] == "MINE"


@pytest.mark.prove
def test_a_fresh_machine_becomes_a_strong_one(machine: Machine) -> None:
    told = machine.told([*INSTALLED, *BLOCKS, ASKED, WITHOUT_A_BALANCER, LISTENED])[len(INSTALLED) :]
    _, _, started, balanced, _, asked, _, listened = told
    assert "set up https://talktime.example.com/" in started
    assert balanced.endswith("ready\n")
    assert asked.startswith("ready\nready\nt\n")
    assert asked.count("ActiveState=active\n") == 3 and asked.count("NRestarts=0\n") == 3
    assert listened.startswith(5 * "ready\n")
    # In an order of systemd's own.
    assert "ActiveState=active\n" in listened and "NRestarts=0\n" in listened


@pytest.mark.prove
def test_one_service_becomes_a_strong_machine_with_the_same_key_and_database(machine: Machine) -> None:
    """After the whole guide to installing, with traces switched on; and each block may be run again."""
    before = [*FIRST, *SERVICES, *TRACED]
    told = machine.told([*before, AS_ONE_SERVICE, *BLOCKS, KEPT, *BLOCKS, KEPT, ASKED])[len(before) :]
    single, again, asked = told[0], told[1 + len(BLOCKS) :], told[-1]
    assert single.startswith("ready\n") and "ActiveState=active\n" in single and "NRestarts=0\n" in single
    kept, repeated = again[0].splitlines(), again[-2].splitlines()
    assert kept == repeated
    database, key, key_of_before, *rest = kept
    assert database == single.splitlines()[-1]
    assert key == key_of_before
    assert rest == ["disabled", "600", "one process each"]
    assert asked.startswith("ready\nready\n")
    assert asked.count("ActiveState=active\n") == 3 and asked.count("NRestarts=0\n") == 3
