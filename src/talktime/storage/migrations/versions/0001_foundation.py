"""The foundation: organizations and their books, calls, people, prices."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

from talktime.storage.walls import append_only, wall_in

revision = "0001"
down_revision = None

WORD = sa.Text().with_variant(TEXT(collation="C"), "postgresql")
ORGANIZATION_TABLES = (
    "accounts",
    "adjustments",
    "api_keys",
    "audit",
    "calls",
    "entries",
    "idempotency",
    "licences",
    "lots",
    "organizations",
    "reversals",
    "seals",
    "switches",
    "user_names",
    "users",
)
APPEND_ONLY = ("entries", "audit", "seals")


def upgrade() -> None:
    make_tables()
    control = sa.table("control", sa.column("name"), sa.column("value"))
    op.bulk_insert(control, [{"name": name, "value": 0} for name in ("prices", "keys", "next_org")])
    # The operator has no money; his account numbers the lines of his own audit log.
    op.bulk_insert(sa.table("accounts", sa.column("org_id")), [{"org_id": 0}])
    for table in ORGANIZATION_TABLES:
        wall_in(op.get_bind(), table)
    for table in APPEND_ONLY:
        append_only(op.get_bind(), table)


def make_tables() -> None:
    op.create_table(
        "accounts",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("posted_micros", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("held_micros", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("debt_micros", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_entry_no", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_audit_no", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("credits_set_up", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.CheckConstraint("debt_micros >= 0", name="accounts_debt"),
        sa.CheckConstraint("held_micros >= 0", name="accounts_held"),
        sa.CheckConstraint("posted_micros + debt_micros >= held_micros", name="accounts_covered"),
        sa.PrimaryKeyConstraint("org_id"),
        info={"kind": "organization"},
        postgresql_with={"fillfactor": "50"},
        sqlite_with_rowid=False,
    )
    op.create_table(
        "adjustments",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("adjustment_id", WORD, autoincrement=False, nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("reason", WORD, nullable=False),
        sa.Column("status", WORD, nullable=False),
        sa.Column("asked_by", WORD, nullable=False),
        sa.Column("confirmed_by", WORD, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "adjustment_id"),
        info={"kind": "organization"},
    )
    op.create_table(
        "api_keys",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key_id", WORD, autoincrement=False, nullable=False),
        sa.Column("digest", WORD, nullable=False),
        sa.Column("scopes", WORD, nullable=False),
        sa.Column("addresses", WORD, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", WORD, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "key_id"),
        info={"kind": "organization"},
    )
    op.create_table(
        "audit",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("audit_id", WORD, autoincrement=False, nullable=False),
        sa.Column("audit_no", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", WORD, nullable=False),
        sa.Column("action", WORD, nullable=False),
        sa.Column("object", WORD, nullable=False),
        sa.Column("old", WORD, nullable=True),
        sa.Column("new", WORD, nullable=True),
        sa.PrimaryKeyConstraint("org_id", "audit_id"),
        info={"kind": "organization"},
    )
    op.create_table(
        "calls",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("call_id", WORD, autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("held_micros", sa.BigInteger(), nullable=False),
        sa.Column("charge_micros", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("switch", WORD, nullable=True),
        sa.Column("story", WORD, nullable=False),
        sa.CheckConstraint("held_micros >= 0", name="calls_held"),
        sa.PrimaryKeyConstraint("org_id", "call_id"),
        info={"kind": "organization"},
        postgresql_with={"fillfactor": "70", "autovacuum_analyze_scale_factor": "0.02"},
    )
    op.create_index("calls_by_time", "calls", ["org_id", "opened_at"], unique=False)
    op.create_index(
        "calls_open",
        "calls",
        ["org_id", "due_at", "switch"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
        sqlite_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "control",
        sa.Column("name", WORD, autoincrement=False, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        info={"kind": "local"},
    )
    op.create_table(
        "entries",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", WORD, autoincrement=False, nullable=False),
        sa.Column("entry_no", sa.BigInteger(), nullable=False),
        sa.Column("entry_key", WORD, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("postings", WORD, nullable=False),
        sa.Column("by", WORD, nullable=False),
        sa.Column("note", WORD, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "entry_id"),
        info={"kind": "organization"},
        postgresql_with={"autovacuum_analyze_scale_factor": "0.02"},
        sqlite_with_rowid=False,
    )
    op.create_index("entries_once", "entries", ["org_id", "entry_key"], unique=True)
    op.create_table(
        "idempotency",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("route", WORD, autoincrement=False, nullable=False),
        sa.Column("request_key", WORD, autoincrement=False, nullable=False),
        sa.Column("body_digest", WORD, nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("answer", WORD, nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("org_id", "route", "request_key"),
        info={"kind": "organization"},
    )
    op.create_table(
        "licences",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", WORD, autoincrement=False, nullable=False),
        sa.Column("purchased", sa.BigInteger(), nullable=True),
        sa.Column("assigned", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("assigned >= 0", name="licences_assigned"),
        sa.PrimaryKeyConstraint("org_id", "code"),
        info={"kind": "organization"},
    )
    op.create_table(
        "lots",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lot_id", WORD, autoincrement=False, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("posted_micros", sa.BigInteger(), nullable=False),
        sa.Column("held_micros", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("purchased_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("priority", sa.BigInteger(), nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.CheckConstraint("held_micros >= 0 AND held_micros <= posted_micros", name="lots_held"),
        sa.PrimaryKeyConstraint("org_id", "lot_id"),
        info={"kind": "organization"},
        postgresql_with={"fillfactor": "50"},
        sqlite_with_rowid=False,
    )
    op.create_index(
        "lots_open",
        "lots",
        ["org_id", "expires_at"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
        sqlite_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "organizations",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", WORD, nullable=False),
        sa.Column("country", WORD, nullable=False),
        sa.Column("currency", WORD, nullable=False),
        sa.Column("time_zone", WORD, nullable=False),
        sa.Column("language", WORD, nullable=False),
        sa.Column("mode", WORD, nullable=False),
        sa.Column("billing_account", WORD, nullable=False),
        sa.Column("policy", WORD, nullable=False),
        sa.Column("price_list", WORD, nullable=True),
        sa.Column("slice_seconds", sa.BigInteger(), nullable=False),
        sa.Column("max_call_seconds", sa.BigInteger(), nullable=False),
        sa.Column("grace_seconds", sa.BigInteger(), nullable=False),
        sa.Column("limits", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("clock_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("org_id"),
        info={"kind": "organization"},
    )
    op.create_table(
        "price_lists",
        sa.Column("list_id", WORD, autoincrement=False, nullable=False),
        sa.Column("name", WORD, nullable=False),
        sa.Column("currency", WORD, nullable=False),
        sa.Column("charge_decimals", sa.BigInteger(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("list_id"),
        info={"kind": "reference"},
    )
    op.create_index(
        "price_lists_default",
        "price_lists",
        ["currency"],
        unique=True,
        postgresql_where=sa.text("is_default"),
        sqlite_where=sa.text("is_default"),
    )
    op.create_table(
        "price_versions",
        sa.Column("list_id", WORD, autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("charge_decimals", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=True),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("list_id", "version"),
        info={"kind": "reference"},
    )
    op.create_table(
        "reversals",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("call_id", WORD, autoincrement=False, nullable=False),
        sa.Column("reversal_id", WORD, autoincrement=False, nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("reason", WORD, nullable=False),
        sa.Column("asked_by", WORD, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "call_id", "reversal_id"),
        info={"kind": "organization"},
    )
    op.create_table(
        "seals",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("chain", WORD, autoincrement=False, nullable=False),
        sa.Column("through_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", WORD, nullable=False),
        sa.Column("sealed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "chain", "through_no"),
        info={"kind": "organization"},
    )
    op.create_table(
        "switches",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", WORD, autoincrement=False, nullable=False),
        sa.Column("switch_id", WORD, nullable=False),
        sa.Column("cut_url", WORD, nullable=True),
        sa.Column("cut_token", sa.LargeBinary(), nullable=True),
        sa.Column("boot_id", WORD, nullable=True),
        sa.Column("heard_at", sa.BigInteger(), nullable=True),
        sa.Column("missing", WORD, server_default="{}", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "name"),
        info={"kind": "organization"},
    )
    op.create_table(
        "user_names",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", WORD, autoincrement=False, nullable=False),
        sa.Column("user_id", WORD, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "name"),
        info={"kind": "organization"},
    )
    op.create_table(
        "users",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", WORD, autoincrement=False, nullable=False),
        sa.Column("name", WORD, nullable=False),
        sa.Column("sign_in_name", WORD, nullable=False),
        sa.Column("usage_location", WORD, nullable=False),
        sa.Column("number", WORD, nullable=True),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("language", WORD, nullable=False),
        sa.Column("licences", WORD, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "user_id"),
        info={"kind": "organization"},
    )
