"""Entries that wait for money: announced, drawn, or on the reserve list."""

import sqlalchemy as sa
from alembic import op

from services.issuance.tables import ISSUANCE

revision = "0007"
down_revision = "0006"

_STATEMENTS = (
    "ALTER TABLE quotas ADD COLUMN IF NOT EXISTS entries integer NOT NULL DEFAULT 0",
    "ALTER TABLE quotas ADD COLUMN IF NOT EXISTS waiting integer NOT NULL DEFAULT 0",
    "ALTER TABLE quotas ADD COLUMN IF NOT EXISTS owed bigint NOT NULL DEFAULT 0",
    "ALTER TABLE quotas DROP CONSTRAINT IF EXISTS quotas_owed_to_those_who_wait_check",
    """
    ALTER TABLE quotas ADD CONSTRAINT quotas_owed_to_those_who_wait_check
        CHECK (0 <= owed AND owed <= remaining AND (owed = 0 OR waiting > 0))
    """,
)


def upgrade() -> None:
    """Make room for entries, and let a quota say what of it is owed to those who wait."""
    ISSUANCE.create_all(op.get_bind(), tables=[ISSUANCE.tables[name] for name in ("entries", "draw_seeds")])
    for statement in _STATEMENTS:
        op.execute(sa.text(statement))
