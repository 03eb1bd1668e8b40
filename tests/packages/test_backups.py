"""The guide `docs/operating/backups.md` on Debian's own PostgreSQL, word by word, on a fresh machine with systemd."""

from __future__ import annotations

import pytest

from tests.operating.guides import the_command
from tests.operating.test_backups_and_upgrade import block_with
from tests.packages import test_install
from tests.packages.machine import Machine

SERVICES = test_install.blocks(test_install.SERVICES)
INSTALLED = [
    *test_install.blocks(test_install.FIRST),
    *SERVICES[:2],
    *(block for block in SERVICES if "CREATE ROLE" in block),
    *(block.partition("systemd-run")[0] for block in SERVICES if "dbus" in block),
    'sudo() { "$@"; }\n' + the_command(),
]
A_KEY = "talktime keys create --operator > /dev/null"
ASKED = 'runuser --login postgres --command "psql --tuples-only --no-align --command \\"{}\\" {}"'
KEYS = ASKED.format("SET app.orgs = '*'; SELECT count(*) || ' keys' FROM api_keys", "talktime")
LIVES = """
pg_lsclusters --no-header
/opt/talktime/bin/talktime health --ready
runuser --login postgres --command 'psql --tuples-only --no-align --command "SELECT pg_switch_wal()"'
test -e /srv/archive/00000002.history
until ls /srv/archive | grep --quiet --extended-regexp '^00000002.{16}$'; do sleep 1; done
"""


@pytest.mark.prove
def test_a_fresh_machine_is_backed_up_and_goes_back_to_an_instant(machine: Machine) -> None:
    nightly = machine.told(
        [
            *INSTALLED,
            block_with("list-timers"),
            block_with("talktime_scratch"),
            block_with("talktime backup-drill"),
            block_with("ALTER DATABASE"),
            block_with("systemctl start talktime talktime-worker"),
        ]
    )
    _, _, drilled, restored, _ = nightly[len(INSTALLED) :]
    assert "would be lost now: 0 entries" in drilled and "every invariant holds" in drilled
    assert "every invariant holds" in restored

    archived = machine.told(
        [
            block_with("files postgresql"),
            A_KEY,
            KEYS,
            block_with("pg_basebackup"),
            ASKED.format("SELECT now()", "postgres"),
            A_KEY,
            KEYS,
        ]
    )
    before, instant, after = archived[2], archived[4].strip(), archived[6]
    assert before != after
    back = block_with("recovery.signal").replace("2026-11-22 14:03:00+00", instant)
    again = block_with("talktime restored") + block_with("systemctl start talktime talktime-worker")
    told = machine.told([back, again, KEYS, LIVES])
    assert "every invariant holds" in told[1]
    assert told[2] == before
    assert "main     5433 down" in told[3] and "restored 5432 online" in told[3] and "ready\n" in told[3]
