"""The guides in docs/operating: their blocks, and on what machine each is followed.

A guide that is not named here is followed on a machine where the service of the guide to installing runs on the
embedded database. One that needs more gets a line in `STARTS`; one that another test follows, a line in `ELSEWHERE`.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "operating"
FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
NO_COMMANDS = frozenset({"ini", "nginx", "toml", "yaml", "json", "text"})
"""What a file holds, or a program prints. Everything that is typed stands in blocks of `sh`."""

EMBEDDED = ("TALKTIME_JOBS=yes",)
ON_POSTGRES = ("TALKTIME_DATABASE=postgresql://talktime:PASSWORD@db.example.com:5432/talktime", "TALKTIME_JOBS=no")


class Start(NamedTuple):
    """What is there before the first block."""

    settings: Sequence[str] = EMBEDDED
    """Of the environment file. With TALKTIME_DATABASE there is an empty database of that name."""
    installed: bool = True
    """Units, environment file and the command `talktime`."""
    running: bool = True

    @property
    def on_postgres(self) -> bool:
        return any(line.startswith("TALKTIME_DATABASE=") for line in self.settings)

    @property
    def units(self) -> str:
        return "talktime talktime-worker" if "TALKTIME_JOBS=no" in self.settings else "talktime"


STARTS: Mapping[str, Start] = {
    "README.md": Start(installed=False),
    "secret-key.md": Start(ON_POSTGRES),
    "secure.md": Start(running=False),
}

ELSEWHERE: Mapping[str, str] = {
    "backups.md": "tests.operating.test_backups_and_upgrade",
    "high-availability.md": "tests.failover.guide",
    "install.md": "tests.packages.test_install",
    "many-machines.md": "tests.cli.test_many_machines",
    "one-machine.md": "tests.packages.test_one_machine",
    "people-and-data.md": "tests.cli.test_people_and_data",
    "upgrade.md": "tests.operating.test_backups_and_upgrade",
}
"""Guides that need a world of their own, and who follows them word by word: what it takes stands in its `TAKEN`."""


class Block(NamedTuple):
    language: str
    text: str


def named(guide: Path) -> str:
    return str(guide.relative_to(FOLDER))


def blocks_in(guide: Path) -> list[Block]:
    return [Block(found[2], textwrap.dedent(found[3])) for found in FENCE.finditer(guide.read_text())]


def commands_in(guide: Path) -> list[Block]:
    return [block for block in blocks_in(guide) if block.language == "sh"]


GUIDES = sorted(FOLDER.rglob("*.md"))
WITH_COMMANDS = [guide for guide in GUIDES if commands_in(guide)]
FOLLOWED = [guide for guide in WITH_COMMANDS if named(guide) not in ELSEWHERE]


def block_of(blocks: Iterable[str], words: str) -> str:
    """The only one with these words, or the one that says nothing else."""
    there = list(blocks)
    (found,) = [one for one in there if one.strip() == words] or [one for one in there if words in one]
    return found


def words_asked_in(*files: Path) -> set[str]:
    """What `block_with` is called with in functions there; what is only kept under a name may never be run."""
    return {
        ast.literal_eval(node.args[0])
        for file in files
        for node in inside_functions(file)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "block_with"
    }


def inside_functions(file: Path) -> Iterator[ast.AST]:
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from ast.walk(node)


def the_command(starts: str = "systemd-run") -> str:
    """The block of the overview that makes `talktime` a command with the settings and rights of the service."""
    overview = [block.text for block in commands_in(FOLDER / "README.md")]
    return block_of((text for text in overview if "/usr/local/sbin/talktime" in text), starts)
