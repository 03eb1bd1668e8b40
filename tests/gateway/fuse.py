"""A product that can die between any two of its steps: around each transaction and each call of a provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from talktime.storage.database import Database, Scope


class Crash(BaseException):
    """As kill -9: nothing that catches errors catches it."""


class Fuse:
    """Counts the steps, and burns down at one of them."""

    def __init__(self) -> None:
        self.passed = 0
        self._burns_at = 0
        self.look: Callable[[Connection], None] = lambda connection: None
        """At what every transaction is about to keep."""

    def set(self, at: int) -> None:
        """0: never."""
        self.passed, self._burns_at = 0, at

    def pass_by(self) -> None:
        self.passed += 1
        if self.passed == self._burns_at:
            raise Crash


class Mortal(Database):
    """A database whose user may die before and after each transaction that writes."""

    def __init__(self, inner: Database, fuse: Fuse) -> None:
        super().__init__(inner.url, inner.writer, inner.reader)
        self._inner = inner
        self._fuse = fuse

    @contextmanager
    def _transaction(self, engine: Engine, scope: Scope) -> Iterator[Connection]:
        writes = engine is self.writer
        if writes:
            self._fuse.pass_by()
        with self._inner._transaction(engine, scope) as connection:
            yield connection
            if writes:
                self._fuse.look(connection)
        if writes:
            self._fuse.pass_by()
