"""Every table, in one place. Amounts end in `_micros`, instants in `_at` (microseconds since 1970).

Three kinds: *organization* tables begin every key with `org_id` and can be spread over machines by it; *reference*
tables belong to the operator and change rarely; *local* ones stay where the schema is.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, LargeBinary, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import TEXT

metadata = MetaData()

# Sorted by bytes on both databases, so that a cursor means the same on each.
Word = Text().with_variant(TEXT(collation="C"), "postgresql")
OPERATOR = 0
"""The operator's own rows stand under a number that no organization has."""


def _table(name: str, kind: str, *columns: Any, **options: Any) -> Table:
    return Table(name, metadata, *columns, info={"kind": kind}, **options)


def _organization_table(name: str, *columns: Any, **options: Any) -> Table:
    org_id = Column("org_id", BigInteger, primary_key=True, autoincrement=False)
    return _table(name, "organization", org_id, *columns, **options)


def _key(name: str, kind: Any = Word) -> Column[Any]:
    return Column(name, kind, primary_key=True, autoincrement=False)


def _has(name: str, kind: Any = Word, **options: Any) -> Column[Any]:
    return Column(name, kind, nullable=False, **options)


def _number(name: str) -> Column[Any]:
    return _has(name, BigInteger, server_default="0")


# Room on each page, so that an update stays on it and touches no index.
ROOMY: dict[str, Any] = {"postgresql_with": {"fillfactor": "50"}, "sqlite_with_rowid": False}
# Growing tables are analysed early: a plan made while they were empty halves the speed for as long as it lives.
GROWING: dict[str, Any] = {"postgresql_with": {"autovacuum_analyze_scale_factor": "0.02"}, "sqlite_with_rowid": False}

organizations = _organization_table(
    "organizations",
    _has("name"),
    _has("country"),
    _has("currency"),
    _has("time_zone"),
    _has("language"),
    _has("mode"),
    _has("billing_account"),
    _has("policy"),
    Column("price_list", Word),
    _has("slice_seconds", BigInteger),
    _has("max_call_seconds", BigInteger),
    _has("grace_seconds", BigInteger),
    _has("limits", Word),
    _has("state"),
    _has("created_at", BigInteger),
    Column("clock_at", BigInteger),
)

# The row that every call of an organization changes: as narrow as can be, and the lock of all that is below it.
accounts = _organization_table(
    "accounts",
    _number("posted_micros"),
    _number("held_micros"),
    _number("debt_micros"),
    _number("last_entry_no"),
    _number("last_audit_no"),
    _number("last_at"),
    _has("credits_set_up", Boolean, server_default=text("false")),
    # A balance below it is somebody's business: what falls out of a threshold is looked at by whoever moved it.
    _has("wake_micros", BigInteger, server_default="1"),
    _has("has_frozen", Boolean, server_default=text("false")),
    CheckConstraint("held_micros >= 0", name="accounts_held"),
    CheckConstraint("debt_micros >= 0", name="accounts_debt"),
    CheckConstraint("posted_micros + debt_micros >= held_micros", name="accounts_covered"),
    **ROOMY,
)

lots = _organization_table(
    "lots",
    _key("lot_id"),
    _has("kind"),
    _has("amount_micros", BigInteger),
    _has("posted_micros", BigInteger),
    _number("held_micros"),
    _has("purchased_at", BigInteger),
    _has("expires_at", BigInteger),
    _has("priority", BigInteger),
    _has("state"),
    CheckConstraint("held_micros >= 0 AND held_micros <= posted_micros", name="lots_held"),
    Index(
        "lots_open",
        "org_id",
        "expires_at",
        postgresql_where=text("state = 'open'"),
        sqlite_where=text("state = 'open'"),
    ),
    **ROOMY,
)

