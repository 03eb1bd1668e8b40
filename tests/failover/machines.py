"""Three machines with etcd, Patroni and PostgreSQL, set up by `talktime files patroni`, on addresses of the loopback.

    with Machines() as machines:
        machines.wait_until_whole()
        machines.primary.kill()

They end with the block, and also when the test process is killed: a watcher then ends them and removes the folder.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

from talktime.cli.shipped import SHIPPED
from tests.crash.clients import HarnessError
from tests.failover.guide import ENTER, block_with, followed
from tests.failover.proxy import Proxy
from tests.support.ports import free_port
from tests.support.postgres import ROLE, find_binaries, runner

CONFIGURATION = SHIPPED / "patroni"
NAMES = ("db1", "db2", "db3")
SECONDS_MAX = 600.0
PASSWORD = "PASSWORD"
"""As the guide writes it."""
NODES = "192.0.2.11:5432,192.0.2.12:5432,192.0.2.13:5432"
ONLY_HERE = {
    f"PATRONI_{who}_{what}": "disable"
    for who in ("SUPERUSER", "REPLICATION", "REWIND")
    for what in ("SSLMODE", "GSSENCMODE")
}
"""The wire between the machines reads what goes over it."""
SETTLED = frozenset({"running", "streaming"})


class LabMissing(Exception):
    def __init__(self, program: str) -> None:
        super().__init__(f"{program} is not installed. Please run: scripts/system_packages.sh failover")


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise LabMissing(name)
    return found


def settings_in(file: str) -> dict[str, str]:
    """What an environment file of the example sets."""
    lines = (CONFIGURATION / file).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def free_ports(number: int) -> list[int]:
    """None of them twice."""
    found: set[int] = set()
    while len(found) < number:
        found.add(free_port())
    return list(found)


def nodes_of(machines: Iterable[Machine]) -> str:
    return ",".join(f"{one.host}:{one.postgres}" for one in machines)


# ------------------------------------------------------------------------------------------------- one machine


class Machine:
    """Others reach its PostgreSQL through `link` alone; Talktime comes in by its own door."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.host = f"127.0.0.1{NAMES.index(name) + 1}"
        self.api, self.postgres, self.etcd, self.peer = free_ports(4)
        self.link = Proxy(self.postgres, self.host)
        self.environment: dict[str, str] = {}
        self._nodes = ""
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def env_file(self) -> Path:
        return self.folder / "patroni_env.conf"

    @property
    def log(self) -> Path:
        return self.folder / "patroni.log"

    def set_up(self, all_of_them: Mapping[str, Machine]) -> None:
        """With the names of the example, and values of its own."""
        self.folder.mkdir()
        self._nodes = nodes_of(all_of_them.values())
        etcds = ",".join(f"{one.host}:{one.etcd}" for one in all_of_them.values())
        self._write("patroni_env.conf", self._of_patroni(etcds))
        peers = ",".join(f"{one.name}=http://{one.host}:{one.peer}" for one in all_of_them.values())
        self._write("etcd", self._of_etcd(peers))

    def _of_patroni(self, etcds: str) -> dict[str, str]:
        api = f"{self.host}:{self.api}"
        return {
            "PATRONI_NAME": self.name,
            "PATRONI_RESTAPI_LISTEN": api,
            "PATRONI_RESTAPI_CONNECT_ADDRESS": api,
            "PATRONI_POSTGRESQL_LISTEN": f"{self.host}:{self.postgres}",
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"{self.host}:{self.link.port}",
            "PATRONI_ETCD3_HOSTS": etcds,
            "PATRONI_POSTGRESQL_DATA_DIR": str(self.data),
            "PATRONI_POSTGRESQL_BIN_DIR": str(find_binaries()),
            "PATRONI_POSTGRESQL_PGPASS": str(self.folder / "pgpass"),
        }

    def _of_etcd(self, peers: str) -> dict[str, str]:
        peer, client = f"http://{self.host}:{self.peer}", f"http://{self.host}:{self.etcd}"
        return {
            "ETCD_NAME": self.name,
            "ETCD_LISTEN_PEER_URLS": peer,
            "ETCD_INITIAL_ADVERTISE_PEER_URLS": peer,
            "ETCD_LISTEN_CLIENT_URLS": client,
            "ETCD_ADVERTISE_CLIENT_URLS": client,
            "ETCD_DATA_DIR": str(self.folder / "etcd-data"),
            "ETCD_INITIAL_CLUSTER": peers,
        }

    def _write(self, file: str, own: Mapping[str, str]) -> None:
        values = {name: PASSWORD if name.endswith("_PASSWORD") else value for name, value in settings_in(file).items()}
        assert own.keys() <= values.keys()
        self.environment |= values | dict(own)
        (self.folder / file).write_text("".join(f"{name}={value}\n" for name, value in (values | dict(own)).items()))

    # ------------------------------------------------------------------------------------------- coming and going

    def follow(self, block: str) -> str:
        """Commands of the guide, as somebody on this machine would give them."""
        entered = block if block.startswith(ENTER) else ENTER + block
        configuration = str(CONFIGURATION / "config.yml")
        return followed(
            entered,
            {
                "/etc/patroni_env.conf": str(self.env_file),
                "/etc/patroni/config.yml": configuration,
                NODES: self._nodes,
                "reinit talktime db3": f"reinit talktime {self.name}",
            },
        )

    def start_etcd(self) -> None:
        self._start(program("etcd"))

    def kill_etcd(self) -> None:
        self._running["etcd"].kill()
        self._gone("etcd")

    @property
    def has_etcd(self) -> bool:
        with suppress(httpx.HTTPError):
            return bool(httpx.get(f"http://{self.host}:{self.etcd}/health").json()["health"] == "true")
        return False

    def start(self) -> None:
        self._start(program("patroni"), str(CONFIGURATION / "config.yml"))

    def _start(self, *command: str) -> None:
        name, account = Path(command[0]).name, runner()
        account["env"] = {**account["env"], **self.environment, **ONLY_HERE}
        with (self.folder / f"{name}.log").open("ab") as log:
            started = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, **account
            )
        self._running[name] = started
        (self.folder / f"{name}.pid").write_text(str(started.pid))

    def kill(self) -> None:
        """SIGKILL to Patroni and all of PostgreSQL, in one moment."""
        family = self._family()
        # Stopped first, so that nobody notices the end of another.
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._gone("patroni")
        psutil.wait_procs(family, timeout=SECONDS_MAX)

    def _family(self) -> list[psutil.Process]:
        found: list[psutil.Process] = []
        for pid in (self._running["patroni"].pid, self._postmaster()):
            with suppress(psutil.NoSuchProcess):
                found += [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        return found

    def _postmaster(self) -> int:
        """It outlives Patroni, so it is no child of ours."""
        return int((self.data / "postmaster.pid").read_text().splitlines()[0])

    def _gone(self, name: str) -> None:
        self._running.pop(name).wait(SECONDS_MAX)
        (self.folder / f"{name}.pid").unlink()

    def close(self) -> None:
        self.link.close()
        for name, process in list(self._running.items()):
            process.send_signal(signal.SIGKILL)
            self._gone(name)


# ------------------------------------------------------------------------------------------------- all three


class Machines:
    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="talktime-patroni-"))
        self._account = runner()
        os.chown(self.folder, self._account.get("user", -1), self._account.get("group", -1))
        self._watcher = self._watch()
        self._by_name = {name: Machine(name, self.folder / name) for name in NAMES}

    def __enter__(self) -> Self:
        with ExitStack() as undoing:
            undoing.callback(self.close)
            self._start()
            undoing.pop_all()
        return self

    def _start(self) -> None:
        for one in self.all:
            one.set_up(self._by_name)
            os.chown(one.folder, self._account.get("user", -1), self._account.get("group", -1))
        self.start_etcds()
        for one in self.all:
            complaints = one.follow(block_with("--validate-config"))
            assert not complaints, complaints
            one.start()
        self.wait_until_whole()
        listed = self.primary.follow(block_with("config.yml list") + block_with("CREATE ROLE talktime"))
        assert "Sync Standby" in listed, listed

    def start_etcds(self) -> None:
        for one in self.all:
            one.start_etcd()
        self.wait_for("etcd on all machines", lambda: all(one.has_etcd for one in self.all))

    def kill_etcds(self) -> None:
        for one in self.all:
            one.kill_etcd()

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for one in self.all:
            one.close()
        # It closes the watcher's pipe, and so has it do its work.
        self._watcher.communicate(timeout=SECONDS_MAX)

    def _watch(self) -> subprocess.Popen[bytes]:
        stop = shlex.join([str(find_binaries() / "pg_ctl"), "-m", "immediate", "stop", "-D"])
        script = (
            "cat; for pid in */*.pid; do kill -KILL $(cat $pid); done 2>/dev/null; "
            f"for data in */data; do {stop} $data; done; cd /; rm -rf {shlex.quote(str(self.folder))}"
        )
        quiet = subprocess.DEVNULL
        command = ["sh", "-c", script]
        return subprocess.Popen(
            command, cwd=self.folder, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, **self._account
        )

    @property
    def all(self) -> list[Machine]:
        return list(self._by_name.values())

    # ------------------------------------------------------------------------------------------- where to connect

    @property
    def superuser_url(self) -> str:
        return f"postgresql://postgres:{PASSWORD}@{nodes_of(self.all)}/postgres?target_session_attrs=read-write"

    def url(self, database: str) -> str:
        """The driver takes the one that takes writes."""
        return f"postgresql://{ROLE}:{PASSWORD}@{nodes_of(self.all)}/{database}?target_session_attrs=read-write"

    # ------------------------------------------------------------------------------------------- what Patroni says

    @property
    def primary(self) -> Machine:
        return self._by_name[next(one["name"] for one in self.members() if one["role"] == "leader")]

    def members(self) -> list[dict[str, Any]]:
        """As any of them knows it."""
        for one in self.all:
            with suppress(httpx.HTTPError):
                return list(httpx.get(f"http://{one.host}:{one.api}/cluster", timeout=5).json()["members"])
        return []

    def is_whole(self, synchronous: bool = True) -> bool:
        """A primary that is followed by both others, by one of them so that commits wait for it."""
        members = self.members()
        roles = ["leader", "replica", "sync_standby" if synchronous else "replica"]
        with suppress(KeyError):
            followed = len({one["timeline"] for one in members}) == 1
            return followed and sorted(one["role"] for one in members) == roles and self._all_run(members)
        return False

    def _all_run(self, members: list[dict[str, Any]]) -> bool:
        return all(one["state"] in SETTLED and one.get("lag", 0) == 0 for one in members)

    def wait_until_whole(self, synchronous: bool = True) -> None:
        self.wait_for("three machines that follow each other", lambda: self.is_whole(synchronous))

    def set_synchronous(self, on: bool) -> None:
        """For all, from now on."""
        one = self.primary
        api, settings = f"http://{one.host}:{one.api}/config", {"synchronous_mode": on}
        httpx.patch(api, json=settings, auth=("patroni", PASSWORD), timeout=5).raise_for_status()
        self.wait_until_whole(on)

    def wait_for(self, what: str, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS_MAX
        while not is_so():
            if time.monotonic() > deadline:
                raise HarnessError(
                    f"there is no {what} after {SECONDS_MAX:.0f} s: {self.members()}\n{self._last_words()}"
                )
            time.sleep(0.1)

    def _last_words(self) -> str:
        return "\n".join(f"{one.name}: {one.log.read_text(errors='replace')[-1500:]}" for one in self.all)
