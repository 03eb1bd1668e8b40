"""Signing in: credentials, sessions, tickets, rules, and where somebody who gives an address belongs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

from talktime.storage.walls import wall_in

revision = "0004"
down_revision = "0003"

WORD = sa.Text().with_variant(TEXT(collation="C"), "postgresql")
ORGANIZATION_TABLES = ("credentials", "hang_ups", "sessions", "sign_in_rules", "tickets")


def upgrade() -> None:
    make_tables()
    for table in ORGANIZATION_TABLES:
        wall_in(op.get_bind(), table)
    say_where_members_belong()
    find_what_is_rare()


def find_what_is_rare() -> None:
    """Among millions of charges what is no call, and among all users those that are blocked."""
    besides, blocked = sa.text("kind <> 'charge'"), sa.text("blocked_at IS NOT NULL")
    columns = ["org_id", "entry_id"]
    op.create_index("entries_besides_calls", "entries", columns, postgresql_where=besides, sqlite_where=besides)
    op.create_index("users_blocked", "users", ["org_id", "blocked_at"], postgresql_where=blocked, sqlite_where=blocked)


def make_tables() -> None:
    op.create_table(
        "attempts",
        sa.Column("name", WORD, autoincrement=False, nullable=False),
        sa.Column("failures", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        info={"kind": "local"},
    )
    op.create_table(
        "credentials",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("member_id", WORD, autoincrement=False, nullable=False),
        sa.Column("password", WORD, nullable=True),
        sa.Column("password_at", sa.BigInteger(), nullable=True),
        sa.Column("totp_secret", sa.LargeBinary(), nullable=True),
        sa.Column("totp_at", sa.BigInteger(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("recovery", WORD, server_default="[]", nullable=False),
        sa.Column("sso_subject", WORD, nullable=True),
        sa.PrimaryKeyConstraint("org_id", "member_id"),
        info={"kind": "organization"},
    )
    op.create_table(
        "hang_ups",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("call_id", WORD, autoincrement=False, nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", WORD, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "call_id"),
        info={"kind": "organization"},
    )
    op.create_table(
        "sessions",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("session_id", WORD, autoincrement=False, nullable=False),
        sa.Column("digest", WORD, nullable=False),
        sa.Column("member_id", WORD, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("fresh_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("address", WORD, nullable=False),
        sa.Column("agent", WORD, nullable=False),
        sa.Column("acting_for", sa.BigInteger(), nullable=True),
        sa.Column("two_factors", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "session_id"),
        info={"kind": "organization"},
    )
    op.create_index("sessions_of", "sessions", ["org_id", "member_id"])
    op.create_table(
        "sign_in_rules",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("settings", WORD, server_default="{}", nullable=False),
        sa.Column("sso_secret", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("org_id"),
        info={"kind": "organization"},
    )
    op.create_table(
        "sign_ins",
        sa.Column("email", WORD, autoincrement=False, nullable=False),
        sa.Column("organization", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("member_id", WORD, nullable=False),
        sa.PrimaryKeyConstraint("email", "organization"),
        info={"kind": "reference"},
    )
    op.create_table(
        "tickets",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ticket_id", WORD, autoincrement=False, nullable=False),
        sa.Column("digest", WORD, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("member_id", WORD, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("org_id", "ticket_id"),
        info={"kind": "organization"},
    )
    op.create_index("tickets_of", "tickets", ["org_id", "member_id"])


def say_where_members_belong() -> None:
    """Of those who are still there. Python knows small letters of every script, which SQLite does not."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute("SET LOCAL app.orgs = '*'")
    rows = connection.execute(sa.text("SELECT email, org_id, member_id FROM members WHERE state <> 'removed'"))
    found = {(row.email.casefold(), row.org_id): row.member_id for row in rows}
    sign_ins = sa.table("sign_ins", sa.column("email"), sa.column("organization"), sa.column("member_id"))
    made = [{"email": email, "organization": org, "member_id": who} for (email, org), who in found.items()]
    op.bulk_insert(sign_ins, made)