calls = _organization_table(
    "calls",
    _key("call_id"),
    _has("version", BigInteger),
    _has("state"),
    _has("held_micros", BigInteger),
    _has("charge_micros", BigInteger),
    _has("opened_at", BigInteger),
    Column("due_at", BigInteger),
    Column("switch", Word),
    _has("story"),
    # Whose outgoing call it is, if somebody could be blocked for it; an emergency call is never cut.
    Column("caller", Word),
    _has("emergency", Boolean, server_default=text("false")),
    CheckConstraint("held_micros >= 0", name="calls_held"),
    # Only the calls in progress are in it, so it stays small however many have ended.
    Index(
        "calls_open",
        "org_id",
        "due_at",
        "switch",
        postgresql_where=text("due_at IS NOT NULL"),
        sqlite_where=text("due_at IS NOT NULL"),
    ),
    Index("calls_by_time", "org_id", "opened_at"),
    # Each extend leaves an entry behind in `calls_open`: waiting for a fifth of all calls, it grows with the table.
    postgresql_with={
        "fillfactor": "70",
        "autovacuum_analyze_scale_factor": "0.02",
        "autovacuum_vacuum_scale_factor": "0.02",
    },
)

# An entry is one row, so its postings stand or fall together; each names two books, so none is out of balance.
entries = _organization_table(
    "entries",
    _key("entry_id"),
    _has("entry_no", BigInteger),
    _has("entry_key"),
    _has("kind"),
    _has("at", BigInteger),
    _has("amount_micros", BigInteger),
    _has("balance_after", BigInteger),
    _has("postings"),
    _has("by"),
    _has("note"),
    Index("entries_once", "org_id", "entry_key", unique=True),
    # What is no call is rare among millions of charges, and read by people.
    Index(
        "entries_besides_calls",
        "org_id",
        "entry_id",
        postgresql_where=text("kind <> 'charge'"),
        sqlite_where=text("kind <> 'charge'"),
    ),
    **GROWING,
)

seals = _organization_table(
    "seals",
    _key("chain"),
    _key("through_no", BigInteger),
    _has("digest"),
    _has("sealed_at", BigInteger),
)

audit = _organization_table(
    "audit",
    _key("audit_id"),
    _has("audit_no", BigInteger),
    _has("at", BigInteger),
    _has("actor"),
    _has("action"),
    _has("object"),
    Column("old", Word),
    Column("new", Word),
)

api_keys = _organization_table(
    "api_keys",
    _key("key_id"),
    _has("digest"),
    _has("scopes"),
    _has("addresses"),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    _has("created_at", BigInteger),
    _has("created_by"),
)

idempotency = _organization_table(
    "idempotency",
    _key("route"),
    _key("request_key"),
    _has("body_digest"),
    _has("status", BigInteger),
    _has("answer"),
    _has("kept_at", BigInteger),
    Column("expires_at", BigInteger),
)

users = _organization_table(
    "users",
    _key("user_id"),
    _has("name"),
    _has("sign_in_name"),
    _has("usage_location"),
    Column("number", Word),
    _has("kind"),
    _has("language"),
    _has("licences"),
    _has("created_at", BigInteger),
    Column("policy", Word),
    Column("blocked_at", BigInteger),
    Column("block_reason", Word),
    # Who was removed is still named in reports of what was before.
    Column("removed_at", BigInteger),
    # Few are blocked, and the operator looks at them over all organizations.
    Index(
        "users_blocked",
        "org_id",
        "blocked_at",
        postgresql_where=text("blocked_at IS NOT NULL"),
        sqlite_where=text("blocked_at IS NOT NULL"),
    ),
)

# A user is known by id, sign-in name and number: one probe finds whoever is meant.
user_names = _organization_table("user_names", _key("name"), _has("user_id"))

# `purchased` is missing where there is no end of them.
licences = _organization_table(
    "licences",
    _key("code"),
    Column("purchased", BigInteger),
    _number("assigned"),
    CheckConstraint("assigned >= 0", name="licences_assigned"),
)

user_blocks = _organization_table(
    "user_blocks",
    _key("block_id"),
    _has("at", BigInteger),
    _has("user_id"),
    _has("mode"),
    _has("reason"),
    _has("by"),
)

