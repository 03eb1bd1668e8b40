"""Programs of others that tests start: they end with the test process, however that ends."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support.postgres import Runner


class Tethered:
    def __init__(self, command: Sequence[str | Path], log: Path, runner: Runner | None = None) -> None:
        # The pipe ends with us, and `cat` with the pipe.
        script = '"$@" & cat; kill -KILL $!; wait'
        with log.open("ab") as said:
            self._process = subprocess.Popen(
                ["sh", "-c", script, "tethered", *command],
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=subprocess.STDOUT,
                **(runner or {}),
            )

    @property
    def pid(self) -> int:
        """Of what holds it; it is its child."""
        return self._process.pid

    def stop(self) -> None:
        self._process.communicate()
