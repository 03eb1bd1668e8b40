"""One strong machine: HAProxy, two servers, two workers, PgBouncer in transaction mode, PostgreSQL."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.haproxy import Haproxy, balancing
from tests.support.pgbouncer import pooled
from tests.support.postgres import Cluster
from tests.support.server import STOP_SECONDS_MAX, TALKTIME, Server, _environment, serving

DRAIN_SECONDS = 3
"""Longer than the balancer needs to notice."""


class Worker:
    def __init__(self, url: str, folder: Path, environment: dict[str, str]) -> None:
        folder.mkdir()
        self._command = [*TALKTIME, "worker", "--database", url, "--data", str(folder), "--json"]
        self._environment = _environment(environment)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=self._environment
        )
        assert self._process.stdout
        self._process.stdout.readline()

    def stop(self) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate(timeout=STOP_SECONDS_MAX)
        code, self._process = self._process.returncode, None
        return code


@dataclass
class Fleet:
    servers: list[Server]
    workers: list[Worker]
    proxy: Haproxy
    direct: str
    """The database itself, for those who look afterwards."""

    def restart(self, number: int) -> None:
        """One server, as `systemctl restart` does it."""
        assert self.servers[number].stop() == 0
        self.servers[number].start()
        self.proxy.wait_for_all()

    def kill(self, number: int) -> None:
        """And systemd starts it again."""
        self.servers[number].kill()
        self.servers[number].start()
        self.proxy.wait_for_all()

    def restart_worker(self, number: int) -> None:
        assert self.workers[number].stop() == 0
        self.workers[number].start()

    def decisions(self) -> list[float]:
        """How many commands each server has decided."""
        return [decided(server) for server in self.servers]


def decided(server: Server) -> float:
    lines = httpx.get(f"{server.url}/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("talktime_decisions_total"))


@contextmanager
def fleet(cluster: Cluster, folder: Path) -> Iterator[Fleet]:
    with ExitStack() as stack:
        direct = cluster.fresh_database()
        url = stack.enter_context(pooled(cluster)).url(direct)
        settings = {
            "TALKTIME_PREPARED_STATEMENTS": "no",
            "TALKTIME_JOBS": "no",
            "TALKTIME_DRAIN_SECONDS": str(DRAIN_SECONDS),
            "TALKTIME_SECRET_KEY": "A" * 43 + "=",
        }
        servers = [stack.enter_context(serving(url, environment=settings)) for _ in range(2)]
        workers = [Worker(url, folder / f"worker{number}", settings) for number in range(2)]
        for worker in workers:
            stack.callback(worker.stop)
            worker.start()
        proxy = stack.enter_context(balancing(folder, [server.port for server in servers]))
        proxy.wait_for_all()
        yield Fleet(servers, workers, proxy, direct)
