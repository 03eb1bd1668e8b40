"""The running process: how it starts, what it refuses, and how it ends."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import psutil
import pytest

from tests.cli.inside import inside
from tests.cli.shop import ask, authorize, open_shop, settle
from tests.support.postgres import Cluster
from tests.support.proxy import Proxy
from tests.support.server import TALKTIME, Server, serving, talktime

pytestmark = pytest.mark.slow


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    where: Path | str = tmp_path / "data"
    if request.param == "postgresql":
        where = request.getfixturevalue("postgres").fresh_database()
    with serving(where) as started:
        yield started


def test_it_says_when_it_is_ready_and_answers(server: Server) -> None:
    assert ask(server, "GET", "/healthz").body == "alive\n"
    assert ask(server, "GET", "/readyz").body == "ready\n"
    assert "talktime_decisions_total" in ask(server, "GET", "/metrics").body
    assert server.stop() == 0
    assert "Traceback" not in server.log


def test_who_still_asks_a_server_that_ends_is_answered_and_sent_elsewhere(tmp_path: Path) -> None:
    with serving(tmp_path / "data", environment={"TALKTIME_DRAIN_SECONDS": "10"}) as server:
        assert "connection" not in httpx.get(f"{server.url}/healthz").headers
        os.kill(server.pid, signal.SIGTERM)
        while (told := httpx.get(f"{server.url}/healthz")).status_code == 200:
            pass
        assert (told.status_code, told.text, told.headers["connection"]) == (503, "leaving\n", "close")
        answered = httpx.get(f"{server.url}/v1/openapi.json")
        assert (answered.status_code, answered.headers["connection"]) == (200, "close")
        server.kill()


def test_a_server_does_not_drain_for_ever(tmp_path: Path) -> None:
    for seconds in ("-1", "11"):
        told = talktime("serve", "--data", tmp_path, TALKTIME_DRAIN_SECONDS=seconds)
        assert "'drain_seconds' goes from 0 to 10" in told.stderr


def test_a_call_is_charged(server: Server) -> None:
    key = open_shop(server)
    assert authorize(server, key, "c1").body["granted_seconds"] == 300
    assert settle(server, key, "c1").body["charge"] == "0.2"
    assert ask(server, "GET", "/v1/balance", key=key).body["balance"] == "99.8"


def test_it_ends_cleanly_under_load(server: Server) -> None:
    key = open_shop(server)
    stop = threading.Event()
    granted: list[str] = []

    def load(name: str) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            call = f"{name}-{number}"
            # At the end nobody listens any more.
            with suppress(OSError):
                if authorize(server, key, call).status == 200:
                    granted.append(call)
                    settle(server, key, call)

    threads = [threading.Thread(target=load, args=(f"t{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    while len(granted) < 50:
        time.sleep(0.02)
    code = server.stop()
    stop.set()
    for thread in threads:
        thread.join()

    assert code == 0
    assert "Traceback" not in server.log
    checked = talktime("verify", *server.database)
    assert checked.returncode == 0, checked.stdout
    # What was answered is there.
    server.start()
    for call in granted:
        assert ask(server, "GET", f"/v1/calls/{call}", key=key).status == 200


def test_it_goes_on_after_a_kill(server: Server) -> None:
    key = open_shop(server)
    authorize(server, key, "c1")
    server.kill()
    server.start()
    assert settle(server, key, "c1").body["charge"] == "0.2"


@pytest.mark.parametrize("seconds", [0.4, 0.8, 1.2])
def test_a_signal_while_it_starts_ends_it_as_well(tmp_path: Path, seconds: float) -> None:
    command = [*TALKTIME, "serve", "--data", str(tmp_path / "data"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        time.sleep(seconds)
        process.terminate()
        _, complained = process.communicate(timeout=60)
    # Until Python has come to our code, the signal does what it always does.
    assert process.returncode in (0, -signal.SIGTERM)
    assert b"Traceback" not in complained or process.returncode == -signal.SIGTERM


# ---------------------------------------------------------------- one owner


def test_a_second_server_on_one_folder_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as first:
        second = talktime("serve", "--data", tmp_path / "data", "--port", "0")
        assert second.returncode == 3
        assert f"in use by another talktime (process {first.pid})" in second.stderr
        assert "Traceback" not in second.stderr
        assert second.stdout == ""
        assert ask(first, "GET", "/readyz").status == 200


def test_what_is_stored_is_for_its_owner_only(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        open_shop(server)
        assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "data").iterdir()}
        assert {"talktime.db", "talktime.sock", "talktime.lock"} <= modes.keys()
        assert set(modes.values()) == {0o600}


def test_a_folder_of_somebody_elses_things_is_left_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o755)
    (folder / "letter").touch()
    with serving(folder):
        assert folder.stat().st_mode & 0o777 == 0o755
        assert (folder / "talktime.db").stat().st_mode & 0o777 == 0o600


def test_only_the_local_socket_needs_no_key(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        assert ask(server, "GET", "/v1/operator/organizations").status == 401
        with socket.socket(socket.AF_UNIX) as local:
            local.connect(str(tmp_path / "data" / "talktime.sock"))
            local.sendall(b"GET /v1/operator/organizations HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert local.recv(100).startswith(b"HTTP/1.1 200")
        server.stop()
        assert not (tmp_path / "data" / "talktime.sock").exists()


def test_a_socket_of_a_killed_server_and_a_long_path_are_no_hindrance(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 25) / "data"
    with serving(folder) as server:
        server.kill()
        assert (folder / "talktime.sock").exists()
        assert server.operator_key.startswith("tt_live_")
        server.start()
        assert talktime("keys", "list", "--operator", "--data", folder).returncode == 0


# ---------------------------------------------------------------- many processes


def test_more_workers_need_postgresql(tmp_path: Path) -> None:
    refused = talktime("serve", "--data", tmp_path / "data", "--workers", "2")
    assert refused.returncode == 2
    assert "needs PostgreSQL" in refused.stderr
    assert not (tmp_path / "data").exists()


def test_workers_share_the_port_and_are_started_again(postgres: Cluster) -> None:
    with serving(postgres.fresh_database(), "--workers", "2") as server:
        key = open_shop(server)
        children = psutil.Process(server.pid).children()
        # Two that answer, one for due work.
        assert len(children) == 3
        for child in children:
            child.kill()
        deadline = time.monotonic() + 20
        while server.log.count("started again") < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert settle(server, key, "c1").status == 200
        assert authorize(server, key, "c2").body["decision"] == "granted"
        assert server.stop() == 0
        assert server.log.count("started again") == 3


def test_workers_end_with_their_parent_however_it_ends(postgres: Cluster) -> None:
    with serving(postgres.fresh_database(), "--workers", "2") as server:
        children = psutil.Process(server.pid).children()
        os.kill(server.pid, signal.SIGKILL)
        _, alive = psutil.wait_procs(children, timeout=20)
        assert alive == []


def test_who_comes_too_late_is_refused_and_not_let_in_to_be_thrown_out(postgres: Cluster) -> None:
    """A balancer that is refused asks the next server; whose request was taken in and lost may not be asked again."""
    settings = {"TALKTIME_DRAIN_SECONDS": "2"}
    with (
        serving(postgres.fresh_database(), "--workers", "2", environment=settings) as server,
        socket.create_connection(("127.0.0.1", server.port)) as early,
    ):
        # A request that is never whole keeps the server for a while.
        early.sendall(b"POST /v1/users HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
        assert early.recv(100).startswith(b"HTTP/1.1 100 ")
        os.kill(server.pid, signal.SIGTERM)
        while lets_in(server.port):
            time.sleep(0.05)
        assert psutil.Process(server.pid).status() != psutil.STATUS_ZOMBIE


def lets_in(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_signal_while_several_processes_are_made_ready_ends_them_all(postgres: Cluster, tmp_path: Path) -> None:
    with Proxy(postgres.port) as proxy:
        proxy.silent = True
        name = postgres.fresh_database().rpartition("/")[2]
        where = ("--database", f"postgresql://talktime@127.0.0.1:{proxy.port}/{name}", "--data", str(tmp_path))
        command = [*TALKTIME, "serve", *where, "--workers", "2", "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            while not proxy.links:
                time.sleep(0.05)
            process.terminate()
            proxy.heal()
            try:
                told, complained = process.communicate(timeout=60)
            finally:
                process.kill()
    assert (process.returncode, told, complained) == (0, b"", b"")


def test_a_worker_does_the_due_work_of_others(postgres: Cluster) -> None:
    url = postgres.fresh_database()
    with serving(url, "--no-jobs") as server, Worker(server):
        key = open_shop(server)
        end_soon(server, key)


def test_without_a_worker_nothing_is_due_by_itself(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--no-jobs") as server, pytest.raises(AssertionError):
        end_soon(server, open_shop(server), patience=4)


def end_soon(server: Server, key: str, patience: float = 30) -> None:
    """A hold of one second, without grace, is gone by itself."""
    row = {"prefix": "44", "per_minute": "0.1", "initial_seconds": 1, "step_seconds": 1}
    operator = server.operator_key
    prices = {"name": "S", "currency": "USD", "charge_decimals": 4, "rows": [row]}
    made = ask(server, "POST", "/v1/operator/price-lists", prices, operator).body["id"]
    ask(server, "POST", f"/v1/operator/price-lists/{made}/publish", {}, operator)
    ask(server, "PATCH", f"/v1/operator/price-lists/{made}", {"default": True}, operator)
    org = ask(server, "GET", "/v1/operator/organizations", key=operator).body["data"][0]["id"]
    limits = {"limits": {"slice_seconds": 1, "grace_seconds": 0}}
    assert ask(server, "PATCH", f"/v1/operator/organizations/{org}", limits, operator).status == 200
    assert authorize(server, key, "c1").body["granted_seconds"] == 1
    deadline = time.monotonic() + patience
    while (state := ask(server, "GET", "/v1/calls/c1", key=key).body["state"]) == "open":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert state == "released"


class Worker:
    """Beside the block, and still alive at its end."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def __enter__(self) -> None:
        self._process = subprocess.Popen([*TALKTIME, "worker", *self._server.database])

    def __exit__(self, *_: object) -> None:
        assert self._process.poll() is None
        self._process.terminate()
        assert self._process.wait(20) == 0


