"""The contract check, against the real server on both databases."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.http.shop import place
from tests.support.server import serving

CHECK = Path(__file__).parent / "contract" / "check.py"


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_server_keeps_the_contract(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with place(dialect, tmp_path, lambda: request.getfixturevalue("postgres")) as where, serving(where) as server:
        options = ("--base-url", server.url, "--operator-key", server.operator_key)
        checked = subprocess.run([sys.executable, CHECK, *options], capture_output=True, text=True, timeout=120)
    assert [line for line in checked.stdout.splitlines() if line.startswith("FAIL")] == []
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.splitlines()[-1].endswith(" 0 failed")
