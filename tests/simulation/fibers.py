"""Threads that run one at a time, and only when they are told to: what one does between two pauses happens at once."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock, Thread


class Ended(BaseException):
    """Raised in a paused fiber that will not be resumed."""


class Fiber:
    def __init__(self) -> None:
        self._go, self._done = _taken(), _taken()
        self._work: Callable[[], None] | None = None
        self._error: BaseException | None = None
        self._ending = False
        self._thread = Thread(target=self._live, daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        return self._work is not None

    def run(self, work: Callable[[], None]) -> None:
        """Up to its first pause, or its end. Raises what it raises."""
        assert not self.busy
        self._work = work
        self.resume()

    def resume(self) -> None:
        self._go.release()
        self._done.acquire()
        if self._error:
            error, self._error = self._error, None
            raise error

    def pause(self) -> None:
        """Called from within."""
        self._done.release()
        self._go.acquire()
        if self._ending:
            raise Ended

    def close(self) -> None:
        self._ending = True
        self._go.release()
        self._thread.join()

    def _live(self) -> None:
        while True:
            self._go.acquire()
            if self._work is None:
                return
            try:
                self._work()
            except Ended:
                return
            except BaseException as error:
                self._error = error
            self._work = None
            self._done.release()


def _taken() -> Lock:
    lock = Lock()
    lock.acquire()
    return lock
