"""The guides to upgrades and backups, word by word: every block of theirs is run, with other folders and ports."""

from __future__ import annotations

import re
import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psycopg
import pytest

from talktime.cli.shipped import SHIPPED
from tests.support.postgres import Cluster, new_cluster
from tests.support.server import serving
from tests.support.shell import own_environment, told_by

pytestmark = pytest.mark.slow

OPERATING = Path(__file__).parents[2] / "docs" / "operating"
UPGRADE, BACKUPS = ((OPERATING / f"{name}.md").read_text() for name in ("upgrade", "backups"))
BLOCKS: list[str] = re.findall(r"```sh\n(.*?)```", UPGRADE + BACKUPS, re.DOTALL)
# systemd and the machine's own PostgreSQL are not ours to touch: the units must be there, the rest is done by others.
STAND_INS = f"""
set -eu
talktime() {{ {shlex.quote(sys.executable)} -m talktime.cli.main "$@"; }}
systemctl() {{
    for unit in "$@"; do
        case $unit in
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
    return told_by(text, folder, {}, own_environment() | settings)[1:]


def test_each_block_of_the_guides_is_run_below() -> None:
    mine = Path(__file__).read_text()
    words = re.findall(r'block_with\("(.*?)"\)', mine)
    assert sorted(map(block_with, words)) == sorted(BLOCKS)


def test_an_installation_on_the_embedded_database(tmp_path: Path) -> None:
    data = tmp_path / "data"
    told = run(
        "talktime keys create --operator",
        block_with("enable --now"),
        block_with("upgrade --plan"),
        block_with("talktime upgrade"),
        block_with("talktime doctor"),
        block_with("damaged"),
        "talktime backup-drill",
        folder=tmp_path,
        instead={"/var/lib/talktime": str(data)},
        TALKTIME_DATA=str(data),
    )
    assert "nothing to do: the database has schema" in told[2]
    assert "every invariant holds" in told[4]
    assert "restored from" in told[5] and "every invariant holds" in told[5]
    assert "would be lost now: 0 entries" in told[6]


@pytest.mark.prove
def test_an_installation_on_postgresql(postgres: Cluster, tmp_path: Path) -> None:
    url = postgres.fresh_database()
    port = str(postgres.port)
    place = {
        "/var/lib/talktime": str(tmp_path),
        "5432": port,
        "createdb": f"createdb -h 127.0.0.1 -p {port} -U postgres",
    }
    settings = {"TALKTIME_DATABASE": url, "TALKTIME_DATA": str(tmp_path)}
    told = run(
        "talktime upgrade",
        block_with("createdb --owner talktime talktime_scratch"),
        block_with("backup-drill"),
        block_with("talktime_restored"),
        folder=tmp_path,
        instead=place,
        **settings,
    )
    assert "every invariant holds" in told[1]
    assert "would be lost now: 0 entries of 0 s" in told[2]
    assert "every invariant holds" in told[3]


@pytest.mark.prove
def test_postgresql_goes_back_to_an_instant(tmp_path: Path) -> None:
    """What was there at that instant is there again, what came later is not, and nobody is charged at once."""
    with new_cluster() as first, Cluster(fsync=True) as second:
        base, archive = first.folder / "base" / "this-week", first.folder / "archive"
        place = {
            "/srv/base/this-week": str(base),
            "/srv/archive": str(archive),
            "/srv/restored": str(second.data),
            "port=5432": f"port={first.port}",
            "-p 5433": f"-p {second.port} -k {second.folder} -c max_connections=200",
            "127.0.0.1:5433/talktime": f"127.0.0.1:{second.port}/test_1",
        }
        as_postgres(first, f"mkdir -p {archive} {base.parent}")
        switch_on_the_archive(first, archive)
        url = first.fresh_database()
        with serving(url) as server:
            keys = [server.operator_key]
            as_postgres(first, block_with("pg_basebackup"), place)
            instant = value(first, "SELECT now()")
            server._operator_key = ""
            keys.append(server.operator_key)
        archived(first)
        place["2026-11-22 14:03:00+00"] = str(instant)
        as_postgres(first, block_with("recovery.signal"), place)
        restored = second.url("test_1")
        (told,) = run(block_with("talktime restored"), folder=tmp_path, instead=place, TALKTIME_DATA=str(tmp_path))
        assert "every invariant holds" in told
        found = [count(each) for each in (url, restored)]
        assert found == [2, 1] and len(set(keys)) == 2
        assert value_of(restored, "SELECT value FROM control WHERE name = 'restored'") == 1


def switch_on_the_archive(cluster: Cluster, archive: Path) -> None:
    settings = (SHIPPED / "postgresql" / "talktime-archive.conf").read_text().replace("/srv/archive", str(archive))
    with (cluster.data / "postgresql.conf").open("a") as file:
        file.write(settings)
    cluster.stop()
    cluster.start()


def archived(cluster: Cluster) -> None:
    """All that was written until now."""
    value(cluster, "SELECT pg_switch_wal()")
    last = str(value(cluster, "SELECT pg_walfile_name(pg_current_wal_insert_lsn() - 16777216 / 2)"))
    until = time.monotonic() + 60
    while str(value(cluster, "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver")) < last:
        assert time.monotonic() < until
        time.sleep(0.1)


def as_postgres(cluster: Cluster, block: str, instead: Mapping[str, str] | None = None) -> None:
    for written, meant in (instead or {}).items():
        block = block.replace(written, meant)
    cluster.shell(block)


def value(cluster: Cluster, query: str) -> object:
    return value_of(cluster.superuser_url("postgres"), query)


def value_of(url: str, query: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET app.orgs = '*'")
        row = connection.execute(query.encode()).fetchone()
    assert row
    return row[0]


def count(url: str) -> object:
    return value_of(url, "SELECT count(*) FROM api_keys")
