"""The guides to upgrades and backups, word by word: every block of theirs is run, with other folders and ports.

What is about Debian's own PostgreSQL is followed on a fresh machine: `tests/packages/test_backups.py`.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

import psycopg
import pytest

from talktime.cli.shipped import SHIPPED
from tests.support.postgres import Cluster
from tests.support.shell import own_environment, told_by

pytestmark = pytest.mark.slow

OPERATING = Path(__file__).parents[2] / "docs" / "operating"
UPGRADE, BACKUPS = ((OPERATING / f"{name}.md").read_text() for name in ("upgrade", "backups"))
BLOCKS: list[str] = re.findall(r"```sh\n(.*?)```", UPGRADE + BACKUPS, re.DOTALL)
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
podman() {{ shift 2; "$@"; }}
systemctl() {{
    for unit in "$@"; do
        case $unit in
            talktime-backup.service) talktime backup --check --keep 7 ;;
            talktime*.timer) test -e {SHIPPED}/systemd/$unit ;;
            talktime*) test -e {SHIPPED}/systemd/$unit.service ;;
        esac
    done
}}
"""


def block_with(words: str) -> str:
    """The only one, or the one that says nothing else."""
    (found,) = [block for block in BLOCKS if block.strip() == words] or [block for block in BLOCKS if words in block]
    return found


def run(*blocks: str, folder: Path, instead: Mapping[str, str], **settings: str) -> list[str]:
    """What each prints. `instead` of what stands in the guide."""
    text = [STAND_INS, *blocks]
    for written, meant in instead.items():
        text = [block.replace(written, meant) for block in text]
    settings = {"SETTINGS": str(folder / "talktime.env"), **settings}
    return told_by(text, folder, {}, own_environment() | settings)[1:]


def test_each_block_of_the_guides_is_run_below() -> None:
    elsewhere = Path(__file__).parents[1] / "packages" / "test_backups.py"
    text = Path(__file__).read_text() + elsewhere.read_text()
    words = set(re.findall(r'block_with\("(.*?)"\)', text))
    assert sorted(map(block_with, words)) == sorted(BLOCKS)


def test_an_installation_on_the_embedded_database(tmp_path: Path) -> None:
    data = tmp_path / "data"
    told = run(
        "talktime keys create --operator",
        block_with("list-timers"),
        block_with("upgrade --plan"),
        block_with("talktime upgrade"),
        block_with("talktime doctor"),
        block_with("mkdir -m 700"),
        block_with("talktime backup-drill"),
        "talktime doctor || true",
        folder=tmp_path,
        instead={"/var/lib/talktime": str(data)},
        TALKTIME_DATA=str(data),
    )
    assert "nothing to do: the database has schema" in told[2]
    assert "every invariant holds" in told[4]
    assert "restored from" in told[5] and "every invariant holds" in told[5]
    assert "would be lost now: 0 entries" in told[6]
    assert "others can open" not in told[7]


def test_a_container_is_backed_up_by_what_comes_with_it(tmp_path: Path) -> None:
    data, units = tmp_path / "data", tmp_path / "units"
    units.mkdir()
    told = run(
        "talktime keys create --operator; talktime files container --to dist",
        block_with("podman exec"),
        folder=tmp_path,
        instead={"/etc/systemd/system/": str(units)},
        TALKTIME_DATA=str(data),
    )
    assert "every invariant holds" in told[1]
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


def value_of(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row
    return row[0]
