"""The Talktime of today, and those to come: copies of it with one migration more, and a column that is used anew."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import talktime
from talktime.storage.schema import NEWEST
from talktime.storage.vault import new_key
from tests.support.server import Server

TODAY = Path(talktime.__file__).parent.parent

# What a call is at gets a column of a new name: written beside the old one, filled for what there is already.
EXPAND = f"""
import sqlalchemy as sa
from talktime.storage.portions import Portions

revision, down_revision = "9000", "{NEWEST}"
kind, oldest_program = "expand", "{NEWEST}"


def in_portions(big: Portions) -> None:
    big.add_column("calls", sa.Column("phase", sa.Text()))
    big.fill("calls", phase="state")
    big.index("calls_by_phase", "calls", "org_id, phase")
    big.check("calls_phase", "calls", "phase <> ''")


def upgrade() -> None:
    pass
"""
# The old name goes, when no program uses it any more; or, for the control, while one does. What older programs have
# inserted beside and after the first filling is filled before.
CONTRACT = """
from alembic import op
from talktime.storage.portions import Portions

revision, down_revision = "9001", "9000"
kind, oldest_program = "contract", "9000"


def in_portions(big: Portions) -> None:
    big.fill("calls", phase="coalesce(phase, state)")
    big.require("calls", "phase")


def upgrade() -> None:
    op.execute("ALTER TABLE calls RENAME COLUMN state TO former_state")
"""
CHANGES: Mapping[str, Mapping[str, str]] = {
    "storage/schema.py": {f'NEWEST = "{NEWEST}"': 'NEWEST = "9000"'},
    "storage/tables.py": {'    Column("switch", Word),\n    _has("story"),': '    Column("phase", Text),\n\\g<0>'},
    "storage/postgres_statements.py": {
        "SET version = m.version, state = m.state,": "\\g<0> phase = m.state,",
    },
}


def next_program(folder: Path) -> Path:
    """Its source; it writes both columns, and reads the old one."""
    source = Path(shutil.copytree(TODAY, folder / "next", ignore=shutil.ignore_patterns("__pycache__")))
    (_versions(source) / "9000_phase.py").write_text(EXPAND)
    for name, changes in CHANGES.items():
        path = source / "talktime" / name
        for before, after in changes.items():
            text = path.read_text()
            assert text.count(before) == 1, (name, before)
            path.write_text(text.replace(before, after.replace("\\g<0>", before)))
    return source


def the_one_after(folder: Path) -> Path:
    """It takes away what only today's program uses."""
    source = Path(shutil.copytree(next_program(folder), folder / "after"))
    (_versions(source) / "9001_only_phase.py").write_text(CONTRACT)
    path = source / "talktime" / "storage" / "schema.py"
    path.write_text(path.read_text().replace('NEWEST = "9000"', 'NEWEST = "9001"'))
    return source


def _versions(source: Path) -> Path:
    return source / "talktime" / "storage" / "migrations" / "versions"


KEY = new_key()


def running(source: Path) -> dict[str, str]:
    """Settings of a process that runs this program; all have one secret key."""
    return {"PYTHONPATH": str(source), "TALKTIME_SECRET_KEY": KEY, "TALKTIME_LOG_LEVEL": "error"}


def server_of(source: Path, url: str) -> Server:
    return Server(url, environment=running(source))
