"""What finds the vouchers and entries that a channel has asked for."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Index the few streams that channels have begun, by channel and claimant; all other events cost one comparison."""
    op.execute(
        "CREATE INDEX IF NOT EXISTS events_channel_idx ON events ((metadata->>'channel'), key)"
        " WHERE version = 1 AND metadata ? 'channel'"
    )
