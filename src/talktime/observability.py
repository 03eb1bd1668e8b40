"""What is measured. The hot path adds to counters that are looked up once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from talktime.core.calls import Answer, Command, Granted, Refused

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Meters:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        made = {"registry": self.registry}
        self.decisions = Counter("talktime_decisions_total", "Authorizations by outcome", ["outcome"], **made)
        self.batch_seconds = Histogram("talktime_batch_seconds", "From read to commit", buckets=_SECONDS, **made)
        self.batch_commands = Histogram("talktime_batch_commands", "Commands in a batch", buckets=_SIZES, **made)
        self.answer_seconds = Histogram(
            "talktime_answer_seconds", "From a switch's request to its answer", ["route"], buckets=_SECONDS, **made
        )
        self.store_errors = Counter("talktime_store_errors_total", "Batches that the store did not take", **made)
        self.conflicts = Counter("talktime_conflicts_total", "Ends of a call reported twice and differently", **made)
        self.open_calls = Gauge("talktime_open_calls", "Holds open, at the last sweep", **made)
        self.jobs = Counter("talktime_jobs_total", "Due work done", ["job", "outcome"], **made)
        self._outcomes = {}

    def measured(self, run: Callable[[Sequence[Command]], list[Answer]]) -> Callable[[Sequence[Command]], list[Answer]]:
        def measuring(commands: Sequence[Command]) -> list[Answer]:
            begun = perf_counter()
            try:
                answers = run(commands)
            except Exception:
                self.store_errors.inc()
                raise
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

    def _outcome(self, outcome: str) -> Counter:
        if outcome not in self._outcomes:
            self._outcomes[outcome] = self.decisions.labels(outcome)
        return self._outcomes[outcome]
