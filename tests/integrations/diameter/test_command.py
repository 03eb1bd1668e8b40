"""`talktime diameter` says what is wrong with how it was called."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.cli.inside import inside

WE = ("--origin-host", "ocs.example.net", "--origin-realm", "example.net")


@pytest.fixture
def key(tmp_path: Path) -> str:
    file = tmp_path / "key"
    file.write_text("tt_live_1-x-y\n")
    return str(file)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("--listen", "3868"), "HOST:PORT"),
        (("--listen", "127.0.0.1:99999"), "HOST:PORT"),
        (("--listen", "0.0.0.0:0"), "--peer"),
        (("--peer", "a.example=somewhere"), "somewhere"),
        (("--organizations", "/nowhere/at/all"), "cannot be read"),
        (("--origin-host", "two words"), "no name"),
        (("--switch", "two words"), "no name"),
        (("--url", "ocs.example.net"), "http://"),
    ],
)
def test_a_wrong_option_is_named(key: str, wrong: tuple[str, str], said: str) -> None:
    done = inside("diameter", "--url", "http://127.0.0.1:1", "--key-file", key, *WE, *wrong)
    assert done.returncode in (2, 3)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_line_of_the_file_that_is_wrong_is_named(key: str, tmp_path: Path) -> None:
    file = tmp_path / "organizations"
    file.write_text("# first\nhost a.example acme\n")
    done = inside("diameter", "--url", "http://127.0.0.1:1", "--key-file", key, *WE, "--organizations", str(file))
    assert (done.returncode, "line 2" in done.stderr) == (2, True)


def test_a_port_that_somebody_else_has_is_said_to_be_taken(key: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        done = inside("diameter", "--url", "http://127.0.0.1:1", "--key-file", key, *WE, "--listen", listen)
    assert (done.returncode, "cannot be listened on" in done.stderr) == (3, True)
