"""The commands of a guide, word by word, in one shell; only ports are free ones, and nothing is installed."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.shell import own_environment, told_by

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs" / "integrations"


def followed(guide: str, folder: Path, ports: Mapping[str, int]) -> list[str]:
    """What each block printed. `ports`: the one in the text, and the one to take instead."""
    blocks = re.findall(r"```sh\n(.*?)```", (GUIDES / guide).read_text(), re.DOTALL)
    return told_by(blocks, folder, ports, with_talktime(folder), "-e", "-o", "pipefail")


def with_talktime(folder: Path) -> Mapping[str, str]:
    """`talktime` is the one that is tested."""
    own = folder / "bin"
    own.mkdir()
    program = own / "talktime"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m talktime.cli.main "$@"\n')
    program.chmod(0o755)
    return own_environment() | {"PATH": f"{own}:{os.environ['PATH']}"}
