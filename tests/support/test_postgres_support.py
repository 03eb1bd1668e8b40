"""The server that the other tests stand on: what they take for granted about it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import LiteralString

import psutil
import psycopg
import pytest

from tests.support.postgres import Cluster, PostgresMissing, find_binaries, new_cluster, standby_of

NOTE: LiteralString = "CREATE TABLE note (words text)"


@pytest.fixture(scope="module")
def mortal() -> Iterator[Cluster]:
    """A server that a test may kill; it flushes, as the one of a crash test does."""
    with new_cluster() as cluster:
        yield cluster


def command(url: str, *statements: LiteralString) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def rows(url: str, query: LiteralString) -> list[object]:
    with psycopg.connect(url, autocommit=True) as connection:
        return [row[0] for row in connection.execute(query).fetchall()]


def tables(url: str) -> list[object]:
    return rows(url, "SELECT tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")


def comes_true(is_so: Callable[[], bool], seconds_max: float = 20) -> bool:
    deadline = time.monotonic() + seconds_max
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.05)
    return is_so()


# ---------------------------------------------------------------------------------------------------- databases


def test_a_fresh_database_is_empty_and_shares_nothing_with_another(postgres: Cluster) -> None:
    one, other = postgres.fresh_database(), postgres.fresh_database()
    command(one, NOTE)
    assert (tables(one), tables(other)) == (["note"], [])


def test_a_copy_begins_with_what_the_original_holds(postgres: Cluster) -> None:
    original = postgres.fresh_database()
    command(original, NOTE, "INSERT INTO note VALUES ('kept')")
    copy = postgres.fresh_database(copy_of=original.rpartition("/")[2])
    command(copy, "INSERT INTO note VALUES ('new')")
    assert rows(copy, "SELECT words FROM note ORDER BY words") == ["kept", "new"]
    assert rows(original, "SELECT words FROM note") == ["kept"]


def test_a_dropped_database_is_gone_although_somebody_is_connected(postgres: Cluster) -> None:
    url = postgres.fresh_database()
    with psycopg.connect(url):
        postgres.drop_database(url)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_the_role_owns_its_database_and_has_no_power_beyond(postgres: Cluster) -> None:
    url = postgres.fresh_database()
    assert rows(url, "SELECT current_user::text") == ["talktime"]
    powers: LiteralString = "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication"
    assert rows(url, powers + " FROM pg_roles WHERE rolname = current_user") == [False]
    assert rows(postgres.superuser_url(), "SELECT usesuper FROM pg_user WHERE usename = current_user") == [True]


def test_the_socket_leads_to_the_same_database(postgres: Cluster) -> None:
    url = postgres.fresh_database()
    command(url, NOTE)
    assert tables(postgres.socket_url(url.rpartition("/")[2])) == ["note"]


# ---------------------------------------------------------------------------------------------------- ends


def test_it_flushes_unless_told_otherwise(postgres: Cluster, mortal: Cluster) -> None:
    settings = [rows(cluster.superuser_url(), "SHOW fsync") for cluster in (postgres, mortal)]
    assert settings == [["off"], ["on"]]


def test_what_was_committed_survives_a_kill_and_what_was_not_is_gone(mortal: Cluster) -> None:
    url = mortal.fresh_database()
    command(url, NOTE, "INSERT INTO note VALUES ('committed')")
    with pytest.raises(psycopg.OperationalError), psycopg.connect(url) as open_transaction:
        open_transaction.execute("INSERT INTO note VALUES ('uncommitted')")
        mortal.kill()
    mortal.start()
    assert rows(url, "SELECT words FROM note") == ["committed"]


@pytest.mark.parametrize("immediate", [False, True])
def test_a_stopped_server_starts_again_at_the_same_address(mortal: Cluster, immediate: bool) -> None:
    url = mortal.fresh_database()
    command(url, NOTE)
    mortal.stop(immediate=immediate)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    mortal.start()
    assert tables(url) == ["note"]


def test_even_a_frozen_server_leaves_nothing_behind() -> None:
    cluster = new_cluster(fsync=False)
    pid = cluster.pid
    os.kill(pid, signal.SIGSTOP)
    cluster.remove()
    assert not psutil.pid_exists(pid)
    assert not cluster.folder.exists()


def test_a_killed_test_process_leaves_nothing_behind() -> None:
    script = "\n".join(
        [
            "from tests.support.postgres import new_cluster",
            "cluster = new_cluster(fsync=False)",
            "print(cluster.pid, cluster.folder, flush=True)",
            "input()",
        ]
    )
    tester = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with tester:
        assert tester.stdout is not None
        pid, folder = tester.stdout.readline().split()
        assert psutil.pid_exists(int(pid))
        tester.kill()
    assert comes_true(lambda: not psutil.pid_exists(int(pid)) and not Path(folder).exists())


def test_without_postgresql_one_is_told_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PostgresMissing, match=r"Please run: scripts/system_packages\.sh"):
        find_binaries(installed=tmp_path)


# ---------------------------------------------------------------------------------------------------- standbys


@pytest.mark.slow
def test_a_promoted_standby_has_every_answered_commit() -> None:
    with new_cluster() as primary:
        name = primary.fresh_database().rpartition("/")[2]
        with standby_of(primary) as standby:
            command(primary.url(name), NOTE, "INSERT INTO note VALUES ('answered')")
            primary.kill()
            standby.promote()
            command(standby.url(name), "INSERT INTO note VALUES ('after')")
            assert rows(standby.url(name), "SELECT words FROM note ORDER BY words") == ["after", "answered"]


@pytest.mark.slow
def test_an_asynchronous_standby_may_miss_an_answered_commit() -> None:
    with new_cluster() as primary:
        name = primary.fresh_database().rpartition("/")[2]
        command(primary.url(name), NOTE)
        with standby_of(primary, synchronous=False) as standby:
            assert comes_true(lambda: tables(standby.url(name)) == ["note"])
            receiver = standby.process("walreceiver")
            receiver.suspend()
            command(primary.url(name), "INSERT INTO note VALUES ('answered')")
            primary.kill()
            receiver.terminate()
            receiver.resume()
            standby.promote()
            assert rows(standby.url(name), "SELECT words FROM note") == []
