"""Money in: payments, auto-recharge, receipts, members, webhooks, what is on its way to people."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

from talktime.storage.walls import append_only, wall_in

revision = "0003"
down_revision = "0002"

WORD = sa.Text().with_variant(TEXT(collation="C"), "postgresql")
ORGANIZATION_TABLES = (
    "agreements",
    "alerts",
    "billing_details",
    "deliveries",
    "inbox",
    "inbox_work",
    "members",
    "payment_methods",
    "payments",
    "receipts",
    "recharges",
    "reconciliation",
    "refunds",
    "simulator",
    "webhooks",
)
ONLY_ADDED_TO = ("inbox", "receipts")


def upgrade() -> None:
    make_tables()
    change_tables()
    for table in ORGANIZATION_TABLES:
        wall_in(op.get_bind(), table)
    for table in ONLY_ADDED_TO:
        append_only(op.get_bind(), table)
    leave_the_past_untold()
    control = sa.table("control", sa.column("name"), sa.column("value"))
    op.bulk_insert(control, [{"name": "restored", "value": 0}])


def make_tables() -> None:
    op.create_table(
        "agreements",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agreement_id", WORD, autoincrement=False, nullable=False),
        sa.Column("number", WORD, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "agreement_id"),
        info={"kind": "organization"},
    )
    op.create_index("agreements_once", "agreements", ["org_id", "number"], unique=True)
    op.create_table(
        "alerts",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("settings", WORD, nullable=False),
        sa.PrimaryKeyConstraint("org_id"),
        info={"kind": "organization"},
    )
    op.create_table(
        "billing_details",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("details", WORD, server_default="{}", nullable=False),
        sa.Column("last_receipt_no", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("org_id"),
        info={"kind": "organization"},
    )
    op.create_table(
        "deliveries",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("delivery_id", WORD, autoincrement=False, nullable=False),
        sa.Column("notice_id", WORD, nullable=False),
        sa.Column("channel", WORD, nullable=False),
        sa.Column("target", WORD, nullable=False),
        sa.Column("event", WORD, nullable=False),
        sa.Column("recipients", WORD, nullable=False),
        sa.Column("language", WORD, nullable=False),
        sa.Column("body", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("error", WORD, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("org_id", "delivery_id"),
        info={"kind": "organization"},
    )
    op.create_index(
        "deliveries_due",
        "deliveries",
        ["org_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
        sqlite_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "deliveries_once", "deliveries", ["org_id", "notice_id", "channel", "target", "language"], unique=True
    )
    op.create_table(
        "inbox",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", WORD, autoincrement=False, nullable=False),
        sa.Column("provider", WORD, nullable=False),
        sa.Column("body", WORD, nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "event_id"),
        info={"kind": "organization"},
    )
    op.create_table(
        "inbox_work",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", WORD, autoincrement=False, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("error", WORD, nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("org_id", "event_id"),
        info={"kind": "organization"},
    )
    op.create_index(
        "inbox_work_due",
        "inbox_work",
        ["org_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
        sqlite_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "members",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("member_id", WORD, autoincrement=False, nullable=False),
        sa.Column("name", WORD, nullable=False),
        sa.Column("email", WORD, nullable=False),
        sa.Column("roles", WORD, nullable=False),
        sa.Column("language", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.Column("sessions_since", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("org_id", "member_id"),
        info={"kind": "organization"},
    )
    op.create_table(
        "payment_methods",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("method_id", WORD, autoincrement=False, nullable=False),
        sa.Column("provider", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("brand", WORD, nullable=False),
        sa.Column("last4", WORD, nullable=False),
        sa.Column("expires", WORD, nullable=True),
        sa.Column("reference", WORD, nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "method_id"),
        info={"kind": "organization"},
    )
    op.create_index(
        "payment_methods_default",
        "payment_methods",
        ["org_id"],
        unique=True,
        postgresql_where=sa.text("is_default"),
        sqlite_where=sa.text("is_default"),
    )
    op.create_table(
        "payments",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("payment_id", WORD, autoincrement=False, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("currency", WORD, nullable=False),
        sa.Column("provider", WORD, nullable=False),
        sa.Column("method_id", WORD, nullable=True),
        sa.Column("backup_method_id", WORD, nullable=True),
        sa.Column("leg", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("agreement", WORD, nullable=True),
        sa.Column("po_number", WORD, nullable=True),
        sa.Column("reference", WORD, nullable=True),
        sa.Column("failure_code", WORD, nullable=True),
        sa.Column("first_failure", WORD, nullable=True),
        sa.Column("redirect_url", WORD, nullable=True),
        sa.Column("link_digest", WORD, nullable=True),
        sa.Column("refunded_micros", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("dispute", WORD, nullable=True),
        sa.Column("asked_by", WORD, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("claimed_until", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("org_id", "payment_id"),
        info={"kind": "organization"},
    )
    op.create_index(
        "payments_awaited",
        "payments",
        ["org_id", "payment_id"],
        unique=False,
        postgresql_where=sa.text("state = 'awaiting_confirmation'"),
        sqlite_where=sa.text("state = 'awaiting_confirmation'"),
    )
    op.create_index(
        "payments_due",
        "payments",
        ["org_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
        sqlite_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "payments_recharged",
        "payments",
        ["org_id", "settled_at"],
        unique=False,
        postgresql_where=sa.text("kind = 'recharge' AND state = 'succeeded'"),
        sqlite_where=sa.text("kind = 'recharge' AND state = 'succeeded'"),
    )
    op.create_index(
        "payments_recharging",
        "payments",
        ["org_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'recharge' AND state IN ('pending', 'requires_action')"),
        sqlite_where=sa.text("kind = 'recharge' AND state IN ('pending', 'requires_action')"),
    )
    op.create_table(
        "receipts",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("receipt_id", WORD, autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("payment_id", WORD, nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("currency", WORD, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("document", WORD, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "receipt_id"),
        info={"kind": "organization"},
    )
    op.create_index("receipts_number", "receipts", ["org_id", "number"], unique=True)
    op.create_index("receipts_of", "receipts", ["org_id", "payment_id"], unique=False)
    op.create_table(
        "recharges",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=True),
        sa.Column("trigger_micros", sa.BigInteger(), nullable=True),
        sa.Column("method_id", WORD, nullable=True),
        sa.Column("backup_method_id", WORD, nullable=True),
        sa.Column("monthly_limit_micros", sa.BigInteger(), nullable=True),
        sa.Column("consent", WORD, nullable=True),
        sa.Column("state", WORD, nullable=False),
        sa.Column("state_detail", WORD, nullable=True),
        sa.Column("declines", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=True),
        sa.Column("look_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("org_id"),
        info={"kind": "organization"},
    )
    op.create_index(
        "recharges_due",
        "recharges",
        ["org_id", "look_at"],
        unique=False,
        postgresql_where=sa.text("look_at IS NOT NULL"),
        sqlite_where=sa.text("look_at IS NOT NULL"),
    )
    op.create_table(
        "reconciliation",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("item_id", WORD, autoincrement=False, nullable=False),
        sa.Column("once", WORD, nullable=False),
        sa.Column("top_up", WORD, nullable=True),
        sa.Column("reason", WORD, nullable=False),
        sa.Column("details", WORD, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("org_id", "item_id"),
        info={"kind": "organization"},
    )
    op.create_index("reconciliation_once", "reconciliation", ["org_id", "once"], unique=True)
    op.create_table(
        "refunds",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("refund_id", WORD, autoincrement=False, nullable=False),
        sa.Column("payment_id", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("reference", WORD, nullable=True),
        sa.Column("failure_code", WORD, nullable=True),
        sa.Column("asked_by", WORD, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("claimed_until", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("org_id", "refund_id"),
        info={"kind": "organization"},
    )
    op.create_index(
        "refunds_due",
        "refunds",
        ["org_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
        sqlite_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_table(
        "simulator",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("record_id", WORD, autoincrement=False, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("name", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("body", WORD, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "record_id"),
        info={"kind": "organization"},
    )
    op.create_index("simulator_once", "simulator", ["org_id", "kind", "name"], unique=True)
    op.create_table(
        "webhooks",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("webhook_id", WORD, autoincrement=False, nullable=False),
        sa.Column("url", WORD, nullable=False),
        sa.Column("events", WORD, nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("old_secret", sa.LargeBinary(), nullable=True),
        sa.Column("old_until", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "webhook_id"),
        info={"kind": "organization"},
    )


def change_tables() -> None:
    op.add_column("accounts", sa.Column("wake_micros", sa.BigInteger(), server_default="1", nullable=False))
    op.add_column("accounts", sa.Column("has_frozen", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("jobs", sa.Column("due_at", sa.BigInteger(), nullable=True))
    op.add_column("jobs", sa.Column("tries", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("notices", sa.Column("told_at", sa.BigInteger(), nullable=True))
    untold = sa.text("told_at IS NULL")
    op.create_index("notices_untold", "notices", ["org_id"], postgresql_where=untold, sqlite_where=untold)


def leave_the_past_untold() -> None:
    """Nobody is sent a mail about what happened before there were mails."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET LOCAL app.orgs = '*'")
    op.execute("UPDATE notices SET told_at = at")
