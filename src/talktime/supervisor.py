"""Several processes that do the same on one socket: started together, started again when one dies, ended together."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

import structlog

log = structlog.get_logger("talktime.supervisor")
REST_SECONDS = 1.0
"""Who dies so soon waits so long for the next start: what cannot live must not eat a processor."""
GOODBYE_SECONDS = 35.0
"""Longer than a server takes that drains as long as it may, and waits for its last requests."""
LOOK_SECONDS = 0.1


STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """Whether somebody wants this process to end. It only says so: an exception out of a signal handler may be lost."""

    def __init__(self) -> None:
        self.asked = False
        self._at = 0.0
        for one in STOP_SIGNALS:
            signal.signal(one, self._ask)

    def _ask(self, number: int, frame: object) -> None:
        if not self.asked:
            self.asked, self._at = True, time.monotonic()

    def asked_for(self, seconds: float) -> bool:
        """Whether that was so long ago."""
        return self.asked and time.monotonic() - self._at >= seconds

    def wait(self) -> None:
        while not self.asked:
            time.sleep(LOOK_SECONDS)


def tell_manager(word: str) -> None:
    """systemd hears `READY=1` on the socket that it names; without it nobody is told."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, suppress(OSError):
        # An abstract name begins with a zero byte.
        manager.connect(address.replace("@", "\0", 1) if address.startswith("@") else address)
        manager.send(word.encode())


class Task(NamedTuple):
    name: str
    run: Callable[[Callable[[], None], Stop], None]
    """Is handed a function to call when it is ready; ends in good order when it is asked to stop."""


class CannotStart(Exception):
    """A process ended before it was ready; it has said why."""


def run(tasks: Sequence[Task], ready: Callable[[], None], stop: Stop, let_go: Callable[[], None]) -> None:
    """Until SIGTERM or SIGINT, of which `stop` may have heard before. `let_go` of what is only kept for those who are
    still to be started. This process must have no threads and no connections, since it forks."""
    Supervisor(tasks, let_go).run(ready, stop)


class Supervisor:
    def __init__(self, tasks: Sequence[Task], let_go: Callable[[], None]) -> None:
        self._tasks = tasks
        self._let_go = let_go
        self._running: dict[int, Task] = {}
        self._begun: dict[Task, float] = {}
        self._stopping = False
        # The children read from it: when this process is gone, however that happened, so are they.
        self._lifeline = os.pipe()

    def run(self, ready: Callable[[], None], stop: Stop) -> None:
        for one in STOP_SIGNALS:
            signal.signal(one, self._stop)
        if stop.asked:
            return
        try:
            begun = [self._start(task) for task in self._tasks]
            if self._all_told(begun):
                ready()
            while self._running and not self._stopping:
                self._mind_one()
        finally:
            self._end_all()

    def _stop(self, number: int, frame: object) -> None:
        self._stopping = True
        self._let_go()
        self._signal_all(signal.SIGTERM)

    def _signal_all(self, number: int) -> None:
        for pid in list(self._running):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _all_told(self, begun: Sequence[int]) -> bool:
        for told in begun:
            if not os.read(told, 1) and not self._stopping:
                raise CannotStart("a worker process ended before it was ready; what it said is above")
            os.close(told)
        return not self._stopping

    def _start(self, task: Task) -> int:
        """The descriptor from which a byte can be read when it is ready, and none when it died before."""
        told, tell = os.pipe()
        # A signal between the fork and the child's own handlers would be taken by ours.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        pid = os.fork()
        if pid == 0:
            if self._stopping:
                os._exit(0)
            os.close(told)
            os.close(self._lifeline[1])
            _be(task, tell, self._lifeline[0])
        self._running[pid] = task
        self._begun[task] = time.monotonic()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        os.close(tell)
        return told

    def _mind_one(self) -> None:
        """Never waits without an end: who is asked to stop must not wait for a child that does not."""
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            time.sleep(LOOK_SECONDS)
            return
        task = self._running.pop(pid, None)
        if task is None or self._stopping:
            return
        log.error("a process died and is started again", task=task.name, status=os.waitstatus_to_exitcode(status))
        if time.monotonic() - self._begun[task] < REST_SECONDS:
            time.sleep(REST_SECONDS)
        if not self._stopping:
            os.close(self._start(task))

    def _end_all(self) -> None:
        self._stopping = True
        self._signal_all(signal.SIGTERM)
        deadline = time.monotonic() + GOODBYE_SECONDS
        while self._running:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            self._running.pop(pid, None)
            if time.monotonic() > deadline:
                self._signal_all(signal.SIGKILL)
            if not pid:
                time.sleep(0.02)


def _be(task: Task, tell: int, lifeline: int) -> None:
    """The life of a child; it never returns into what the parent was doing."""
    code = 1
    try:
        stop = Stop()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        threading.Thread(target=_follow, args=(lifeline,), daemon=True).start()
        task.run(lambda: _told(tell), stop)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _told(tell: int) -> None:
    with suppress(OSError):
        os.write(tell, b".")


def _follow(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)
