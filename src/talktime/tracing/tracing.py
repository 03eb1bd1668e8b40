"""A call's way as spans, told over OTLP/HTTP. Loaded only where `tracing_url` is set.

A request is a span that goes on with the trace of its `traceparent`; in it `wait` is the time before its batch, and
`answer` what comes after the commit. A batch belongs to many, so it is a trace of its own, with links to the requests
that it carries, as each `wait` has one to it. No attribute says who calls whom, or holds a text that a caller has made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from random import random
from typing import Any

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import Link, Span, SpanKind, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from talktime.charging.batcher import BATCH_MAX, Batcher, Run
from talktime.core.calls import Answer, Command
from talktime.notifications.hooks import ALONG, Hooks
from talktime.storage.store import Store
from talktime.tracing.parts import (
    ASKING,
    Asking,
    Message,
    Send,
    TracedBatcher,
    TracedHooks,
    TracedStore,
    current,
    telling,
)
from talktime.tracing.untraced import Door, Untraced

SECONDS_MAX = 5.0
"""So long a collector may take, also at the end of a process."""


class Tracing(Untraced):
    def __init__(self, url: str, percent: int) -> None:
        """`percent`: of the requests whose caller has not decided for us."""
        exporter = OTLPSpanExporter(f"{url.rstrip('/')}/v1/traces", timeout=SECONDS_MAX)
        self._processor = BatchSpanProcessor(exporter)
        self._percent = percent
        self._requests = self._tracer(ParentBased(ALWAYS_ON))
        self._webhooks = self._tracer(TraceIdRatioBased(percent / 100))
        # A batch is told when one of its requests is.
        self._batches = self._tracer(ALWAYS_ON)
        self._headers = TraceContextTextMapPropagator()

    def _tracer(self, sampler: Sampler) -> Tracer:
        told = Resource.create({"service.name": "talktime", "service.version": version("talktime")})
        limits = SpanLimits(max_links=BATCH_MAX)
        provider = TracerProvider(sampler, told, shutdown_on_exit=False, span_limits=limits)
        provider.add_span_processor(self._processor)
        return provider.get_tracer("talktime")

    def close(self) -> None:
        self._processor.shutdown()  # type: ignore[no-untyped-call]

    def door(self, door: Door, route_of: Callable[[Any], str]) -> Door:
        async def traced(scope: Message, receive: Any, send: Send) -> None:
            if not self._concerns(scope):
                await door(scope, receive, send)
                return
            span = self._of_request(scope, route_of(scope))
            if not span.is_recording():
                await door(scope, receive, send)
                return
            asking = Asking(span)
            ASKING.set(asking)
            try:
                with self._handed_on(span):
                    await door(scope, receive, telling(span, send))
            finally:
                if asking.answered_at:
                    self._part("answer", span, asking.answered_at)
                span.end()

        return traced

    def _concerns(self, scope: Message) -> bool:
        """Drawn before anything is made: whoever is not told of should cost nothing."""
        return random() * 100 < self._percent or any(name == b"traceparent" for name, _ in scope["headers"])

    def _of_request(self, scope: Message, route: str) -> Span:
        parent = dict(scope["headers"]).get(b"traceparent", b"").decode("latin-1")
        # Nothing else of the caller's, such as a tracestate: it would be handed on to strangers.
        above = self._headers.extract({"traceparent": parent}, Context())
        method, _, path = route.partition(" ")
        about = {"http.request.method": method, "http.route": path}
        return self._requests.start_span(route, above, SpanKind.SERVER, about)

    def batcher(
        self, run: Run, lanes: int, shard_of: Callable[[int], int] = lambda org_id: 0, batch_max: int = BATCH_MAX
    ) -> Batcher:
        asked: dict[int, Asking] = {}
        return TracedBatcher(asked, self._running(run, asked), lanes, shard_of, batch_max)

    def _running(self, run: Run, asked: Mapping[int, Asking]) -> Run:
        def running(commands: Sequence[Command]) -> list[Answer]:
            found = [asked.get(id(command)) for command in commands]
            waiting = list({id(asking): asking for asking in found if asking}.values())
            if not waiting:
                return run(commands)
            span = self._batch_of(waiting, len(commands))
            with current(span), self._handed_on(span):
                return run(commands)

        return running

    def _batch_of(self, waiting: Sequence[Asking], commands: int) -> Span:
        links = [Link(asking.span.get_span_context()) for asking in waiting]
        batch = self._batches.start_span("batch", Context(), links=links, attributes={"talktime.commands": commands})
        for asking in waiting:
            self._part("wait", asking.span, asking.asked_at, batch)
        return batch

    def _part(self, name: str, of: Span, since: int, because_of: Span | None = None) -> None:
        """What has just ended."""
        links = [Link(because_of.get_span_context())] if because_of else []
        self._requests.start_span(name, set_span_in_context(of, Context()), links=links, start_time=since).end()

    def store(self, store: Store) -> Store:
        return TracedStore(store, self._batches)

    def hooks(self, *, internal: bool) -> Hooks:
        return TracedHooks(self._posting, internal=internal)

    @contextmanager
    def _posting(self) -> Iterator[Span]:
        span = self._webhooks.start_span("webhook", Context(), SpanKind.CLIENT)
        with current(span), self._handed_on(span):
            yield span

    @contextmanager
    def _handed_on(self, span: Span) -> Iterator[None]:
        """Whom we ask because of it hears of its trace."""
        carried: dict[str, str] = {}
        self._headers.inject(carried, set_span_in_context(span, Context()))
        before = ALONG.set(carried)
        try:
            yield
        finally:
            ALONG.reset(before)