service_numbers = _organization_table(
    "service_numbers",
    _key("number"),
    _has("number_id"),
    _has("type"),
    _has("serves"),
    _has("created_at", BigInteger),
)

# How large a pool is by the licences of now; `high`: the most it was in `month`, since minutes are never taken back.
# A pool has one or two kinds of minutes: first conference or domestic ones, second international ones.
pools = _organization_table(
    "pools",
    _key("pool_id"),
    _has("capability"),
    Column("country", Word),
    Column("user_id", Word),
    _number("first_total"),
    _number("second_total"),
    _number("first_high"),
    _number("second_high"),
    _has("month"),
)

# What was used and is held of it, a row for each month.
pool_months = _organization_table(
    "pool_months",
    _key("pool_id"),
    _key("month"),
    _number("first_used"),
    _number("first_held"),
    _number("second_used"),
    _number("second_held"),
    CheckConstraint("first_used >= 0 AND first_held >= 0", name="pool_months_first"),
    CheckConstraint("second_used >= 0 AND second_held >= 0", name="pool_months_second"),
    **ROOMY,
)

# What the fraud guard counts of a user: calls, money and destinations. There while a limit is set.
tallies = _organization_table(
    "tallies",
    _key("user_id"),
    _has("version", BigInteger),
    _has("story"),
    **ROOMY,
)

# What one payer paid of a call. Its id begins with the start of the call, so that the key is also the order in time.
usage = _organization_table(
    "usage",
    _key("usage_id"),
    _has("call_id"),
    _has("part", BigInteger),
    _has("call_type"),
    Column("user_id", Word),
    _has("user_location"),
    _has("caller"),
    _has("number"),
    _has("number_type"),
    _has("context"),
    _has("destination"),
    _has("conference_id"),
    _has("started_at", BigInteger),
    _has("seconds", BigInteger),
    _has("minutes", BigInteger),
    _has("fee_micros", BigInteger),
    _has("charge_micros", BigInteger),
    _has("charge_decimals", BigInteger),
    _has("currency"),
    _has("capability"),
    _has("payer"),
    _has("entry_key"),
    Index("usage_once", "org_id", "call_id", "part", unique=True),
    **GROWING,
)

# What somebody is to be told, written with its cause; of one cause once.
notices = _organization_table(
    "notices",
    _key("notice_id"),
    _has("once"),
    _has("event"),
    _has("at", BigInteger),
    _has("details"),
    # When it was decided who hears of it; until then somebody has to.
    Column("told_at", BigInteger),
    Index("notices_once", "org_id", "once", unique=True),
    Index(
        "notices_untold",
        "org_id",
        postgresql_where=text("told_at IS NULL"),
        sqlite_where=text("told_at IS NULL"),
    ),
)

# Long work that somebody asked for. Claimed by a conditional update; a claim that ended may be taken over.
jobs = _organization_table(
    "jobs",
    _key("job_id"),
    _has("kind"),
    _has("state"),
    _has("asked"),
    _has("asked_by"),
    _number("done"),
    Column("total", BigInteger),
    Column("filename", Word),
    Column("error", Word),
    _has("created_at", BigInteger),
    Column("claimed_until", BigInteger),
    Column("ended_at", BigInteger),
    # Of work that comes again and again: when next, and how often in a row it has failed.
    Column("due_at", BigInteger),
    _number("tries"),
)

adjustments = _organization_table(
    "adjustments",
    _key("adjustment_id"),
    _has("amount_micros", BigInteger),
    _has("reason"),
    _has("status"),
    _has("asked_by"),
    Column("confirmed_by", Word),
    _has("created_at", BigInteger),
)

reversals = _organization_table(
    "reversals",
    _key("call_id"),
    _key("reversal_id"),
    _has("amount_micros", BigInteger),
    _has("reason"),
    _has("asked_by"),
    _has("created_at", BigInteger),
)

