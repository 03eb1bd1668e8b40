"""What can go wrong with a database, told apart by what the caller may do about it."""

from __future__ import annotations

import sqlite3

import psycopg
from sqlalchemy.exc import DBAPIError


class StoreError(Exception):
    """Something was not stored."""


class Conflict(StoreError):
    """A constraint or another transaction says no. Nothing was written; it can be tried in another way."""


class Busy(Conflict):
    """Another transaction stood in the way and may be gone by now."""


class StoreUnavailable(StoreError):
    """It cannot be written, or nobody knows whether it was. Nothing is granted; asking again is safe."""


class NotCompacted(StoreUnavailable):
    """All that was to be done is done, but what was there before may still be in the file."""


class SchemaTooNew(StoreError):
    """A newer Talktime made this database."""


JUDGED = (
    psycopg.errors.IntegrityError,
    psycopg.errors.DataError,
    psycopg.errors.SerializationFailure,
    sqlite3.IntegrityError,
    sqlite3.DataError,
    OverflowError,
)
LOST = (psycopg.OperationalError, psycopg.InterfaceError, sqlite3.OperationalError, sqlite3.DatabaseError)


def translated(error: DBAPIError) -> Exception:
    cause = error.orig
    if isinstance(cause, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected):
        return Busy(str(cause))
    if isinstance(cause, JUDGED):
        return Conflict(str(cause))
    if isinstance(cause, LOST):
        return StoreUnavailable(str(cause))
    return error
