"""Wires the parts, once."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread

from talktime.actions import notices, test_clocks
from talktime.actions.backups import last_good
from talktime.actions.deliveries import deliver_due
from talktime.actions.falling_due import MoneyDue
from talktime.actions.inbox import Inbox
from talktime.actions.keys import KeyRing
from talktime.actions.links import PAY_LINK, Links
from talktime.actions.reconciler import Reconciler
from talktime.actions.switches import hang_up_all
from talktime.actions.tender import Terms
from talktime.actions.till import Till
from talktime.actions.upkeep import last_verification
from talktime.charging import due
from talktime.charging.batcher import Batcher
from talktime.charging.engine import Engine, Shelf
from talktime.charging.last_known import LastKnown
from talktime.clock import SteadyClock
from talktime.core.currencies import bounds_from
from talktime.core.ids import org_name, timed_id, uuid7
from talktime.core.knowledge import Knowledge
from talktime.core.prices import Prices
from talktime.core.receipts import seller_of
from talktime.core.scopes import OPERATOR_ORG
from talktime.core.switches import SILENT_AFTER
from talktime.core.time import DAY, SECOND
from talktime.identity.asking import Asker
from talktime.identity.identity import Identity
from talktime.lately import Lately
from talktime.notifications.mail import Mailer
from talktime.notifications.outbox import Outbox
from talktime.notifications.post import Post
from talktime.notifications.smtp import Smtp, server_of
from talktime.observability import Meters
from talktime.payments.provider import Provider
from talktime.payments.simulator import Simulator
from talktime.settings import Settings, SettingsError
from talktime.storage import (
    call_store,
    delivery_store,
    knowledge_store,
    org_store,
    payment_store,
    price_store,
    schema,
    switch_store,
)
from talktime.storage.database import EVERYBODY, Database, PostgresDatabase, SqliteDatabase
from talktime.storage.postgres_store import PostgresStore
from talktime.storage.shards import shards_of
from talktime.storage.simulator_store import StoredNotebook
from talktime.storage.sqlite_store import SqliteStore
from talktime.storage.store import Store
from talktime.storage.vault import Vault, keys_from, keys_in
from talktime.tracing.untraced import Untraced


@dataclass(frozen=True, slots=True)
class App:
    """Everything that has an outside: made once at start, replaced in tests."""

    settings: Settings
    database: Database
    store: Store
    prices: Shelf[Prices]
    knowledge: Shelf[Knowledge]
    keys: KeyRing
    last_known: LastKnown
    engine: Engine
    batcher: Batcher
    vault: Vault
    post: Post
    identity: Identity
    meters: Meters
    lately: Lately
    tracing: Untraced
    till: Till
    inbox: Inbox
    money: MoneyDue
    reconciler: Reconciler
    simulator: Simulator
    terms: Terms
    links: Links
    cut_off: Callable[..., None]
    """Tells the switches of a closed organization, of its blocked user or of one call, without waiting for them."""
    now: Callable[[], int]

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_{uuid7(self.now(), secrets.randbits(74))}"

    def new_timed_id(self, prefix: str, at: int) -> str:
        """Sorts by `at`, an organization's clock, and where that stands by ours."""
        return f"{prefix}_{timed_id(at, self.now(), secrets.token_hex(8))}"

    def tell(self) -> int:
        """Decide who hears of what has happened."""
        return notices.tell_all(self.database, self.now)

    def deliver(self, channel: str, stop: Callable[[], bool]) -> int:
        """Send what is due."""
        return deliver_due(self.database, self.vault, self.post, self.now, (channel,), stop)

    def sweep(self) -> int:
        """Work off what is due by our clock."""
        return due.sweep(self.database, self.engine.run, self.now(), self.store.shard_of)

    def watch(self) -> Sequence[str]:
        """Look at what nobody reports; the names of switches that have fallen silent."""
        self.meters.open_calls.set(self.database.read(EVERYBODY, call_store.count_open))
        silent = self.database.read(EVERYBODY, switch_store.silent, self.now() - SILENT_AFTER)
        self.meters.silent_switches.set(len(silent))
        for channel, count in self.database.read(EVERYBODY, delivery_store.waiting).items():
            self.meters.deliveries_waiting.labels(channel).set(count)
        self._tell_verification()
        self._tell_backup()
        if isinstance(self.now, SteadyClock):
            self.meters.clock_seconds_away.set(self.now.seconds_away)
        return [name for _, name in silent]

    def _tell_verification(self) -> None:
        if last := self.database.read(OPERATOR_ORG, last_verification):
            self.meters.verified_at.set(last.ended_at / SECOND)
            self.meters.verify_findings.set(last.findings)

    def _tell_backup(self) -> None:
        if last := last_good(self.settings.backup_folder):
            self.meters.backed_up_at.set(last.taken_at)

    def move_clock(self, org_id: int, to: int) -> None:
        """A test organization's clock goes forward, with all that falls due until then: calls and lots first, since
        what they take is what a recharge looks at."""
        before = self.database.read(org_id, test_clocks.reads, org_id, self.now())
        calls = partial(due.next_step, self.database, self.engine.run)
        test_clocks.move(self.database, org_id, to, (calls, self.money.next_step))
        self.money.watch_spending(org_id)
        if to // DAY > before // DAY:
            taken = self.simulator.taken_of(org_name(org_id), before - DAY)
            self.reconciler.look_at(org_id, self.simulator.name, taken)
        notices.tell_everything(self.database, org_id, self.now())

    def close(self) -> None:
        self.batcher.close()
        self.store.close()
        self.database.close()
        self.tracing.close()


