"""Commands of a document, word by word, in one shell that is ended with all that it has started."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

SECONDS_MAX = 240
END = "=== block"


def told_by(
    blocks: Sequence[str],
    folder: Path,
    ports: Mapping[str, int],
    environment: Mapping[str, str],
    *options: str,
    seconds_max: float = SECONDS_MAX,
) -> list[str]:
    """What each block printed. `ports`: the one in the text, and the one to take instead."""
    script = "".join(f"{block}\necho '{END}'\n" for block in blocks)
    script = re.sub(r"\d+", lambda found: str(ports.get(found[0], found[0])), script)
    with subprocess.Popen(
        ["bash", "--noprofile", "--norc", *options, "-c", script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            told, _ = shell.communicate(timeout=seconds_max)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
    assert shell.returncode == 0, told
    return told.split(f"{END}\n")[:-1]


def own_environment() -> dict[str, str]:
    """Settings of the tester's own must not reach the commands."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TALKTIME_")}
