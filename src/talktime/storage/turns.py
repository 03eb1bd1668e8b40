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
        self._patient = 0
        """How many wait."""
        self._owed = False
        """A batch has just had its turn: who waits patiently goes before the next one, however soon that comes."""

    @contextmanager
    def urgent(self) -> Iterator[None]:
        with self._change:
            self._urgent += 1
            try:
                self._change.wait_for(lambda: not self._taken and not (self._owed and self._patient))
            finally:
                self._urgent -= 1
            self._taken = True
        yield from self._turn(owes=True)

    @contextmanager
    def patient(self) -> Iterator[None]:
        with self._change:
            self._patient += 1
            try:
                self._change.wait_for(lambda: not self._taken and (self._owed or not self._urgent))
            finally:
                self._patient -= 1
            self._taken = True
        yield from self._turn(owes=False)

    def _turn(self, owes: bool) -> Iterator[None]:
        try:
            yield
        finally:
            with self._change:
                self._taken, self._owed = False, owes
                self._change.notify_all()
