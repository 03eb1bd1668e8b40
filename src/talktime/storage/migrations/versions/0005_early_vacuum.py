"""Calls are vacuumed early, as growing tables are analysed early."""

from alembic import op

revision = "0005"
down_revision = "0004"
kind = "expand"
oldest_program = "0004"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE calls SET (autovacuum_vacuum_scale_factor = 0.02)")
