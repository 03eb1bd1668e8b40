"""The commands of a guide, word by word, in one shell; only ports are free ones, and nothing is installed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs" / "integrations"
SECONDS_MAX = 240


def followed(guide: str, folder: Path, ports: Mapping[str, int]) -> list[str]:
    """What each block printed. `ports`: the one in the text, and the one to take instead."""
    blocks = re.findall(r"```sh\n(.*?)```", (GUIDES / guide).read_text(), re.DOTALL)
    script = "".join(f"{block}\necho '=== block'\n" for block in blocks)
    script = re.sub(r"\d+", lambda found: str(ports.get(found[0], found[0])), script)
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            told, _ = shell.communicate(timeout=SECONDS_MAX)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
    assert shell.returncode == 0, told
    return told.split("=== block\n")[:-1]


def _environment(folder: Path) -> Mapping[str, str]:
    """`talktime` is the one that is tested."""
    own = folder / "bin"
    own.mkdir()
    program = own / "talktime"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m talktime.cli.main "$@"\n')
    program.chmod(0o755)
    mine = {name: value for name, value in os.environ.items() if not name.startswith("TALKTIME_")}
    return mine | {"PATH": f"{own}:{os.environ['PATH']}"}
