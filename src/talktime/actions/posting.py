"""Calls of a file are booked: by the rules that hold for a call that is recorded, a portion at a time, each once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from talktime.actions.audit import Actor, note
from talktime.actions.errors import NotFound
from talktime.actions.organizations import found, locked
from talktime.core.calls import Call
from talktime.core.funds import Cashier, Cause
from talktime.core.ids import org_number
from talktime.core.knowledge import Knowledge
from talktime.core.organizations import Account
from talktime.core.pool_book import PoolBook, PoolMonth
from talktime.core.pool_minutes import PoolMinutes
from talktime.core.posting import Known
from talktime.rating.known import told_apart
from talktime.rating.number_classes import NumberClasses
from talktime.rating.office import Office, names_of
from talktime.rating.outcomes import Posted, conflicting, known_before, not_booked, of_no_organization, outcomes_of
from talktime.rating.parts import Frame, UsageRows, joined, refused, usage_of
from talktime.rating.price_book import PriceBook, Version
from talktime.rating.settling import PoolMonth as Month
from talktime.rating.settling import pool_months, settle
from talktime.storage import job_store, knowledge_store, ledger_store, org_store, posted, price_store
from talktime.storage.database import Database, ReadTx, Tx
from talktime.storage.errors import Conflict
from talktime.storage.job_store import JobRow

POST = "post"


class RulesChanged(Exception):
    """While they were made ready. Nothing was written."""


@dataclass
class Posting:
    """One file, for one organization."""

    database: Database
    org_id: int
    digest: str
    """Of the file: portions of it are known by it."""
    versions: Sequence[Version] | None
    """A price list of a file; None: those of the organization."""
    actor: Actor
    portions: int = 0
    done: int = 0
    booked: int = 0
    _looks: bool = False
    """Whether some of it was booked before."""
    _office: Office | None = None

    def post(self, calls: Frame) -> Posted:
        """All of them or, if it fails, none; whatever was booked before is known again."""
        told = self._written(calls)
        self.portions += 1
        self.done += calls.height
        self.booked += told.outcomes.filter(outcome="booked").height
        return told

    def _written(self, calls: Frame) -> Posted:
        """A file that was never seen is booked without looking for its usage rows: they are unique by their calls."""
        try:
            return self._by_rules_of_now(calls)
        except Conflict:
            if self._looks:
                raise
            self._looks = True
            return self._by_rules_of_now(calls)

    def _by_rules_of_now(self, calls: Frame) -> Posted:
        """Prices are made ready before the transaction: the calls in progress of the organization wait for it."""
        while True:
            office = self._office = self._office or self._made_office()
            try:
                return self.database.write(self.org_id, self._post, office, calls)
            except RulesChanged:
                self._office = None

    def end(self) -> None:
        self.database.write(self.org_id, self._end)

    def _post(self, tx: Tx, office: Office, calls: Frame) -> Posted:
        org = locked(tx, self.org_id)
        account, now = org_store.account(tx, self.org_id), org.now(self.actor.now)
        if _rules(account) != office.account:
            raise RulesChanged
        apart = told_apart(calls, self._known(tx, calls["call_id"].to_list()))
        decided = office.decided(apart.new, posted.users(tx, self.org_id, names_of(apart.new))).sort("at")
        pools = self._pools(tx, office, pool_months(decided))
        cashier = Cashier(self.org_id, account, now)

        settled = settle(decided, office.book, pools, cashier.available(self.actor.by))
        key = f"file:{self.digest}:{account.last_entry_no + 1}"
        cashier.charge(settled.charged, settled.shortfall, Cause(key, self.actor.by, f"file {self.digest}"))

        ledger_store.record(tx, self.org_id, cashier.movement())
        usage = usage_of(settled.calls, self.org_id, account.currency, key)
        posted.add_usage(tx, self.org_id, UsageRows(usage))
        self._add_refused(tx, refused(settled.calls, self.org_id, office.book))
        moved = [book.moved((self.org_id, *month), now) for month, book in sorted(pools.items())]
        posted.move_pools(tx, self.org_id, [one for one in moved if one])
        job_store.tell(tx, self._job(self.done + calls.height))
        return Posted(
            joined([outcomes_of(settled.calls), known_before(apart.before)]),
            joined([not_booked(settled.calls), conflicting(apart.others)]),
        )

    def _known(self, tx: ReadTx, call_ids: Sequence[str]) -> dict[str, Known]:
        """A call tells more of itself than its usage rows do."""
        reported = posted.known_usage(tx, self.org_id, call_ids) if self._looks else {}
        return reported | posted.known_calls(tx, self.org_id, call_ids)

    def _add_refused(self, tx: Tx, calls: Sequence[Call]) -> None:
        """One that was paid before has a usage row, which no row of a call stands in the way of."""
        if not self._looks and posted.known_usage(tx, self.org_id, [call.call_id for call in calls]):
            raise Conflict("some of it was booked before")
        posted.add_calls(tx, calls)

    def _made_office(self) -> Office:
        rules, knowledge, versions, toll_free = self.database.read(self.org_id, self._read)
        book = PriceBook(versions, rules.time_zone)
        return Office(rules, knowledge, NumberClasses(knowledge.numbers), book, toll_free)

    def _read(self, tx: ReadTx) -> tuple[Account, Knowledge, Sequence[Version], Sequence[str]]:
        rules = _rules(org_store.account(tx, self.org_id))
        versions = versions_of(tx, rules) if self.versions is None else self.versions
        return rules, knowledge_store.load(tx), versions, posted.toll_free(tx, self.org_id)

    def _pools(self, tx: ReadTx, office: Office, wanted: Sequence[Month]) -> dict[Month, PoolBook]:
        by_month: dict[str, list[str]] = defaultdict(list)
        for pool_id, month in wanted:
            by_month[month].append(pool_id)
        read: dict[Month, PoolMonth] = {}
        for month, pool_ids in by_month.items():
            there = posted.pools(tx, self.org_id, pool_ids, month)
            read |= {(pool_id, month): one for (_, pool_id, month), one in there.items()}
        # A pool that nobody sized has no minutes.
        nothing = PoolMonth(PoolMinutes(0), PoolMinutes(0))
        return {one: PoolBook(read.get(one, nothing), office.caps_of(one[0])) for one in wanted}

    def _job(self, done: int, ended_at: int | None = None) -> JobRow:
        return JobRow(
            org_id=self.org_id,
            job_id=f"post_{self.digest}",
            kind=POST,
            state=job_store.RUNNING if ended_at is None else job_store.DONE,
            asked=f'{{"file":"{self.digest}"}}',
            asked_by=self.actor.by,
            done=done,
            total=None,
            filename=None,
            error=None,
            created_at=self.actor.now,
            claimed_until=None,
            ended_at=ended_at,
        )

    def _end(self, tx: Tx) -> None:
        locked(tx, self.org_id)
        job_store.tell(tx, self._job(self.done, self.actor.now))
        if self.booked:
            new = {"file": self.digest, "calls": self.booked}
            note(tx, self.org_id, self.actor, "calls.posted", f"post_{self.digest}", None, new)


def _rules(account: Account) -> Account:
    """Without its money."""
    return replace(account, lots=[], posted=0, held=0, debt=0, last_entry_no=0, clock_at=None)


def versions_of(tx: ReadTx, rules: Account) -> list[Version]:
    """Of its own price list, or else of the operator's for its currency."""
    list_id = rules.price_list or price_store.default_of(tx, rules.currency)
    if list_id is None:
        return []
    return [
        Version(one.published_at, price_store.rows_of(tx, list_id, one.version), one.charge_decimals)
        for one in price_store.versions(tx, [list_id])
        if one.published_at is not None
    ]


@dataclass
class Postings:
    """One file, for all organizations that it names."""

    database: Database
    org: str | None
    """Whose calls they are where the file does not say it."""
    digest: str
    versions: Sequence[Version] | None
    actor: Actor
    _postings: dict[str, Posting | None] = field(default_factory=dict)

    def post(self, organization: str | None, calls: Frame) -> Posted:
        posting = self._of(organization or self.org or "")
        return posting.post(calls) if posting else of_no_organization(calls)

    def end(self) -> None:
        for posting in self._postings.values():
            if posting:
                posting.end()

    def _of(self, name: str) -> Posting | None:
        if name not in self._postings:
            self._postings[name] = self._begun(name)
        return self._postings[name]

    def _begun(self, name: str) -> Posting | None:
        org_id = org_number(name)
        try:
            if org_id is None:
                return None
            self.database.read(org_id, found, org_id)
        except NotFound:
            return None
        return Posting(self.database, org_id, self.digest, self.versions, self.actor)
