"""The server with a way to die at a named point, a slow store, a clock that can be set, or a bug put in.

    python -m tests.crash.runner serve ...

What happens is said by the environment: CRASH_AT=after_commit:7 kills the process the seventh time it comes by that
point, counted from the signal that `Runner.arm` sends; SLOW_STORE=0.3 makes each transaction of the engine take that
long; CLOCK_FILE names a file with nanoseconds by which the machine's clock is off; BROKEN names a bug.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from subprocess import TimeoutExpired
from threading import Thread
from typing import Any
from unittest.mock import patch

from sqlalchemy import event

from talktime import app, server
from talktime.actions import idempotency
from talktime.actions.till import Till
from talktime.app import App, open_app
from talktime.charging import engine
from talktime.charging.engine import Engine
from talktime.cli.main import main
from talktime.clock import SteadyClock
from talktime.core.calls import Answer, Command, Key
from talktime.core.decide import decide
from talktime.core.desk import Changes
from talktime.core.needs import Needs
from talktime.settings import Settings
from talktime.storage.database import Database, SqliteDatabase
from talktime.storage.payment_store import Payment
from talktime.storage.store import BatchTx, Read, ReadMore, Store
from talktime.storage.wire import Statement, Wire
from talktime.web.asgi import Api, AsgiScope, Receive, Send
from tests.support.server import Server

BATCH_POINTS = ("before_begin", "after_load", "before_commit", "after_commit")
"""Of the engine's transactions."""
ANSWER_POINTS = ("before_answer", "within_answer", "after_answer")
"""Of any request that changes something."""
MONEY_POINTS = ("before_charging", "before_booking")
"""Before a provider is asked, and after it has done what it was asked."""
POINTS = (*BATCH_POINTS, *ANSWER_POINTS, "statement", "before_action_commit", "before_answer_to_a_grant")
BUGS = ("answers_before_commit", "forgets_idempotency_keys", "charges_under_new_keys")
COMMITS_AFTER_SECONDS = 0.05


OPTIONS = ("CRASH_AT", "BROKEN", "SLOW_STORE", "CLOCK_FILE")


class Runner(Server):
    """A server that can be told when to die. Without such words it is the product itself."""

    def start(self) -> float:
        if not any(map(self.environment.get, OPTIONS)):
            return super().start()
        with patch("tests.support.server.TALKTIME", (sys.executable, "-m", "tests.crash.runner")):
            return super().start()

    def arm(self) -> None:
        """From now on it counts how often it comes by the point."""
        os.kill(self.pid, signal.SIGUSR1)

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def has_died(self, seconds_max: float = 0) -> bool:
        """By itself, and nobody has looked after it."""
        assert self._process
        with suppress(TimeoutExpired):
            self._process.wait(seconds_max)
            return True
        return False


class Fuse:
    """Burns down at one point, and takes the process with it."""

    def __init__(self, where: str) -> None:
        self.point, _, number = where.partition(":")
        self._left = int(number or 0)
        self._armed = False

    def arm(self, number: int, frame: object) -> None:
        self._armed = True

    def pass_by(self, point: str) -> None:
        if self._armed and point == self.point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


# ------------------------------------------------------------------------------------------------- points


class FusedTx:
    def __init__(self, tx: BatchTx, fuse: Fuse) -> None:
        self._tx = tx
        self._fuse = fuse

    def load(self, calls: Sequence[Key], names: Sequence[Key], numbers: Sequence[Key] = ()) -> Read:
        read = self._tx.load(calls, names, numbers)
        self._fuse.pass_by("after_load")
        return read

    def load_more(self, needs: Needs) -> ReadMore:
        return self._tx.load_more(needs)

    def record(self, changes: Changes) -> None:
        self._tx.record(changes)


class FusedStore:
    def __init__(self, store: Store, fuse: Fuse, slow_seconds: float) -> None:
        self._store = store
        self._fuse = fuse
        self._slow_seconds = slow_seconds
        self.lanes = store.lanes

    @contextmanager
    def transaction(self, org_ids: Sequence[int], locked: bool) -> Iterator[BatchTx]:
        self._fuse.pass_by("before_begin")
        with self._store.transaction(org_ids, locked) as tx:
            yield FusedTx(tx, self._fuse)
            time.sleep(self._slow_seconds)
            self._fuse.pass_by("before_commit")
        self._fuse.pass_by("after_commit")

    def shard_of(self, org_id: int) -> int:
        return self._store.shard_of(org_id)

    def close(self) -> None:
        self._store.close()


