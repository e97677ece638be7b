"""What periods keep beside their quota: whether they are paused, and what their board tells of their plans."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_STATEMENTS = (
    "ALTER TABLE quotas ADD COLUMN IF NOT EXISTS paused boolean NOT NULL DEFAULT false",
    "ALTER TABLE period_board ADD COLUMN IF NOT EXISTS changed_by text",
    "ALTER TABLE period_board ADD COLUMN IF NOT EXISTS approved_by text",
    "ALTER TABLE period_board ADD COLUMN IF NOT EXISTS announced_at timestamptz",
    "ALTER TABLE period_board ADD COLUMN IF NOT EXISTS paused_since timestamptz",
    "ALTER TABLE period_board ADD COLUMN IF NOT EXISTS pause_reason text",
    "ALTER TABLE period_board ADD COLUMN IF NOT EXISTS withdrawal_reason text",
    # What was approved before announcements were written down was public from then on.
    """
    UPDATE period_board SET announced_at = approved.recorded_at FROM events approved
    WHERE approved.stream = 'period-' || period_id AND approved.type = 'cxq.issuance.period-approved.v1'
        AND announced_at IS NULL
    """,
)


def upgrade() -> None:
    """Add the columns that a database of before lacks."""
    for statement in _STATEMENTS:
        op.execute(sa.text(statement))
