"""The guide `docs/operating/one-machine.md`, word by word, on a fresh machine with systemd."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.packages import test_install
from tests.packages.machine import Machine

GUIDE = (Path(__file__).parents[2] / "docs" / "operating" / "one-machine.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
WITHOUT_A_BALANCER = BLOCKS.pop()
INSTALLED = [*test_install.blocks(test_install.FIRST), test_install.blocks(test_install.SERVICES)[0]]
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
