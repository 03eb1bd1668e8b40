"""The guide `docs/operating/one-machine.md`, word by word, on a fresh machine with systemd."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.packages import test_install
from tests.packages.machine import Machine

GUIDES = Path(__file__).parents[2] / "docs" / "operating"
GUIDE = (GUIDES / "one-machine.md").read_text()
TRACES = (GUIDES / "watch.md").read_text().partition("## Traces")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
WITHOUT_A_BALANCER = BLOCKS.pop()
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
runuser --login postgres --command "psql --tuples-only --no-align talktime \\
    --command \"SELECT DISTINCT client_port <> 0 FROM pg_stat_activity WHERE usename = 'talktime'\""
systemctl show talktime@8081 talktime@8082 talktime-worker --property ActiveState,NRestarts
"""
LISTENED = """
for _ in $(seq 5); do curl --fail --silent --show-error http://127.0.0.1:8080/readyz; done
systemctl show talktime --property ActiveState,NRestarts
"""


@pytest.mark.prove
def test_a_fresh_machine_becomes_a_strong_one(machine: Machine) -> None:
    told = machine.told([*INSTALLED, *BLOCKS, ASKED, WITHOUT_A_BALANCER, LISTENED])[len(INSTALLED) :]
    _, _, started, balanced, _, asked, _, listened = told
    assert "set up https://talktime.example.com/" in started
    assert balanced.endswith("ready\n")
    assert asked.startswith("ready\nready\nt\n")
    assert asked.count("ActiveState=active\n") == 3 and asked.count("NRestarts=0\n") == 3
    assert listened.startswith(5 * "ready\n") and "ActiveState=active\nNRestarts=0" in listened


@pytest.mark.prove
def test_one_service_becomes_a_strong_machine_with_the_same_key_and_database(machine: Machine) -> None:
    """After the whole guide to installing, with traces switched on; and each block may be run again."""
    before = [*FIRST, *SERVICES, *TRACED]
    told = machine.told([*before, AS_ONE_SERVICE, *BLOCKS, KEPT, *BLOCKS, KEPT, ASKED])[len(before) :]
    single, again, asked = told[0], told[1 + len(BLOCKS) :], told[-1]
    assert single.startswith("ready\n") and "ActiveState=active\nNRestarts=0\n" in single
    kept, repeated = again[0].splitlines(), again[-2].splitlines()
    assert kept == repeated
    database, key, key_of_before, *rest = kept
    assert database == single.splitlines()[-1]
    assert key == key_of_before
    assert rest == ["disabled", "600", "one process each"]
    assert asked.startswith("ready\nready\nt\n")
    assert asked.count("ActiveState=active\n") == 3
