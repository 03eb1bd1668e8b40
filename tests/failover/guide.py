"""The commands of the guide to high availability, on the machines of the lab instead of those that it names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.integrations.guides import ROOT, with_talktime
from tests.support.shell import told_by

TEXT = (ROOT / "docs" / "operating" / "high-availability.md").read_text()
BLOCKS: list[str] = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
# Packages and services belong to whole machines; the lab starts the programs itself.
FILES, VALIDATE, LIST, DATABASE, SWITCHOVER, PAUSE, COPY_ANEW = [
    block for block in BLOCKS if not block.startswith(("apt-get ", "systemctl "))
]
ENTER = "set -a; . /etc/patroni_env.conf; set +a\n"


def followed(block: str, instead: Mapping[str, str]) -> str:
    """What it printed. `instead`: what stands here for paths, addresses and passwords of the guide."""
    for named, here in instead.items():
        assert named in TEXT, named
        block = block.replace(named, here)
    with TemporaryDirectory() as folder:
        environment = with_talktime(Path(folder))
        (told,) = told_by([block], Path(folder), {}, environment, "-e", "-o", "pipefail")
    return told
