"""The wheel where nothing of ours is: in an empty environment, as pip with hashes and as pipx installs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.packages.test_wheel import build, wheel

pytestmark = pytest.mark.prove


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("dist"))


def test_pip_installs_it_by_hashes_alone_and_it_shows_a_demonstration(built: Path, tmp_path: Path) -> None:
    done("/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable, "-m", "venv", tmp_path / "empty")
    done(tmp_path / "empty/bin/pip", "install", "--require-hashes", "--requirement", "requirements.txt", folder=built)
    assert_demonstrates(tmp_path / "empty/bin/talktime", tmp_path)


def test_pipx_installs_it_and_it_shows_a_demonstration(built: Path, tmp_path: Path) -> None:
    """With the versions of the lock, whose hashes pipx cannot be told."""
    lock = (built / "requirements.txt").read_text()
    (tmp_path / "versions.txt").write_text(
        "\n".join(re.findall(r"^[a-z][^ ]*==[^ ]+(?: ;[^\\\n]+)?", lock, re.MULTILINE))
    )
    places = {"PIPX_HOME": str(tmp_path / "home"), "PIPX_BIN_DIR": str(tmp_path / "bin")}
    done("pipx", "install", f"--pip-args=--constraint {tmp_path / 'versions.txt'}", wheel(built), places=places)
    assert_demonstrates(tmp_path / "bin/talktime", tmp_path)


def assert_demonstrates(program: Path, folder: Path) -> None:
    with demonstrated(program, folder) as address, closing(HTTPConnection(address)) as connection:
        connection.request("GET", "/readyz")
        assert connection.getresponse().read() == b"ready\n"


@contextmanager
def demonstrated(program: Path, folder: Path) -> Iterator[str]:
    command = [str(program), "demo", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout
        try:
            yield next(found[1] for line in demo.stdout if (found := re.search(r"http://(127\.0\.0\.1:\d+)", line)))
        finally:
            demo.terminate()
            demo.communicate(timeout=120)


def done(*command: str | Path, folder: Path | None = None, places: Mapping[str, str] | None = None) -> None:
    told = subprocess.run(command, cwd=folder, env={**environment(), **(places or {})}, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr


def environment() -> dict[str, str]:
    """Without our source, wherever the tester has it."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TALKTIME_", "VIRTUAL"))
    }
