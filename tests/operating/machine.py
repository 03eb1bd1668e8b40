"""Where guides are followed: a folder that stands for a machine, with its /etc, its services and its database.

Absolute places of a guide (/etc, /var, /opt, /srv, /usr/local) lie in that folder, its ports are free ones and its
hosts are this one; else every block is run word by word, in one shell, with the real program.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from talktime.cli.shipped import SHIPPED
from tests.operating.stand_ins import LISTS, REASONS, REFUSED
from tests.support.ports import free_port
from tests.support.shell import own_environment, told_by

ROOT = Path(__file__).parents[2]
PLACE = re.compile(r"(?<![\w./$}])/(etc|var|opt|srv|usr/local)/(?!bin/env)")
PORTS = ("8080", "8081", "8082", "8083", "9090")
DATABASE = "db.example.com:5432/talktime"
SECONDS_MAX = 1800
"""For many programs one after the other, on a machine that others use as well."""
HOSTS = {"talktime.example.com": "localhost", "db.example.com": "127.0.0.1"}


def moved(text: str, machine: Path, instead: Mapping[str, str]) -> str:
    """`instead`: what else stands for what."""
    for said, meant in instead.items():
        text = re.sub(rf"(?<!\d){re.escape(said)}(?!\d)", meant, text)
    return PLACE.sub(lambda found: f"{machine}/{found[1]}/", text)


SUDO = """#!/bin/sh
if [ "$1" = -u ]; then export PGUSER="$2"; shift 2; fi
exec "$@"
"""


class Machine:
    def __init__(self, folder: Path, database: str | None = None) -> None:
        """`database`: the URL of an empty one on PostgreSQL, for guides that speak of it."""
        self.folder = folder
        self._ports = {port: str(free_port()) for port in PORTS}
        self._instead = {**self._ports, **HOSTS}
        if database:
            # Before the hosts: it is the longer word.
            self._instead = {DATABASE: database.partition("@")[2], **self._instead}
        for place in ("bin", "run", "log", "tmp", "etc/talktime", "etc/systemd/system", "etc/nginx/conf.d"):
            (folder / place).mkdir(parents=True)
        for place in ("srv", "etc/prometheus", "var/lib/talktime", "opt/talktime/bin", "usr/local/sbin"):
            (folder / place).mkdir(parents=True, mode=0o700)
        self._programs()

    def _programs(self) -> None:
        self._program("bin/sudo", SUDO)
        talktime = "\n".join(("#!/bin/sh", f'exec {sys.executable} -m talktime.cli.main "$@"', ""))
        for name in ("bin/talktime", "opt/talktime/bin/talktime"):
            self._program(name, talktime)
        for name in REASONS.keys() - {"sudo"}:
            where = "opt/talktime/bin" if name == "pip" else "bin"
            self._program(
                f"{where}/{name}", f'#!/bin/sh\nexec {sys.executable} -m tests.operating.stand_ins {name} "$@"\n'
            )

    def _program(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)

    def install(self, settings: Sequence[str] = ()) -> None:
        """As after the guide to installing: lists, units, environment file, the command with the service's settings."""
        (self.folder / "dist").mkdir()
        for name in LISTS:
            (self.folder / "dist" / name).touch()
        for source in (SHIPPED / "systemd").iterdir():
            shutil.copy(source, self.folder / "etc/systemd/system")
        text = moved("".join(f"{line}\n" for line in settings), self.folder, self._instead)
        (self.folder / "etc/talktime/talktime.env").write_text(text)

    def follow(self, blocks: Sequence[str]) -> list[str]:
        """What each block printed; an assertion tells when one has failed, or a stand-in has refused something."""
        here = [moved(block, self.folder, self._instead) for block in blocks]
        told = told_by(here, self.folder, {}, self._environment(), "-e", "-o", "pipefail", seconds=SECONDS_MAX)
        refused = self.folder / REFUSED
        assert not refused.exists(), refused.read_text()
        return told

    def _environment(self) -> dict[str, str]:
        path = f"{self.folder}/usr/local/sbin:{self.folder}/bin:{os.environ['PATH']}:/usr/sbin"
        python = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        own = {"PATH": path, "PYTHONPATH": python, "TMPDIR": str(self.folder / "tmp")}
        here = {"TALKTIME_MACHINE": str(self.folder), "TALKTIME_PORT": self._ports["8080"]}
        return own_environment() | own | here
