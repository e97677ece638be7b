"""The order list: when each voucher was claimed, its place, and the secrets of the names in the list."""

import sqlalchemy as sa
from alembic import op

from services.issuance.tables import ISSUANCE

revision = "0005"
down_revision = "0004"

_STATEMENTS = """
ALTER TABLE voucher_balances ADD COLUMN IF NOT EXISTS claimed_at timestamptz;
UPDATE voucher_balances SET claimed_at = claimed.recorded_at FROM events claimed
    WHERE claimed.stream = 'voucher-' || voucher_id AND claimed.version = 1 AND claimed_at IS NULL;
ALTER TABLE voucher_balances ALTER COLUMN claimed_at SET NOT NULL;
CREATE INDEX IF NOT EXISTS voucher_balances_period_id_place_idx ON voucher_balances (period_id, place);
-- Periods that were closed before there were order lists get their secret now.
INSERT INTO pseudonym_keys (period_id, key)
    SELECT substr(stream, 8),
        sha256(convert_to(concat(gen_random_uuid(), gen_random_uuid(), gen_random_uuid()), 'utf8'))
    FROM events WHERE type = 'cxq.issuance.period-closed.v1' ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    """Create what is missing, and fill it for what happened before."""
    ISSUANCE.create_all(op.get_bind(), tables=[ISSUANCE.tables["pseudonym_keys"]])
    for statement in _STATEMENTS.split(";"):
        op.execute(sa.text(statement))
