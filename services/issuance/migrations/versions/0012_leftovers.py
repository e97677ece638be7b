"""What finds what a channel has asked for, what the board says of classes, and what of a voucher was clawed back."""

from alembic import op

revision = "0012"
down_revision = "0011"

_STATEMENTS = (
    # The few streams that channels have begun, by channel and claimant; all other events cost one comparison.
    """
    CREATE INDEX IF NOT EXISTS events_channel_idx ON events ((metadata->>'channel'), key)
    WHERE version = 1 AND metadata ? 'channel'
    """,
    # Filled by `cxq rebuild`: how far each partition of a read model has come, no statement here knows.
    "ALTER TABLE period_board ADD COLUMN IF NOT EXISTS classes jsonb",
    "ALTER TABLE period_board ADD COLUMN IF NOT EXISTS class_issued jsonb",
    "ALTER TABLE period_board ADD COLUMN IF NOT EXISTS class_released jsonb",
    "ALTER TABLE voucher_balances ADD COLUMN IF NOT EXISTS clawed_back bigint NOT NULL DEFAULT 0",
)


def upgrade() -> None:
    """Add what a database of before lacks."""
    for statement in _STATEMENTS:
        op.execute(statement)
