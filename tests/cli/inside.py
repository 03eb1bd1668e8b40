"""The command line without a process of its own: quicker, for all that needs none."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from talktime.cli.main import main
from tests.support.logs import logging_undone
from tests.support.server import SETTINGS_OF_ALL


def inside(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Like `talktime(...)` of the support, with a traceback where there is one."""
    command = ["talktime", *map(str, arguments)]
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TALKTIME_")}
    said, complained = io.StringIO(), io.StringIO()
    mask = os.umask(0o022)
    try:
        with (
            patch.object(sys, "argv", command),
            patch.dict(os.environ, {**ours, **SETTINGS_OF_ALL, **environment}, clear=True),
            redirect_stdout(said),
            redirect_stderr(complained),
            logging_undone(),
        ):
            code = _code_of_main()
    finally:
        os.umask(mask)
    return subprocess.CompletedProcess(command, code, said.getvalue(), complained.getvalue())


def _code_of_main() -> int:
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0
