"""`make prove` and docs/proof.md name the same commands: no proof is run that nobody can look up."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.prove import HARNESSES

ROOT = Path(__file__).parent.parent
TABLE = [line for line in (ROOT / "docs" / "proof.md").read_text().splitlines() if line.startswith("|")]


@pytest.mark.parametrize("name", HARNESSES)
def test_every_long_proof_has_its_row(name: str) -> None:
    """With its whole command, as somebody would copy it."""
    commands = [command for line in TABLE for command in re.findall(r"`([^`]+)`", line.split("|")[3])]
    assert f"python -m {HARNESSES[name]}" in commands


@pytest.mark.parametrize("name", HARNESSES)
def test_what_a_long_proof_starts_is_there(name: str) -> None:
    module, *words = shlex.split(HARNESSES[name])
    assert find_spec(module)
    assert [word for word in words if word.startswith("tests/") and not (ROOT / word).exists()] == []
