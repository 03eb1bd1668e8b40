"""One installation that dies and is started again. Beside it lives another process of it, which does not die."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from unittest.mock import patch

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from talktime.actions.audit import Actor
from talktime.actions.falling_due import MoneyDue
from talktime.actions.inbox import Inbox
from talktime.actions.till import Till
from talktime.app import App, open_app
from talktime.core.time import MINUTE
from talktime.settings import Settings
from talktime.storage.database import Database, SqliteDatabase, open_reader
from tests.gateway.bank import Bank
from tests.gateway.fuse import Fuse, Mortal
from tests.web.client import Clock

PUBLIC_URL = "https://talktime.example.com"


class House:
    """`money` belongs to the process that dies, `aside` to the one that lives."""

    def __init__(self, settings: Settings) -> None:
        self.clock, self.fuse = Clock(), Fuse()
        self.bank = Bank(self.fuse, self.clock)
        self.crashes = 0
        self._settings = settings
        self._open()

    def _open(self) -> None:
        self.app = open_app(self._settings, self.clock)
        if isinstance(self.app.database, SqliteDatabase):
            # One thread reads, so one connection will do; the product opens one each time.
            self.app.database.reader = _one_reader(self.app.database)
        self._wire()

    def _wire(self) -> None:
        self.aside = self._wired(self.app, self.app.database)
        self.money = self._wired(self.app, Mortal(self.app.database, self.fuse))

    def _wired(self, app: App, database: Database) -> MoneyDue:
        till = Till(database, {self.bank.name: self.bank}, app.terms, PUBLIC_URL, self.clock)
        return replace(app.money, database=database, till=till, inbox=Inbox(database, till), threads=1)

    def start_again(self) -> None:
        """What was claimed is free at once on SQLite, and after a minute on PostgreSQL."""
        self.crashes += 1
        # It dies between transactions, so that what an open connection knows is what the database knows.
        with patch("talktime.app._open", lambda settings: (self.app.database, self.app.store)):
            self.app.batcher.close()
            self.app = open_app(self._settings, self.clock)
        self._wire()
        if not self._settings.on_sqlite:
            self.clock.at += MINUTE

    def close(self) -> None:
        self.app.close()

    @property
    def database(self) -> Database:
        """Of the process that dies."""
        return self.money.database

    @property
    def actor(self) -> Actor:
        return Actor("test", self.clock())


def _one_reader(database: SqliteDatabase) -> Engine:
    connection = open_reader(database.path, sqlite3.connect)
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine
