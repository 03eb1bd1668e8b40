"""`talktime secrets`: the key in the data folder, or in the settings, is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.shop import ask
from tests.support.postgres import Cluster
from tests.support.server import Server, serving, talktime

pytestmark = pytest.mark.slow


def add_switch(server: Server) -> None:
    answer = ask(
        server,
        "POST",
        "/v1/switches",
        {"name": "edge", "cut_url": "http://127.0.0.1:9/cut", "cut_token": "t"},
        server.operator_key,
    )
    assert answer.status == 201


def test_the_key_in_the_data_folder_is_replaced_while_nothing_runs(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        add_switch(server)
        told = talktime("secrets", "rotate", "--data", tmp_path / "data")
        assert (told.returncode, "stop it first" in told.stderr) == (3, True)
        server.stop()
        before = (tmp_path / "data" / "secret.key").read_text().split()
        told = talktime("secrets", "rotate", "--data", tmp_path / "data")
        assert (told.returncode, told.stdout.splitlines()[0]) == (0, "1 secrets are encrypted anew, 0 were already.")
        after = (tmp_path / "data" / "secret.key").read_text().split()
        assert (len(after), after[1:]) == (2, before)
        assert (tmp_path / "data" / "secret.key").stat().st_mode & 0o777 == 0o600
        server.start()
        assert ask(server, "GET", "/v1/switches/edge", key=server.operator_key).status == 200


def test_the_key_of_many_servers_is_replaced_in_steps(postgres: Cluster) -> None:
    old, new = (talktime("secrets", "new-key").stdout.strip() for _ in range(2))
    url = postgres.fresh_database()
    with serving(url, environment={"TALKTIME_SECRET_KEY": old}) as server:
        add_switch(server)
        only_one = talktime("secrets", "rotate", *server.database, TALKTIME_SECRET_KEY=old)
        assert (only_one.returncode, "OLD,NEW,OLD" in only_one.stderr) == (2, True)
        # All can read with the new one, and nobody writes with it: nothing would be encrypted anew.
        too_early = talktime("secrets", "rotate", *server.database, TALKTIME_SECRET_KEY=f"{old},{new},{old}")
        assert (too_early.returncode, "three steps" in too_early.stderr) == (2, True)
        told = talktime("secrets", "rotate", *server.database, "--json", TALKTIME_SECRET_KEY=f"{new},{old}")
        assert (told.returncode, '"anew": 1' in told.stdout) == (0, True)
        again = talktime("secrets", "rotate", *server.database, "--json", TALKTIME_SECRET_KEY=f"{new},{old}")
        assert '"already": 1' in again.stdout


def test_what_cannot_be_read_is_told_by_the_exit_code(tmp_path: Path) -> None:
    keys = [talktime("secrets", "new-key").stdout.strip() for _ in range(3)]
    with serving(tmp_path / "data", environment={"TALKTIME_SECRET_KEY": keys[0]}) as server:
        add_switch(server)
        server.stop()
    told = talktime("secrets", "rotate", "--data", tmp_path / "data", TALKTIME_SECRET_KEY=f"{keys[1]},{keys[2]}")
    assert (told.returncode, "none of these keys" in told.stdout) == (1, True)


@pytest.mark.parametrize("key", [",", "words", "d29yZHM="])
def test_a_key_that_is_none_is_told_in_a_sentence(tmp_path: Path, key: str) -> None:
    told = talktime("serve", "--data", tmp_path / "data", "--port", "0", TALKTIME_SECRET_KEY=key)
    assert (told.returncode, told.stderr.count("\n"), "the secret key" in told.stderr) == (3, 1, True)