def open_app(settings: Settings, now: Callable[[], int] | None = None) -> App:
    """Opens the database, and makes or migrates it."""
    tracing = _open_tracing(settings)
    database, store = _open(settings)
    schema.prepare(database)
    keys, meters = KeyRing(database), Meters()
    keys.forget()
    known: price_store.Known = {}
    prices = Shelf(lambda: database.read((), price_store.published, known))
    knowledge = Shelf(lambda: database.read((), knowledge_store.load))
    # Callers come through the batcher, which asks for changed keys; what is ours needs no key.
    last_known = LastKnown(database.read(EVERYBODY, org_store.countries))
    vault = open_vault(settings)

    def cut_off(org_id: int, caller: str | None = None, call_id: str | None = None) -> None:
        told = (hang_up_all, database, vault, org_id, caller, call_id)
        internal = {"internal": settings.switches_to_internal}
        Thread(target=copy_context().run, args=told, kwargs=internal, daemon=True).start()

    for_callers = Engine(tracing.store(store), prices, keys.revision, knowledge, last_known, cut_off)
    measured = meters.measured(for_callers.run)
    batcher = tracing.batcher(measured, store.lanes, store.shard_of, settings.batch_max)
    engine = Engine(store, prices, None, knowledge)
    clock = now or SteadyClock()
    simulator = Simulator(StoredNotebook(database, clock), settings.reached_at, vault.derived("simulator"))
    providers = {simulator.name: simulator, **_providers(settings)}
    live = next((name for name in providers if name != simulator.name), None)
    seller = seller_of(settings.seller_name, settings.seller_address, settings.seller_vat_id)
    terms = Terms(live, bounds_from(settings.top_up_limits), seller)
    till = Till(database, providers, terms, settings.reached_at, clock)
    inbox = Inbox(database, till)
    if settings.on_sqlite:
        for org_id in database.read(EVERYBODY, payment_store.with_claims):
            database.write(org_id, payment_store.unclaim, org_id)
    return App(
        settings=settings,
        database=database,
        store=store,
        prices=prices,
        knowledge=knowledge,
        keys=keys,
        last_known=last_known,
        engine=engine,
        batcher=batcher,
        vault=vault,
        post=open_post(settings, tracing),
        identity=Identity(Asker(internal=settings.sso_to_internal), clock),
        meters=meters,
        lately=Lately(meters.registry, settings.figures),
        tracing=tracing,
        till=till,
        inbox=inbox,
        money=MoneyDue(database, till, inbox),
        reconciler=Reconciler(database, till),
        simulator=simulator,
        terms=terms,
        links=Links(settings.reached_at, vault.derived(PAY_LINK)),
        cut_off=cut_off,
        now=clock,
    )


def _providers(settings: Settings) -> dict[str, Provider]:
    """Of real money. The library of one that is not set up is not even loaded."""
    if not settings.stripe_api_key:
        return {}
    from talktime.payments.stripe.adapter import stripe_provider

    stripe = stripe_provider(settings.stripe_api_key, settings.stripe_webhook_secrets, settings.stripe_api_base)
    return {stripe.name: stripe}


def _open_tracing(settings: Settings) -> Untraced:
    """Who wants no traces needs no library for them."""
    if not settings.tracing_url:
        return Untraced()
    try:
        from talktime.tracing.tracing import Tracing
    except ModuleNotFoundError as error:
        raise SettingsError(
            "'tracing_url' needs libraries that are not here: pip install 'talktime[tracing]', "
            "or with --require-hashes requirements-tracing.txt of `make dist`"
        ) from error
    return Tracing(settings.tracing_url, settings.tracing_percent)


def open_vault(settings: Settings) -> Vault:
    return Vault(*(keys_from(settings.secret_key) if settings.secret_key else keys_in(settings.data)))


def open_post(settings: Settings, tracing: Untraced | None = None) -> Post:
    if settings.smtp_url:
        mailer: Mailer = Smtp(server_of(settings.smtp_url), settings.mail_from)
    else:
        mailer = Outbox(settings.outbox, settings.mail_from)
    hooks = (tracing or Untraced()).hooks(internal=settings.webhooks_to_internal)
    return Post(mailer, hooks, settings.reached_at)


def _open(settings: Settings) -> tuple[Database, Store]:
    if settings.database:
        spread = PostgresDatabase(settings.database)
        store = PostgresStore(settings.database, shard_of=shards_of(spread), prepare=settings.prepared_statements)
        return spread, store
    _private(settings.data)
    database = SqliteDatabase(settings.sqlite_path)
    return database, SqliteStore(database)


def _private(folder: Path) -> None:
    """Readable by its owner only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