# ---------------------------------------------------------------- what goes wrong


def wrong(*arguments: str | Path) -> str:
    """The sentence, and nothing else."""
    anywhere = ("--port", "0") if arguments[0] == "serve" and "--port" not in arguments else ()
    ended = inside(*arguments, *anywhere)
    assert ended.returncode in (2, 3), ended
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    assert ended.stderr.startswith("talktime: ")
    return ended.stderr


def test_an_unreachable_database_is_told_in_a_sentence() -> None:
    assert "does not answer" in wrong("serve", "--database", "postgresql://nobody:canary@127.0.0.1:1/x")
    assert "canary" not in wrong("serve", "--database", "postgresql://nobody:canary@127.0.0.1:1/x")
    assert "does not answer" in wrong("verify", "--database", "postgresql://nobody@127.0.0.1:1/x")


def test_a_folder_that_cannot_be_used_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be used: Not a directory" in wrong("serve", "--data", tmp_path / "file" / "data")
    assert "cannot be used" in wrong("serve", "--data", tmp_path / "file")


def test_a_database_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        server.stop()
    with closing(sqlite3.connect(tmp_path / "data" / "talktime.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        # It does not say that older programs can live with it.
        database.execute("DELETE FROM control WHERE name = 'oldest_program'")
        database.commit()
    assert "schema 9999" in wrong("serve", "--data", tmp_path / "data")


def test_what_is_no_database_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "talktime.db").write_bytes(b"words" * 10_000)
    assert "cannot be opened" in wrong("serve", "--data", tmp_path)


def test_a_port_that_is_taken_is_told_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "Address already in use" in wrong("serve", "--data", tmp_path / "data", "--port", port)
    assert "no port" in wrong("serve", "--data", tmp_path / "data", "--port", "99999")


def test_the_log_has_no_keys_in_it(tmp_path: Path) -> None:
    with serving(tmp_path / "data", environment={"TALKTIME_LOG_LEVEL": "debug"}) as server:
        key = open_shop(server)
        authorize(server, key, "c1")
        ask(server, "GET", "/v1/balance", key=key + "x")
        ask(server, "GET", f"/v1/{key}", key=key)
        assert server.stop() == 0
        assert key not in server.log
        assert server.operator_key not in server.log