# How a card is charged: never its number. `reference`: the provider's own names for it, as JSON.
payment_methods = _organization_table(
    "payment_methods",
    _key("method_id"),
    _has("provider"),
    _has("state"),
    _has("brand"),
    _has("last4"),
    Column("expires", Word),
    _has("reference"),
    _has("is_default", Boolean, server_default=text("false")),
    _has("created_at", BigInteger),
    Index(
        "payment_methods_default",
        "org_id",
        unique=True,
        postgresql_where=text("is_default"),
        sqlite_where=text("is_default"),
    ),
)

# A payment is written before a provider is asked, and ends once. `leg`: 1 asks the method, 2 the backup.
# At most one recharge in flight is the database's business.
payments = _organization_table(
    "payments",
    _key("payment_id"),
    _has("kind"),
    _has("state"),
    _has("amount_micros", BigInteger),
    _has("currency"),
    _has("provider"),
    Column("method_id", Word),
    Column("backup_method_id", Word),
    _has("leg", BigInteger, server_default="1"),
    Column("agreement", Word),
    Column("po_number", Word),
    Column("reference", Word),
    Column("failure_code", Word),
    Column("first_failure", Word),
    Column("redirect_url", Word),
    Column("link_digest", Word),
    _number("refunded_micros"),
    Column("dispute", Word),
    _has("asked_by"),
    _has("created_at", BigInteger),
    Column("settled_at", BigInteger),
    Column("ended_at", BigInteger),
    # Of an invoice: when the operator had the money.
    Column("confirmed_at", BigInteger),
    Column("due_at", BigInteger),
    Column("claimed_until", BigInteger),
    _number("tries"),
    Index(
        "payments_awaited",
        "org_id",
        "payment_id",
        postgresql_where=text("state = 'awaiting_confirmation'"),
        sqlite_where=text("state = 'awaiting_confirmation'"),
    ),
    Index(
        "payments_due",
        "org_id",
        "due_at",
        postgresql_where=text("due_at IS NOT NULL"),
        sqlite_where=text("due_at IS NOT NULL"),
    ),
    Index(
        "payments_recharging",
        "org_id",
        unique=True,
        postgresql_where=text("kind = 'recharge' AND state IN ('pending', 'requires_action')"),
        sqlite_where=text("kind = 'recharge' AND state IN ('pending', 'requires_action')"),
    ),
    Index(
        "payments_recharged",
        "org_id",
        "settled_at",
        postgresql_where=text("kind = 'recharge' AND state = 'succeeded'"),
        sqlite_where=text("kind = 'recharge' AND state = 'succeeded'"),
    ),
)

# Auto-recharge: what was set, and where it stands. `look_at`: when somebody must look whether it is time.
recharges = _organization_table(
    "recharges",
    _has("enabled", Boolean),
    Column("amount_micros", BigInteger),
    Column("trigger_micros", BigInteger),
    Column("method_id", Word),
    Column("backup_method_id", Word),
    Column("monthly_limit_micros", BigInteger),
    Column("consent", Word),
    _has("state"),
    Column("state_detail", Word),
    _number("declines"),
    Column("next_attempt_at", BigInteger),
    Column("look_at", BigInteger),
    Index(
        "recharges_due",
        "org_id",
        "look_at",
        postgresql_where=text("look_at IS NOT NULL"),
        sqlite_where=text("look_at IS NOT NULL"),
    ),
)

