"""The folder from which a Kamailio runs: written, and looked at by Kamailio itself."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from talktime.cli.options import USAGE, CannotDo
from talktime.integrations.kamailio.edge import Edge
from talktime.integrations.kamailio.filling import CALLS, MAIN, SECRET, YOURS, contents
from talktime.storage.dialog_file import make_dialog_file

PROGRAM = Path("/usr/sbin/kamailio")
"""Where Debian has it: not on the path of people who are not root."""


def begin_folder(folder: Path, force: bool) -> None:
    """What cannot be written is found out before anything else is done."""
    if (folder / MAIN).exists() and not force:
        raise CannotDo(f"{folder} has a {MAIN} already; --force writes over it", USAGE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotDo(f"{folder} cannot be made: {error.strerror}") from error


def write_folder(edge: Edge) -> None:
    try:
        for name, text in contents(edge).items():
            if name not in YOURS or not (edge.folder / name).exists():
                write_file(edge.folder / name, text)
        make_dialog_file(edge.folder / CALLS)
    except OSError as error:
        raise CannotDo(f"{error.filename} cannot be written: {error.strerror}") from error


def write_file(path: Path, text: str) -> None:
    """Whole or not at all, and never readable by others, not even for a moment, if it holds a secret."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    beside.touch(mode=0o600 if path.name in SECRET else 0o644)
    beside.write_text(text)
    beside.replace(path)


def kamailio_program() -> str | None:
    return shutil.which("kamailio") or (str(PROGRAM) if PROGRAM.exists() else None)


def complaints(program: str, folder: Path) -> list[str]:
    """What `kamailio -c` has against it."""
    command = [program, "-c", "-f", str(folder / MAIN)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60)
    if done.returncode == 0:
        return []
    wrong = [line for line in done.stderr.splitlines() if "ERROR" in line or "CRITICAL" in line]
    return wrong or [f"it ended with {done.returncode}"]
