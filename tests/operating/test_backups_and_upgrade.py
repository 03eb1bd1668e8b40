"""The guides to upgrades and backups, word by word: every block of theirs is run, with other folders and ports.

What is about Debian's own PostgreSQL is followed on a fresh machine: `tests/packages/test_backups.py`.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psycopg
import pytest

from talktime.cli.shipped import SHIPPED
from tests.operating.guides import EMBEDDED, FOLDER, ON_POSTGRES, block_of, commands_in, the_command, words_asked_in
from tests.operating.machine import Machine
from tests.support.postgres import Cluster
from tests.support.shell import own_environment, told_by

pytestmark = pytest.mark.slow

BLOCKS = [block.text for name in ("upgrade.md", "backups.md") for block in commands_in(FOLDER / name)]
PACKAGES = Path(__file__).parents[1] / "packages"
# systemd, Podman and the machine's own PostgreSQL are not ours to touch: the units must be there, the rest is done by
# others, or as whoever tests.
STAND_INS = f"""
set -eu
talktime() {{
    (
        set -a; test ! -e $SETTINGS || . $SETTINGS
        exec {shlex.quote(sys.executable)} -m talktime.cli.main "$@"
    )
}}
runuser() {{ bash -euc "$4"; }}
podman() {{
    case $1 in
        exec) shift 2; "$@" ;;
        volume) echo "$TALKTIME_DATA" ;;
    esac
}}
systemctl() {{
    for unit in "$@"; do
        case $unit in
            talktime-backup.service) talktime backup --check --keep 7 ;;
            talktime*.timer | talktime.socket) test -e {SHIPPED}/systemd/$unit ;;
            'talktime@*') ;;
            talktime*) test -e {SHIPPED}/systemd/$unit.service ;;
            postgresql) pg_ctlcluster 15 main restart ;;
        esac
    done
}}
"""
# Debian's own clusters in places that are seen in here alone, as are their ports; all ends with its first process.
OWN_VIEW = """
for place in /etc/postgresql /var/lib/postgresql /var/log/postgresql /run/postgresql /srv; do
    mount --types tmpfs none $place
    chown postgres:postgres $place