refunds = _organization_table(
    "refunds",
    _key("refund_id"),
    _has("payment_id"),
    _has("state"),
    _has("amount_micros", BigInteger),
    Column("reference", Word),
    Column("failure_code", Word),
    _has("asked_by"),
    _has("created_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("due_at", BigInteger),
    Column("claimed_until", BigInteger),
    _number("tries"),
    Index(
        "refunds_due",
        "org_id",
        "due_at",
        postgresql_where=text("due_at IS NOT NULL"),
        sqlite_where=text("due_at IS NOT NULL"),
    ),
)

# What providers have told, once for each event, as it came.
inbox = _organization_table(
    "inbox",
    _key("event_id"),
    _has("provider"),
    _has("body"),
    _has("received_at", BigInteger),
)

# What became of it: an event is done only with its effect.
inbox_work = _organization_table(
    "inbox_work",
    _key("event_id"),
    _has("state"),
    Column("error", Word),
    Column("done_at", BigInteger),
    Column("due_at", BigInteger),
    _number("tries"),
    Index(
        "inbox_work_due",
        "org_id",
        "due_at",
        postgresql_where=text("due_at IS NOT NULL"),
        sqlite_where=text("due_at IS NOT NULL"),
    ),
)

# Where what a provider says and what is written here differ: a person looks at it.
reconciliation = _organization_table(
    "reconciliation",
    _key("item_id"),
    _has("once"),
    Column("top_up", Word),
    _has("reason"),
    _has("details"),
    _has("at", BigInteger),
    Column("closed_at", BigInteger),
    Index("reconciliation_once", "org_id", "once", unique=True),
)

agreements = _organization_table(
    "agreements",
    _key("agreement_id"),
    _has("number"),
    _has("created_at", BigInteger),
    Index("agreements_once", "org_id", "number", unique=True),
)

# Numbered without gaps; what stands on it was frozen when it was made.
receipts = _organization_table(
    "receipts",
    _key("receipt_id"),
    _has("number", BigInteger),
    _has("kind"),
    _has("payment_id"),
    _has("amount_micros", BigInteger),
    _has("currency"),
    _has("at", BigInteger),
    _has("document"),
    Index("receipts_number", "org_id", "number", unique=True),
    Index("receipts_of", "org_id", "payment_id"),
)

# How an organization stands on its receipts, and the last number that one was given.
billing_details = _organization_table(
    "billing_details",
    _has("details", server_default="{}"),
    _number("last_receipt_no"),
)

alerts = _organization_table("alerts", _has("settings"))

# People who sign in.
members = _organization_table(
    "members",
    _key("member_id"),
    _has("name"),
    _has("email"),
    _has("roles"),
    _has("language"),
    _has("state"),
    _has("created_at", BigInteger),
    Column("removed_at", BigInteger),
    # Sessions that began before are over.
    Column("sessions_since", BigInteger),
)

# How a member proves who it is; a secret of codes is sealed by the vault. `totp_step`: a code is good once.
credentials = _organization_table(
    "credentials",
    _key("member_id"),
    Column("password", Word),
    Column("password_at", BigInteger),
    Column("totp_secret", LargeBinary),
    Column("totp_at", BigInteger),
    _number("totp_step"),
    _has("recovery", server_default="[]"),
    Column("sso_subject", Word),
)

# Of the secret in the cookie only the digest is here.
sessions = _organization_table(
    "sessions",
    _key("session_id"),
    _has("digest"),
    _has("member_id"),
    _has("created_at", BigInteger),
    _has("seen_at", BigInteger),
    # When this person last proved who it is.
    _has("fresh_at", BigInteger),
    _has("ends_at", BigInteger),
    Column("ended_at", BigInteger),
    _has("address"),
    _has("agent"),
    # The organization that an operator looks into.
    Column("acting_for", BigInteger),
    _has("two_factors", Boolean, server_default=text("false")),
    Index("sessions_of", "org_id", "member_id"),
)

# What a link or a form may be used for, once.
tickets = _organization_table(
    "tickets",
    _key("ticket_id"),
    _has("digest"),
    _has("kind"),
    _has("member_id"),
    _has("created_at", BigInteger),
    _has("ends_at", BigInteger),
    Column("used_at", BigInteger),
    Index("tickets_of", "org_id", "member_id"),
)

sign_in_rules = _organization_table(
    "sign_in_rules",
    _has("settings", server_default="{}"),
    Column("sso_secret", LargeBinary),
)

# Calls that somebody asked in the portal to be hung up.
hang_ups = _organization_table(
    "hang_ups",
    _key("call_id"),
    _has("asked_at", BigInteger),
    _has("asked_by"),
)

webhooks = _organization_table(
    "webhooks",
    _key("webhook_id"),
    _has("url"),
    _has("events"),
    _has("secret", LargeBinary),
    Column("old_secret", LargeBinary),
    Column("old_until", BigInteger),
    _has("created_at", BigInteger),
)

# A mail or a webhook on its way. One for each notice, channel and target.
deliveries = _organization_table(
    "deliveries",
    _key("delivery_id"),
    _has("notice_id"),
    _has("channel"),
    _has("target"),
    _has("event"),
    _has("recipients"),
    _has("language"),
    _has("body"),
    _has("state"),
    Column("status", BigInteger),
    Column("error", Word),
    _has("created_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("due_at", BigInteger),
    _number("tries"),
    Index("deliveries_once", "org_id", "notice_id", "channel", "target", "language", unique=True),
    Index(
        "deliveries_due",
        "org_id",
        "due_at",
        postgresql_where=text("due_at IS NOT NULL"),
        sqlite_where=text("due_at IS NOT NULL"),
    ),
)

# The notebook of the payment simulator: charges, attempts, events. It stands for somebody else's server.
simulator = _organization_table(
    "simulator",
    _key("record_id"),
    _has("kind"),
    _has("name"),
    _has("state"),
    _has("body"),
    _has("at", BigInteger),
    Index("simulator_once", "org_id", "kind", "name", unique=True),
)

switches = _organization_table(
    "switches",
    _key("name"),
    _has("switch_id"),
    Column("cut_url", Word),
    Column("cut_token", LargeBinary),
    Column("boot_id", Word),
    Column("heard_at", BigInteger),
    _has("missing", server_default="{}"),
    _has("created_at", BigInteger),
)

price_lists = _table(
    "price_lists",
    "reference",
    _key("list_id"),
    _has("name"),
    _has("currency"),
    _has("charge_decimals", BigInteger),
    _has("is_default", Boolean),
    _has("created_at", BigInteger),
    Index(
        "price_lists_default",
        "currency",
        unique=True,
        postgresql_where=text("is_default"),
        sqlite_where=text("is_default"),
    ),
)

# The rows of a version are one packed document: it never changes, and is read and replaced as a whole.
price_versions = _table(
    "price_versions",
    "reference",
    _key("list_id"),
    _key("version", BigInteger),
    _has("charge_decimals", BigInteger),
    Column("published_at", BigInteger),
    _has("row_count", BigInteger),
    _has("rows", LargeBinary),
    _has("created_at", BigInteger),
)

# Licences of the operator's own, over those that are shipped: a line each as it was written.
licence_catalogue = _table(
    "licence_catalogue",
    "reference",
    _key("code"),
    _has("cells"),
    _has("created_at", BigInteger),
)

# What the operator knows better about numbers, over what is shipped: a line each as it was written.
number_rows = _table(
    "number_rows",
    "reference",
    _key("prefix"),
    _key("digits", BigInteger),
    _has("cells"),
    _has("created_at", BigInteger),
)

# Where somebody who gives an address may belong: nobody else knows an organization before signing in.
sign_ins = _table(
    "sign_ins",
    "reference",
    _key("email"),
    _key("organization", BigInteger),
    _has("member_id"),
)

# Failures to sign in, which all server processes count together.
attempts = _table(
    "attempts",
    "local",
    _key("name"),
    _number("failures"),
    _has("since_at", BigInteger),
)

# Counters of the installation: revisions that tell every process when to read price lists and keys again.
control = _table("control", "local", _key("name"), _has("value", BigInteger))
APPEND_ONLY = frozenset({entries, audit, seals, user_blocks, inbox, receipts})
"""What is written there stays as it is: the database refuses anything else."""


def of_kind(kind: str) -> list[Table]:
    return [table for table in metadata.sorted_tables if table.info["kind"] == kind]
