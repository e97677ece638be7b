"""What order lists are made from, what finds the vouchers that come due on a day, and the daily work that does."""

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
    FROM events WHERE type = 'cxq.issuance.period-closed.v1' ON CONFLICT DO NOTHING;
-- The last days that vouchers were given, in the order of the log.
CREATE INDEX IF NOT EXISTS events_register_by_idx ON events ((data->>'register_by'), position)
    WHERE type = 'cxq.issuance.voucher-claimed.v1';
CREATE INDEX IF NOT EXISTS events_valid_until_idx ON events ((data->>'valid_until'), position)
    WHERE type = 'cxq.issuance.voucher-committed.v1';
-- Each piece of daily work puts the next one on the due list, and these are the first.
INSERT INTO deadlines (kind, subject, due_at)
    SELECT kind, 'first', CAST('2000-01-01' AS timestamptz)
    FROM unnest(ARRAY['find-unregistered', 'remind-of-registration', 'remind-of-validity']) AS k (kind)
    ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    """Create what is missing, and fill it for what happened before."""
    ISSUANCE.create_all(op.get_bind(), tables=[ISSUANCE.tables["pseudonym_keys"]])
    for statement in _STATEMENTS.split(";"):
        op.execute(sa.text(statement))
