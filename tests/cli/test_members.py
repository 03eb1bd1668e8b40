"""The first operator: `talktime serve` tells the link, and `talktime members set-up-link` whoever has lost it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.inside import inside
from tests.cli.shop import ask
from tests.support.server import TALKTIME, serving


@pytest.mark.slow
def test_serve_tells_the_link_after_it_is_ready(tmp_path: Path) -> None:
    command = [*TALKTIME, "serve", "--data", str(tmp_path), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        ready, set_up = server.stdout.readline().split(), server.stdout.readline().split()
        server.terminate()
    assert ready[0] == "ready"
    assert set_up[:2] == ["set", "up"] and set_up[2].startswith(f"{ready[1]}/set-up/0-")


@pytest.mark.slow
def test_a_link_for_the_first_operator_is_told_beside_a_running_server(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        made = inside("members", "set-up-link", "--data", tmp_path / "data")
        assert made.returncode == 0
        link = made.stdout.strip()
        assert link.startswith(f"{server.url}/set-up/0-")
        page = ask(server, "GET", link.removeprefix(server.url))
        assert (page.status, "Set up Talktime" in page.body) == (200, True)


def test_it_is_told_without_a_server_too(tmp_path: Path) -> None:
    made = inside("members", "set-up-link", "--json", "--data", tmp_path, TALKTIME_PUBLIC_URL="https://t.example.com")
    assert json.loads(made.stdout)["link"].startswith("https://t.example.com/set-up/0-")