class FusedApi(Api):
    fuse: Fuse

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        writes = scope["type"] == "http" and scope["method"] != "GET"

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.fuse.pass_by("before_answer")
                if scope["path"].endswith("/grants"):
                    self.fuse.pass_by("before_answer_to_a_grant")
                await send(message)
                return
            self.fuse.pass_by("within_answer")
            await send(message)
            self.fuse.pass_by("after_answer")

        await super().__call__(scope, receive, sending if writes else send)


def fused(opens: Callable[[Settings], tuple[Database, Store]], fuse: Fuse) -> Callable[[Settings], Any]:
    def opening(settings: Settings) -> tuple[Database, Store]:
        database, store = opens(settings)
        if isinstance(database, SqliteDatabase):
            database.connection.set_trace_callback(lambda statement: fuse.pass_by("statement"))
        event.listen(database.writer, "commit", lambda connection: fuse.pass_by("before_action_commit"))
        return database, FusedStore(store, fuse, float(os.environ.get("SLOW_STORE", "0")))

    return opening


def sending(send: Callable[..., None], fuse: Fuse) -> Callable[..., None]:
    def passing(wire: Wire, statement: Statement, *values: bytes | None) -> None:
        fuse.pass_by("statement")
        send(wire, statement, *values)

    return passing


def passing(do: Callable[..., Any], fuse: Fuse, point: str) -> Callable[..., Any]:
    def after_it(*values: Any) -> Any:
        fuse.pass_by(point)
        return do(*values)

    return after_it


# ------------------------------------------------------------------------------------------------- bugs


class Hasty(Engine):
    """Its answers are on their way before anything is committed."""

    def _run(self, commands: Sequence[Command], locked: bool) -> list[Answer]:
        told: SimpleQueue[list[Answer] | BaseException] = SimpleQueue()

        def work() -> None:
            try:
                with self._store.transaction(sorted({one.org_id for one in commands}), locked) as tx:
                    read = self._load(tx, commands)
                    answers, changes = decide(self._state(tx, read, commands), commands)
                    tx.record(changes)
                    told.put(answers)
                    time.sleep(COMMITS_AFTER_SECONDS)
            except BaseException as error:
                told.put(error)

        Thread(target=work).start()
        answer = told.get()
        if isinstance(answer, BaseException):
            raise answer
        return answer


def put_in(bug: str) -> None:
    if bug == "answers_before_commit":
        _replace(engine, "Engine", Hasty)
        _replace(app, "Engine", Hasty)
    elif bug == "forgets_idempotency_keys":
        _replace(idempotency, "recall", lambda *values: None)
        _replace(idempotency, "remember", lambda *values, **more: None)
    elif bug == "charges_under_new_keys":
        _replace(Payment, "key", property(lambda payment: f"{payment.payment_id}-{time.monotonic_ns()}"))
    elif bug:
        raise SystemExit(f"there is no bug {bug!r}: {', '.join(BUGS)}")


# ------------------------------------------------------------------------------------------------- wiring


def off_by(path: Path) -> Callable[[], int]:
    """The machine's clock as if somebody had set it, read anew each time it is asked."""
    return lambda: time.time_ns() + int(path.read_text() or 0)


def _replace(owner: Any, name: str, value: Any) -> None:
    setattr(owner, name, value)


def wire() -> None:
    fuse = Fuse(os.environ.get("CRASH_AT", ""))
    assert not fuse.point or fuse.point in (*POINTS, *MONEY_POINTS), fuse.point
    signal.signal(signal.SIGUSR1, fuse.arm)
    put_in(os.environ.get("BROKEN", ""))
    FusedApi.fuse = fuse
    _replace(server, "Api", FusedApi)
    _replace(app, "_open", fused(app._open, fuse))
    _replace(Wire, "send", sending(Wire.send, fuse))
    _replace(Till, "_told", passing(Till._told, fuse, "before_charging"))
    _replace(Till, "_book", passing(Till._book, fuse, "before_booking"))
    if clock := os.environ.get("CLOCK_FILE"):

        def with_its_clock(settings: Settings) -> App:
            return open_app(settings, SteadyClock(off_by(Path(clock))))

        _replace(server, "open_app", with_its_clock)


if __name__ == "__main__":
    wire()
    main()
