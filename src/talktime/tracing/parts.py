"""The parts on a call's way, each telling of its share of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from time import time_ns
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode, Tracer, get_current_span, set_span_in_context, use_span

from talktime.charging.batcher import Batcher, Run
from talktime.core.calls import Answer, Command, Key
from talktime.core.desk import Changes
from talktime.core.needs import Needs
from talktime.notifications.hooks import Hooks
from talktime.notifications.outcomes import Outcome
from talktime.storage.store import BatchTx, Read, ReadMore, Store

STATUS = "http.response.status_code"

Message = MutableMapping[str, Any]
Send = Callable[[Message], Any]


@dataclass(slots=True)
class Asking:
    """A request at the desk; instants in nanoseconds, 0 for what has not happened."""

    span: Span
    asked_at: int = 0
    answered_at: int = 0


ASKING: ContextVar[Asking | None] = ContextVar("asking", default=None)


def telling(span: Span, send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            span.set_attribute(STATUS, message["status"])
        await send(message)

    return sending


@contextmanager
def current(span: Span) -> Iterator[None]:
    """Until the block ends. Of what goes wrong only its kind is told: its words may hold anything."""
    try:
        with use_span(span, record_exception=False, set_status_on_exception=False):
            yield
    except Exception as error:
        span.set_status(Status(StatusCode.ERROR, type(error).__name__))
        raise
    finally:
        span.end()


class TracedBatcher(Batcher):
    def __init__(
        self, asked: dict[int, Asking], run: Run, lanes: int, shard_of: Callable[[int], int], batch_max: int
    ) -> None:
        """`asked`: who waits for a command, by its identity; it is the same object all the way."""
        super().__init__(run, lanes, shard_of, batch_max)
        self._asked = asked

    async def submit(self, commands: Sequence[Command]) -> list[Answer]:
        asking = ASKING.get()
        if asking is None:
            return await super().submit(commands)
        asking.asked_at = time_ns()
        self._asked.update([(id(command), asking) for command in commands])
        try:
            return await super().submit(commands)
        finally:
            asking.answered_at = time_ns()
            for command in commands:
                self._asked.pop(id(command), None)


class TracedStore:
    def __init__(self, store: Store, tracer: Tracer) -> None:
        self._store = store
        self._tracer = tracer
        self.lanes = store.lanes

    def shard_of(self, org_id: int) -> int:
        return self._store.shard_of(org_id)

    def close(self) -> None:
        self._store.close()

    def transaction(self, org_ids: Sequence[int], locked: bool) -> AbstractContextManager[BatchTx]:
        batch = get_current_span()
        plain = self._store.transaction(org_ids, locked)
        return self._traced(plain, batch) if batch.is_recording() else plain

    @contextmanager
    def _traced(self, plain: AbstractContextManager[BatchTx], batch: Span) -> Iterator[BatchTx]:
        steps = Steps(self._tracer, batch)
        with plain as tx:
            steps.done("begin")
            yield TracedTx(tx, steps)
        steps.done("commit")


class Steps:
    """What a batch does, one after the other."""

    def __init__(self, tracer: Tracer, batch: Span) -> None:
        self._tracer = tracer
        self._batch = set_span_in_context(batch, Context())
        self._since = time_ns()

    def done(self, name: str) -> None:
        now = time_ns()
        self._tracer.start_span(name, self._batch, start_time=self._since).end(now)
        self._since = now


class TracedTx:
    def __init__(self, tx: BatchTx, steps: Steps) -> None:
        self._tx = tx
        self._steps = steps

    def load(self, calls: Sequence[Key], names: Sequence[Key], numbers: Sequence[Key] = ()) -> Read:
        read = self._tx.load(calls, names, numbers)
        self._steps.done("read")
        return read

    def load_more(self, needs: Needs) -> ReadMore:
        more = self._tx.load_more(needs)
        self._steps.done("read more")
        return more

    def record(self, changes: Changes) -> None:
        self._steps.done("decide")
        self._tx.record(changes)
        self._steps.done("record")


class TracedHooks(Hooks):
    def __init__(self, posting: Callable[[], AbstractContextManager[Span]], *, internal: bool) -> None:
        super().__init__(internal=internal)
        self._posting = posting

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        with self._posting() as span:
            outcome = super().post(url, headers, body)
            if outcome.status:
                span.set_attribute(STATUS, outcome.status)
            return outcome
