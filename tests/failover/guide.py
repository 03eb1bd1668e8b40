"""The commands of the guide to high availability, on the machines of the lab instead of those that it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.integrations.guides import with_talktime
from tests.operating.guides import FOLDER, block_of, commands_in, words_asked_in
from tests.support.shell import told_by

GUIDE = FOLDER / "high-availability.md"
TEXT = GUIDE.read_text()
BLOCKS = [block.text for block in commands_in(GUIDE)]
ENTER = "set -a; . /etc/patroni_env.conf; set +a\n"


def block_with(words: str) -> str:
    return block_of(BLOCKS, words)


# Packages, services and files belong to whole machines: test_lab.py gives those to a folder that stands for one.
TAKEN = list(map(block_with, words_asked_in(*Path(__file__).parent.glob("*.py"))))


def followed(block: str, instead: Mapping[str, str]) -> str:
    """What it printed. `instead`: what stands here for paths, addresses and passwords of the guide."""
    for named, here in instead.items():
        assert named in TEXT, named
        block = block.replace(named, here)
    with TemporaryDirectory() as folder:
        environment = with_talktime(Path(folder))
        (told,) = told_by([block], Path(folder), {}, environment, "-e", "-o", "pipefail")
    return told
