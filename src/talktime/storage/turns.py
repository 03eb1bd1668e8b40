"""Whose turn it is at the one connection that writes: switches go before people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Turns:
    """A lock that a switch's batch gets next, however many people wait; between two batches one has his turn."""

    def __init__(self) -> None:
        self._change = Condition()
        self._taken = False
        self._urgent = 0

    @contextmanager
    def urgent(self) -> Iterator[None]:
        with self._change:
            self._urgent += 1
            self._change.wait_for(lambda: not self._taken)
            self._urgent -= 1
            self._taken = True
        yield from self._turn()

    @contextmanager
    def patient(self) -> Iterator[None]:
        with self._change:
            self._change.wait_for(lambda: not self._taken and not self._urgent)
            self._taken = True
        yield from self._turn()

    def _turn(self) -> Iterator[None]:
        try:
            yield
        finally:
            with self._change:
                self._taken = False
                self._change.notify_all()
