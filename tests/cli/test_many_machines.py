"""The guide for many machines, word by word: its commands in their order, on databases of ours."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from talktime.settings import Settings
from tests.support.citus import stand_in
from tests.support.postgres import Cluster
from tests.support.shell import own_environment
from tests.web.conftest import opened

GUIDE = Path(__file__).parent.parent.parent / "docs" / "operating" / "many-machines.md"
TAKEN = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL)
COMMANDS = [line for block in TAKEN for line in block.splitlines()]
SECRET = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

pytestmark = pytest.mark.slow


@pytest.fixture
def environment(postgres: Cluster) -> dict[str, str]:
    databases = {"DATABASE": postgres.fresh_database(), "CELL": postgres.fresh_database()}
    return own_environment() | databases | {"COORDINATOR": stand_in(postgres), "TALKTIME_SECRET_KEY": SECRET}


def test_every_command_does_what_is_said(environment: dict[str, str], tmp_path: Path) -> None:
    with opened(Settings(data=tmp_path / "talktime-data", secret_key=SECRET)) as world:
        world.organization()
    with opened(Settings(data=tmp_path / "elsewhere", database=environment["DATABASE"])) as world:
        world.price_list({"prefix": "1", "per_minute": "0.12"}, default=True)
    for command in COMMANDS:
        run = served if re.match("talktime (serve|worker) ", command) else done
        run(command, tmp_path, environment)
    assert (tmp_path / "org_1.move").read_bytes() == (tmp_path / "again.move").read_bytes()


def done(command: str, folder: Path, environment: dict[str, str]) -> None:
    ended = subprocess.run(_words(command, environment), cwd=folder, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, (command, ended.stderr)
    assert ended.stdout


def served(command: str, folder: Path, environment: dict[str, str]) -> None:
    """Until it says that it works."""
    port = ["--port", "0"] if command.startswith("talktime serve") else []
    words = [*_words(command, environment), *port]
    with subprocess.Popen(words, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        line = server.stdout.readline()
        server.terminate()
        server.communicate()
    assert re.match(r"ready http|\{", line), (command, line)


def _words(command: str, environment: dict[str, str]) -> list[str]:
    program, *words = shlex.split(command)
    assert program == "talktime"
    known = [environment[word[1:]] if word.startswith("$") else word for word in words]
    return [sys.executable, "-m", "talktime.cli.main", *known]
