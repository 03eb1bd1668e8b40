"""The data folder of the embedded database: readable by its owner alone, and used by one process at a time."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

DATABASE_FILE = "talktime.db"
LOCK_FILE = "talktime.lock"
SOCKET_FILE = "talktime.sock"
SOCKET_PATH_MAX = 100
"""The kernel takes 107 bytes."""


class FolderProblem(Exception):
    """The folder cannot be used; the message says why."""


class FolderInUse(FolderProblem):
    """Another process has the database open."""


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Nobody else opens the database in it until the block ends, however it ends."""
    with for_nobody_else():
        try:
            make_private(folder)
            lock = (folder / LOCK_FILE).open("a+")
        except OSError as error:
            raise FolderProblem(f"the data folder {folder} cannot be used: {error.strerror}") from error
        with lock:
            _lock(lock, folder)
            yield


@contextmanager
def for_nobody_else() -> Iterator[None]:
    """Whatever is made in the block - database, write-ahead log, socket - is its owner's alone."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _lock(lock: IO[str], folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        raise FolderInUse(
            f"the data folder {folder} is in use by another talktime (process {holder}): stop it first, "
            "or give this one a folder of its own with --data"
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()


def make_private(folder: Path) -> None:
    """A folder that holds other things, too, is left as it is: `talktime doctor` tells who can read it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    ours = found.st_uid == os.getuid() and not found.st_mode & stat.S_ISVTX
    if ours and found.st_mode & 0o077 and _is_for_talktime(folder):
        folder.chmod(0o700)
    database = folder / DATABASE_FILE
    if database.exists() and database.stat().st_mode & 0o077:
        database.chmod(0o600)


def _is_for_talktime(folder: Path) -> bool:
    return (folder / DATABASE_FILE).exists() or not any(folder.iterdir())


@contextmanager
def socket_path(folder: Path) -> Iterator[str]:
    """The path of the local socket, in a form that is short enough for the kernel."""
    path = str(folder / SOCKET_FILE)
    if len(os.fsencode(path)) <= SOCKET_PATH_MAX:
        yield path
        return
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET_FILE}"
    finally:
        os.close(descriptor)
