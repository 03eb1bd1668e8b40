"""The other half of a move: an organization comes from its file. It is opened when all of it is here and verified.

Its numbers and ids stay. Whoever is interrupted calls again, with the same file, and it ends the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from talktime.actions import moving, organizations
from talktime.actions.audit import Actor
from talktime.actions.moving import CannotMove, Tell
from talktime.core.ids import cell_begin, org_name
from talktime.storage import control_store, job_store, move_store, price_store, schema
from talktime.storage.database import Database, ReadTx, Tx
from talktime.storage.job_store import DONE, RUNNING, JobRow
from talktime.storage.move_file import Manifest, MoveFile, Row
from talktime.storage.move_store import JOB_ID
from talktime.storage.sealed_store import SEALED, Sealed
from talktime.storage.store import KEYS_REVISION
from talktime.storage.vault import Vault, VaultError, place_of
from talktime.storage.verify import Report, verify_one

KIND = "move"


class Arrived(NamedTuple):
    org_id: int
    manifest: Manifest
    report: Report
    was_here: bool
    """It had been brought and opened before, by the same file."""
    opened: bool
    """Just now."""


class Arrival:
    """A file that was looked through, for one installation."""

    def __init__(self, database: Database, vault: Vault, path: Path, actor: Actor) -> None:
        self._database, self._vault, self._actor = database, vault, actor
        self._file = MoveFile(path, move_store.TABLES)
        self.org_id = self._file.head.org_id
        if self._file.head.schema != schema.NEWEST:
            raise CannotMove(
                f"the file has schema {self._file.head.schema}, this program {schema.NEWEST}: "
                "upgrade both installations to the same Talktime, and export it again"
            )

    def bring(self, tell: Tell, *, stays_closed: bool, starts_again: bool = False) -> Arrived:
        """A portion at a time, each with how far it is; opened only when all of it was verified."""
        self._database.read((), _must_know_licences, self._file.head.licences)
        manifest = self._file.checked(partial(self._look, not stays_closed))
        if starts_again:
            self._database.write(self.org_id, _forget, self.org_id)
        job = self._database.write(self.org_id, _begin, self._job(manifest))
        if job.state == DONE:
            return Arrived(self.org_id, manifest, verify_one(self._database, self.org_id), was_here=True, opened=False)
        self._bring(job, manifest, tell)
        report = verify_one(self._database, self.org_id)
        opens = report.clean and not stays_closed
        if report.clean:
            self._database.write(self.org_id, _end, job, self._actor if opens else None)
        return Arrived(self.org_id, manifest, report, was_here=False, opened=opens)

    def _bring(self, job: JobRow, manifest: Manifest, tell: Tell) -> None:
        rows_done = 0
        for number, (table, rows) in enumerate(self._file.portions()):
            rows_done += len(rows)
            if number >= job.done:
                self._database.write(self.org_id, _put, job, number, table, self._sealed_anew(table, rows))
            tell(rows_done, manifest.rows)

    def _look(self, opens: bool, table: str, rows: Sequence[Row]) -> None:
        """What would go wrong later is said before anything is written."""
        self._sealed_anew(table, rows)
        if table == "organizations":
            org = dict(zip(move_store.TABLES[table].columns.keys(), rows[0], strict=True))
            self._database.read((), _must_know_prices, org["price_list"], org["currency"], opens)

    def _sealed_anew(self, table: str, rows: Sequence[Row]) -> Sequence[Row]:
        for what in SEALED:
            if what.table.name == table:
                rows = [self._with_secret(what, row) for row in rows]
        return rows

    def _with_secret(self, what: Sealed, row: Row) -> Row:
        names = what.table.columns.keys()
        place = names.index(what.column.name)
        if row[place] is None:
            return row
        named = () if what.name is None else (row[names.index(what.name.name)],)
        return (*row[:place], self._resealed(row[place], place_of(what.kind, self.org_id, *named)), *row[place + 1 :])

    def _resealed(self, sealed: bytes, place: str) -> bytes:
        try:
            return self._vault.seal(self._vault.open(sealed, place), place)
        except VaultError as error:
            raise CannotMove(
                f"its secrets are sealed with the key {' or '.join(self._file.head.sealed_with)}, here there is "
                f"{' and '.join(self._vault.ids)}: call this with TALKTIME_SECRET_KEY=OURS,THEIRS"
            ) from error

    def _job(self, manifest: Manifest) -> JobRow:
        asked = msgspec.json.encode({"digest": manifest.digest}).decode()
        by, at = self._actor.by, self._actor.now
        return JobRow(self.org_id, JOB_ID, KIND, RUNNING, asked, by, 0, None, None, None, at, None, None)


def _must_know_licences(tx: ReadTx, there: Mapping[str, str]) -> None:
    here = moving.meanings(tx, there)
    if others := [code for code, digest in there.items() if here[code] != digest]:
        raise CannotMove(
            f"its licences {', '.join(others)} mean something else here, or nothing: bring the operator's own licences "
            "here first (`talktime licences export`, `talktime licences import`)"
        )


def _must_know_prices(tx: ReadTx, list_id: str | None, currency: str, opens: bool) -> None:
    if list_id is not None and price_store.find(tx, list_id) is None:
        raise CannotMove(
            f"its price list {list_id} is not here: give it the default prices where it is now (price_list: null), "
            "export it again, and give it a list here"
        )
    prices = list_id or price_store.default_of(tx, currency)
    if opens and not (prices and any(one.published_at is not None for one in price_store.versions(tx, [prices]))):
        raise CannotMove(
            f"no price list for {currency} is published here by default, so every paid call would be refused: publish "
            "one (`talktime rates import --default --publish`), or bring it with --closed until there is one"
        )


def _begin(tx: Tx, wanted: JobRow) -> JobRow:
    """Or where it was left."""
    job = job_store.find(tx, wanted.org_id, wanted.job_id)
    if job is None and not move_store.is_known(tx, wanted.org_id):
        job_store.add(tx, wanted)
        control_store.pass_by(tx, "next_org", wanted.org_id, cell_begin(wanted.org_id))
        return wanted
    if job is None or (job.state == DONE and job.asked != wanted.asked):
        raise CannotMove(f"{org_name(wanted.org_id)} is here already, and did not come by this file")
    if job.asked != wanted.asked:
        raise CannotMove(
            f"{org_name(wanted.org_id)} is arriving by another file: go on with that one. --start-again takes away "
            "what has come and begins with this one, and what only the other file has is lost: begin with the newest"
        )
    return job


def _forget(tx: Tx, org_id: int) -> None:
    """What is here of an organization that has never been open here."""
    if move_store.abandon(tx, org_id, JOB_ID):
        move_store.remove(tx, org_id)


def _put(tx: Tx, job: JobRow, number: int, table: str, rows: Sequence[Row]) -> None:
    if not move_store.advance(tx, job.org_id, job.job_id, job.asked, number):
        raise CannotMove("another process brings the same organization: let it end, or end it")
    move_store.put(tx, table, rows)


def _end(tx: Tx, job: JobRow, opener: Actor | None) -> None:
    """All of it is here; without an opener the same file opens it, whenever that is wanted."""
    control_store.bump(tx, KEYS_REVISION)
    if opener:
        organizations.open_again(tx, job.org_id, opener)
        move_store.finish(tx, job.org_id, job.job_id, opener.now)


def open_again(tx: Tx, org_id: int, actor: Actor) -> None:
    """An organization that was closed here, unless it is still arriving."""
    job = job_store.find(tx, org_id, JOB_ID)
    if job is not None and job.state != DONE:
        raise CannotMove(f"{org_name(org_id)} is still arriving: `talktime org import` with its file opens it")
    organizations.open_again(tx, org_id, actor)
