"""What finds what a channel has asked for, and what the board of periods says of classes."""

from alembic import op

revision = "0012"
down_revision = "0011"

_STATEMENTS = (
    # The few streams that channels have begun, by channel and claimant; all other events cost one comparison.
    """
    CREATE INDEX IF NOT EXISTS events_channel_idx ON events ((metadata->>'channel'), key)
    WHERE version = 1 AND metadata ? 'channel'
    """,
    # Filled by `cxq rebuild issuance period_board`: how far each partition of it has come, no statement here knows.
    "ALTER TABLE period_board ADD COLUMN IF NOT EXISTS classes jsonb",
    "ALTER TABLE period_board ADD COLUMN IF NOT EXISTS class_issued jsonb",
    "ALTER TABLE period_board ADD COLUMN IF NOT EXISTS class_released jsonb",
)


def upgrade() -> None:
    """Add what a database of before lacks."""
    for statement in _STATEMENTS:
        op.execute(statement)
