"""What is measured, and what is logged. The hot path adds to counters that are looked up once, and logs nothing."""

from __future__ import annotations

import logging
import re
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from enum import StrEnum
from itertools import accumulate
from time import perf_counter
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from talktime.core.calls import Answer, Command, Ended, Granted, Refused

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


log = structlog.get_logger("talktime.charging")

Run = Callable[[Sequence[Command]], list[Answer]]


class JobEnd(StrEnum):
    """How a turn of due work ended."""

    DONE = "done"
    FAILED = "failed"


class Timings(Collector):
    """A histogram for each of some names, as cheap as can be: the library's costs more than reading a request."""

    def __init__(self, name: str, what: str, label: str) -> None:
        self._name, self._what, self._label = name, what, label
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def observe(self, name: str, seconds: float) -> None:
        if name not in self._counts:
            self._counts[name], self._sums[name] = [0] * (len(_SECONDS) + 1), 0.0
        self._counts[name][bisect_left(_SECONDS, seconds)] += 1
        self._sums[name] += seconds

    def collect(self) -> Iterator[HistogramMetricFamily]:
        family = HistogramMetricFamily(self._name, self._what, labels=[self._label])
        bounds = [*map(str, _SECONDS), "+Inf"]
        for name, counts in sorted(self._counts.items()):
            family.add_metric([name], list(zip(bounds, accumulate(counts), strict=True)), self._sums[name])
        yield family


class Meters:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        made: dict[str, Any] = {"registry": self.registry}
        self.decisions = Counter("talktime_decisions_total", "Authorizations by outcome", ["outcome"], **made)
        self.batch_seconds = Histogram("talktime_batch_seconds", "From read to commit", buckets=_SECONDS, **made)
        self.batch_commands = Histogram("talktime_batch_commands", "Commands in a batch", buckets=_SIZES, **made)
        self.answer_seconds = Timings("talktime_answer_seconds", "From a switch's request to its answer", "route")
        self.registry.register(self.answer_seconds)
        self.store_errors = Counter(
            "talktime_store_errors_total",
            "Requests of switches that nobody decided in time, so calls were refused",
            **made,
        )
        self.conflicts = Counter("talktime_conflicts_total", "Ends of a call reported twice and differently", **made)
        self.open_calls = Gauge("talktime_open_calls", "Holds open, at the last sweep", **made)
        self.silent_switches = Gauge("talktime_silent_switches", "Switches that were heard of, and are not", **made)
        self.clock_seconds_away = Gauge(
            "talktime_clock_seconds_away", "How far the machine's clock is from the time that operations get", **made
        )
        self.deliveries_waiting = Gauge(
            "talktime_deliveries_waiting", "Mails and webhooks that are still to be sent", ["channel"], **made
        )
        self.verified_at = Gauge("talktime_verified_timestamp_seconds", "When the books were last verified", **made)
        self.verify_findings = Gauge("talktime_verify_findings", "What the last verification found", **made)
        self.backed_up_at = Gauge(
            "talktime_backup_timestamp_seconds",
            "When the newest backup was taken that was restored and adds up",
            **made,
        )
        self.jobs = Counter("talktime_jobs_total", "Due work done", ["task", "outcome"], **made)
        self.worked_at = Gauge("talktime_worked_timestamp_seconds", "When due work was last looked for", **made)
        ProcessCollector(registry=self.registry)
        self._outcomes: dict[str, Counter] = {}

    def measured(self, run: Run) -> Run:
        def measuring(commands: Sequence[Command]) -> list[Answer]:
            begun = perf_counter()
            answers = run(commands)
            self.batch_seconds.observe(perf_counter() - begun)
            self.batch_commands.observe(len(commands))
            self._count(answers)
            return answers

        return measuring

    def _count(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            match answer:
                case Granted():
                    self._outcome("granted").inc()
                case Refused(reason):
                    self._outcome(reason.value).inc()
                case Ended(conflict=True):
                    self.conflicts.inc()
                    log.warning("a call was ended twice and differently", charge=answer.settled.charge)

    def _outcome(self, outcome: str) -> Counter:
        if outcome not in self._outcomes:
            self._outcomes[outcome] = self.decisions.labels(outcome)
        return self._outcomes[outcome]


# ---------------------------------------------------------------- the log

_SECRET_NAMES = re.compile(r"password|passwd|secret|token|authorization|credential|api_?key", re.IGNORECASE)
_SECRET_TEXTS = (
    (re.compile(r"\b(tt_(?:live|test)_)[A-Za-z0-9_-]+"), r"\1***"),
    (re.compile(r"(?i)\b(bearer\s+)(?!tt_)[^\s\"\\]+"), r"\1***"),
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@\"]*:)[^\s/@\"]+@"), r"\1***@"),
    (re.compile(r"(?i)\b((?:password|passwd|token|secret)\s*[=:]\s*)[^\s,;&\"\\]+"), r"\1***"),
)

Event = MutableMapping[str, Any]


def masked(text: str) -> str:
    """What looks like a key, a password or a token is not there any more."""
    for pattern, instead in _SECRET_TEXTS:
        text = pattern.sub(instead, text)
    return text


def mask_names(logger: Any, method: str, event: Event) -> Event:
    return {name: "***" if _SECRET_NAMES.search(name) and value else value for name, value in event.items()}


def mask_line(logger: Any, method: str, line: Any) -> str:
    """The last to touch a line, so that nothing gets past it: not a traceback, not a value deep inside."""
    return masked(str(line))


def set_up_logging(level: str) -> None:
    """One JSON object a line on standard error, whoever logs: ours and the libraries'."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask_names,
    ]
    rendering = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
            mask_line,
        ],
    )
    to_standard_error = logging.StreamHandler(sys.stderr)
    to_standard_error.setFormatter(rendering)
    logging.basicConfig(handlers=[to_standard_error], level=level.upper(), force=True)
    for talkative in ("uvicorn", "uvicorn.error", "alembic", "asyncio"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
