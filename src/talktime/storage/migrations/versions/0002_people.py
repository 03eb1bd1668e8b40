"""Who may call and who pays: policies, blocks, service numbers, pools, usage, notices, jobs, tables of an operator."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

from talktime.storage.walls import append_only, wall_in

revision = "0002"
down_revision = "0001"

WORD = sa.Text().with_variant(TEXT(collation="C"), "postgresql")
LONG_AGO = 1
ORGANIZATION_TABLES = (
    "jobs",
    "notices",
    "pool_months",
    "pools",
    "service_numbers",
    "tallies",
    "usage",
    "user_blocks",
)


def upgrade() -> None:
    make_tables()
    change_tables()
    control = sa.table("control", sa.column("name"), sa.column("value"))
    op.bulk_insert(control, [{"name": "knowledge", "value": 0}])
    for table in ORGANIZATION_TABLES:
        wall_in(op.get_bind(), table)
    append_only(op.get_bind(), "user_blocks")
    mark_pools_behind()


def make_tables() -> None:
    op.create_table(
        "jobs",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("job_id", WORD, autoincrement=False, nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("asked", WORD, nullable=False),
        sa.Column("asked_by", WORD, nullable=False),
        sa.Column("done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("filename", WORD, nullable=True),
        sa.Column("error", WORD, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("claimed_until", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("org_id", "job_id"),
        info={"kind": "organization"},
    )
    op.create_table(
        "licence_catalogue",
        sa.Column("code", WORD, autoincrement=False, nullable=False),
        sa.Column("cells", WORD, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
        info={"kind": "reference"},
    )
    op.create_table(
        "notices",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("notice_id", WORD, autoincrement=False, nullable=False),
        sa.Column("once", WORD, nullable=False),
        sa.Column("event", WORD, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("details", WORD, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "notice_id"),
        info={"kind": "organization"},
    )
    op.create_index("notices_once", "notices", ["org_id", "once"], unique=True)
    op.create_table(
        "number_rows",
        sa.Column("prefix", WORD, autoincrement=False, nullable=False),
        sa.Column("digits", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cells", WORD, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("prefix", "digits"),
        info={"kind": "reference"},
    )
    op.create_table(
        "pool_months",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("pool_id", WORD, autoincrement=False, nullable=False),
        sa.Column("month", WORD, autoincrement=False, nullable=False),
        sa.Column("first_used", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("first_held", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("second_used", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("second_held", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("first_used >= 0 AND first_held >= 0", name="pool_months_first"),
        sa.CheckConstraint("second_used >= 0 AND second_held >= 0", name="pool_months_second"),
        sa.PrimaryKeyConstraint("org_id", "pool_id", "month"),
        info={"kind": "organization"},
        postgresql_with={"fillfactor": "50"},
        sqlite_with_rowid=False,
    )
    op.create_table(
        "pools",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("pool_id", WORD, autoincrement=False, nullable=False),
        sa.Column("capability", WORD, nullable=False),
        sa.Column("country", WORD, nullable=True),
        sa.Column("user_id", WORD, nullable=True),
        sa.Column("first_total", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("second_total", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("first_high", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("second_high", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("month", WORD, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "pool_id"),
        info={"kind": "organization"},
    )
    op.create_table(
        "service_numbers",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", WORD, autoincrement=False, nullable=False),
        sa.Column("number_id", WORD, nullable=False),
        sa.Column("type", WORD, nullable=False),
        sa.Column("serves", WORD, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "number"),
        info={"kind": "organization"},
    )
    op.create_table(
        "tallies",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", WORD, autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("story", WORD, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "user_id"),
        info={"kind": "organization"},
        postgresql_with={"fillfactor": "50"},
        sqlite_with_rowid=False,
    )
    op.create_table(
        "usage",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("usage_id", WORD, autoincrement=False, nullable=False),
        sa.Column("call_id", WORD, nullable=False),
        sa.Column("part", sa.BigInteger(), nullable=False),
        sa.Column("call_type", WORD, nullable=False),
        sa.Column("user_id", WORD, nullable=True),
        sa.Column("user_location", WORD, nullable=False),
        sa.Column("caller", WORD, nullable=False),
        sa.Column("number", WORD, nullable=False),
        sa.Column("number_type", WORD, nullable=False),
        sa.Column("context", WORD, nullable=False),
        sa.Column("destination", WORD, nullable=False),
        sa.Column("conference_id", WORD, nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.BigInteger(), nullable=False),
        sa.Column("minutes", sa.BigInteger(), nullable=False),
        sa.Column("fee_micros", sa.BigInteger(), nullable=False),
        sa.Column("charge_micros", sa.BigInteger(), nullable=False),
        sa.Column("charge_decimals", sa.BigInteger(), nullable=False),
        sa.Column("currency", WORD, nullable=False),
        sa.Column("capability", WORD, nullable=False),
        sa.Column("payer", WORD, nullable=False),
        sa.Column("entry_key", WORD, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "usage_id"),
        info={"kind": "organization"},
        postgresql_with={"autovacuum_analyze_scale_factor": "0.02"},
        sqlite_with_rowid=False,
    )
    op.create_index("usage_once", "usage", ["org_id", "call_id", "part"], unique=True)
    op.create_table(
        "user_blocks",
        sa.Column("org_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("block_id", WORD, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("user_id", WORD, nullable=False),
        sa.Column("mode", WORD, nullable=False),
        sa.Column("reason", WORD, nullable=False),
        sa.Column("by", WORD, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "block_id"),
        info={"kind": "organization"},
    )


def change_tables() -> None:
    op.add_column("calls", sa.Column("caller", WORD, nullable=True))
    op.add_column("calls", sa.Column("emergency", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("users", sa.Column("policy", WORD, nullable=True))
    op.add_column("users", sa.Column("blocked_at", sa.BigInteger(), nullable=True))
    op.add_column("users", sa.Column("block_reason", WORD, nullable=True))
    op.add_column("users", sa.Column("removed_at", sa.BigInteger(), nullable=True))


def mark_pools_behind() -> None:
    """Who had licences before there were pools: they are fitted at the first start, as after a changed catalogue."""
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        op.execute("SET LOCAL app.orgs = '*'")
    if bind.scalar(sa.text("SELECT 1 FROM organizations LIMIT 1")):
        control = sa.table("control", sa.column("name"), sa.column("value"))
        op.bulk_insert(control, [{"name": "pools_behind_since", "value": LONG_AGO}])
