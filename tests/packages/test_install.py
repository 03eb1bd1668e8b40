"""The guide `docs/operating/install.md`, word by word, on fresh machines. It takes minutes: most of it is a proof."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.operating.guides import the_command
from tests.operating.test_backups_and_upgrade import block_with
from tests.packages.machine import Machine

GUIDE = (Path(__file__).parents[2] / "docs" / "operating" / "install.md").read_text()
SECTIONS = {part.partition("\n")[0]: part for part in GUIDE.split("\n## ")[1:]}
FIRST, SERVICES, CONTAINER = "Make what is installed", "With systemd", "As a container"

LIVES = """
systemctl show talktime.service --property ActiveState,NRestarts
process=$(systemctl show talktime.service --property MainPID --value)
tr '\\0' ' ' < /proc/$process/cmdline
grep -E '^(Uid|CapEff|NoNewPrivs|Seccomp):' /proc/$process/status
stat --dereference --format %a /var/lib/talktime /etc/talktime/talktime.env
"""
WRITABLE = "podman exec talktime sh -c 'for place in / /tmp /opt/talktime . ; do test ! -w $place || echo $place; done'"
# There is none on so small a machine, and who works there is root.
THE_COMMAND = 'sudo() { "$@"; }\n' + the_command("podman")
INSIDE = """
podman exec talktime grep -E '^(Uid|CapEff|NoNewPrivs):' /proc/1/status
podman inspect talktime --format '{{.State.Health.Status}}'
"""
KEPT = """
talktime health --ready
talktime keys list --operator --json
test -e $(podman volume inspect --format '{{.Mountpoint}}' talktime)/damaged/talktime.db
"""
ENDS = """
systemctl stop talktime.service
systemctl show talktime.service --property Result,ExecMainStatus
journalctl --unit talktime.service --output cat
"""


def blocks(section: str) -> list[str]:
    return re.findall(r"```sh\n(.*?)```", SECTIONS[section], re.DOTALL)


TAKEN = [block for section in (FIRST, SERVICES, CONTAINER) for block in blocks(section)]


def id_of_key(told: str) -> str:
    """Of the one that was made."""
    (hexadecimal,) = re.findall(r"\btt_live_0-([0-9a-f]+)-", told)
    return f"key_{hexadecimal}"


def assert_ended_well(told: str) -> None:
    assert "Result=success\n" in told and "ExecMainStatus=0\n" in told
    assert "Traceback" not in told


@pytest.mark.prove
def test_a_fresh_machine_becomes_a_service(machine: Machine) -> None:
    first, services = blocks(FIRST), blocks(SERVICES)
    told = machine.told([*first, *services, LIVES, ENDS])
    _, _, healthy, operator, postgresql, doctor, _, _, lives, ends = told[len(first) :]
    assert healthy.startswith("ready\n") and "\n0 bad" in healthy
    assert "set up http://127.0.0.1:8080/" in operator and "tt_live_0-" in operator
    assert postgresql.endswith("ready\n")
    assert "\n0 bad" in doctor
    assert "ActiveState=active\n" in lives and "NRestarts=0\n" in lives
    assert re.search(r"Uid:\s(6\d{4})\s\1\s\1\s\1\nCapEff:\s0{16}\nNoNewPrivs:\s1\nSeccomp:\s2\n700\n600", lives)
    assert re.search(r"/opt/talktime-[0-9][^/]*/bin/python", lives)
    assert_ended_well(ends)


@pytest.mark.prove
def test_a_fresh_machine_runs_the_container(machine: Machine) -> None:
    first, container = blocks(FIRST), blocks(CONTAINER)
    restored = [block_with("podman exec"), block_with("talktime backup-drill"), block_with("podman volume")]
    after = [THE_COMMAND, *restored, KEPT, ENDS, "talktime verify"]
    told = machine.told([*first, *container, WRITABLE, INSIDE, *after])
    _, _, _, operator, writable, inside, _, backed_up, drilled, back, kept, ends, alone = told[len(first) :]
    assert "set up http://127.0.0.1:8080/" in operator and "tt_live_0-" in operator
    # Its volume, where it is at home.
    assert writable == ".\n"
    assert re.search(r"Uid:\s900\s900\s900\s900\nCapEff:\s0{16}\nNoNewPrivs:\s1", inside)
    assert inside.endswith("healthy\n")
    assert "every invariant holds" in backed_up and "would be lost now: 0 entries" in drilled
    assert "restored from" in back and "every invariant holds" in back
    assert kept.startswith("ready\n") and id_of_key(operator) in kept
    # Nobody runs any more, so it is asked in a container that is gone again.
    assert "every invariant holds" in alone
    assert_ended_well(ends)