done
ip link set lo up
exec "$@"
"""
ALONE = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-euc", OWN_VIEW, "sh")
A_CLUSTER = """
unset -f runuser
export LC_ALL=C.UTF-8
pg_createcluster --port 5432 --start 15 main
runuser --login postgres --command "psql --quiet --command \\"CREATE ROLE talktime LOGIN PASSWORD 'secret'\\""
runuser --login postgres --command 'createdb --owner talktime talktime'
talktime upgrade
"""
A_NEWER_ONE = """
mv opt/talktime opt/talktime-0.1.0
cp -r opt/talktime-0.1.0 opt/talktime-0.2.0
ln -s talktime-0.2.0 opt/talktime
"""
A_KEY = "talktime keys create --operator"
SECONDS_MAX = 1800
"""For clusters that are made and copied, on a machine that others use as well."""


def block_with(words: str) -> str:
    return block_of(BLOCKS, words)


TAKEN = list(map(block_with, words_asked_in(Path(__file__), PACKAGES / "test_backups.py")))


def run(
    *blocks: str, folder: Path, instead: Mapping[str, str], within: Sequence[str] = (), **settings: str
) -> list[str]:
    """What each prints. `instead` of what stands in the guide."""
    text = [STAND_INS, *blocks]
    for written, meant in instead.items():
        text = [block.replace(written, meant) for block in text]
    settings = {"SETTINGS": str(folder / "talktime.env"), **settings}
    return told_by(text, folder, {}, own_environment() | settings, within=within, seconds=SECONDS_MAX)[1:]


def test_an_installation_on_the_embedded_database(tmp_path: Path) -> None:
    """The server runs before and after."""
    machine = Machine(tmp_path)
    machine.install(EMBEDDED)
    told = machine.follow(
        [
            the_command(),
            "systemctl enable --now talktime",
            block_with("list-timers"),
            block_with("upgrade --plan"),
            block_with("talktime.socket talktime.service"),
            block_with("talktime doctor"),
            block_with("mkdir -m 700 /var/lib/talktime/damaged"),
            "systemctl is-active talktime",
            block_with("talktime backup-drill"),
            "talktime doctor || true",
        ]
    )
    assert "nothing to do: the database has schema" in told[3]
    assert told[5].startswith("ready") and "every invariant holds" in told[5]
    assert "restored from" in told[6] and "every invariant holds" in told[6]
    assert "would be lost now: 0 entries" in told[8]
    assert "others can open" not in told[9]


def test_an_upgrade_on_postgresql_beside_those_who_run(postgres: Cluster, tmp_path: Path) -> None:
    """Each of them is another process then, and answers."""
    machine = Machine(tmp_path, postgres.fresh_database())
    machine.install(ON_POSTGRES)
    processes = "cat run/talktime.service.pid run/talktime-worker.service.pid"
    told = machine.follow(
        [
            the_command(),
            "systemctl enable --now talktime talktime-worker",
            processes,
            block_with("upgrade\nsystemctl try-restart"),
            processes,
            "talktime health --ready; systemctl is-active talktime-worker",
            A_NEWER_ONE,
            block_with("ls -d /opt/talktime-*"),
            "readlink opt/talktime",
            processes,
            "talktime health --ready; systemctl is-active talktime-worker",
        ]
    )
    assert "nothing to do: the database has schema" in told[3]
    assert told[2] != told[4]
    assert told[7] == f"{tmp_path}/opt/talktime-0.1.0\n{tmp_path}/opt/talktime-0.2.0\n"
    assert told[8] == f"{tmp_path}/opt/talktime-0.1.0\n"
    assert told[4] != told[9]


def test_a_container_is_backed_up_and_restored_by_what_comes_with_it(tmp_path: Path) -> None:
    data, units = tmp_path / "data", tmp_path / "units"
    units.mkdir()
    told = run(
        "talktime keys create --operator; talktime files container --to dist",
        block_with("podman exec"),
        block_with("podman volume"),
        "talktime keys list --operator --json",
        folder=tmp_path,
        instead={"/etc/systemd/system/": str(units)},
        TALKTIME_DATA=str(data),
    )
    assert "every invariant holds" in told[1]
    assert "restored from" in told[2] and "every invariant holds" in told[2]
    assert (data / "damaged/talktime.db").exists()
    assert "key_" + told[0].removeprefix("tt_live_0-").partition("-")[0] in told[3]
    assert sorted(one.name for one in units.iterdir()) == ["talktime-backup.service", "talktime-backup.timer"]


@pytest.mark.prove
def test_an_installation_on_postgresql(postgres: Cluster, tmp_path: Path) -> None:
    settings = tmp_path / "talktime.env"
    settings.write_text(f"TALKTIME_DATABASE={postgres.url('talktime')}\nTALKTIME_DATA={tmp_path}\n")
    told = run(
        "runuser --login postgres --command 'createdb --owner talktime talktime'",
        "talktime upgrade",
        block_with("talktime_scratch"),
        block_with("talktime backup-drill"),
        block_with("ALTER DATABASE"),
        block_with("systemctl start talktime talktime-worker"),
        folder=tmp_path,
        instead={"/etc/talktime/talktime.env": str(settings), "5432": str(postgres.port)},
        PGHOST="127.0.0.1",
        PGPORT=str(postgres.port),
        PGUSER="postgres",
    )
    assert "every invariant holds" in told[2]
    assert "would be lost now: 0 entries of 0 s" in told[3]
    assert "every invariant holds" in told[4]
    assert value_of(postgres.url("talktime"), "SELECT value FROM control WHERE name = 'restored'") == 1
    assert value_of(postgres.url("talktime_damaged"), "SELECT value FROM control WHERE name = 'restored'") == 0


@pytest.mark.prove
def test_postgresql_goes_back_to_an_instant(tmp_path: Path) -> None:
    """What was there at that instant is there again, what came later is not; another instant may be tried after it."""
    settings = tmp_path / "talktime.env"
    settings.write_text("TALKTIME_DATABASE=postgresql://talktime:secret@127.0.0.1:5432/talktime\n")
    asked = "runuser --login postgres --command 'psql --tuples-only --no-align talktime' <<< \"{}\""
    back = block_with("recovery.signal")
    told = run(
        A_CLUSTER,
        block_with("files postgresql"),
        A_KEY,
        block_with("pg_basebackup"),
        f"INSTANT=$({asked.format('SELECT now()')})",
        A_KEY,
        back,
        "pg_dropcluster --stop 15 restored",
        back[back.index("pg_createcluster") :],
        block_with("talktime restored"),
        asked.format("SELECT count(*) FROM api_keys; SELECT name, value FROM control WHERE name = 'restored'"),
        "pg_lsclusters --no-header",
        "pg_dropcluster --stop 15 restored",
        back[back.index("pg_createcluster") :],
        block_with("talktime restored"),
        "ls /srv/archive",
        folder=tmp_path,
        instead={"/opt/talktime/bin/": "", "2026-11-22 14:03:00+00": "$INSTANT"},
        within=ALONE,
        TALKTIME_DATA=str(tmp_path),
    )
    assert "every invariant holds" in told[9]
    assert told[10] == "1\nrestored|1\n"
    assert "main     5433 down" in told[11] and "restored 5432 online" in told[11]
    # Each has its own history in the archive.
    assert "every invariant holds" in told[14] and "00000002.history\n" in told[15] and "00000003.history\n" in told[15]


def value_of(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row
    return row[0]
