"""What was answered to claims is kept in a table of its own; who has claimed what is found in the log."""

from importlib import resources

from alembic import op

from services.issuance.tables import ISSUANCE, kept_claims

revision = "0011"
down_revision = "0010"

_CLAIM_NAME = """
CREATE FUNCTION claim_name(principal text, key text) RETURNS uuid LANGUAGE sql IMMUTABLE
AS $$ SELECT encode(substr(sha256(convert_to(principal || E'\\x1f' || key, 'UTF8')), 1, 16), 'hex')::uuid $$
"""
# A key that was closed has the hash of no request; who was granted something finds its event.
MOVE = """
INSERT INTO kept_claims (name, request, position, status, headers, body, recorded_at)
SELECT claim_name(principal, key), CAST(nullif(encode(substr(request_hash, 1, 16), 'hex'), '') AS uuid),
    CAST(headers->>'Event-Position' AS bigint), status, headers, body,
    CASE WHEN headers ? 'Event-Position' THEN NULL ELSE recorded_at END
FROM idempotency WHERE operation = 'claimVoucher'
"""
_LEAVE_ALONE = """
DO $$ BEGIN EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON kept_claims FROM %I', current_database()); END $$
"""


def upgrade() -> None:
    """Move the answers to claims, with the bytes they were given in; what is written from now on is short."""
    ISSUANCE.create_all(op.get_bind(), tables=[kept_claims])
    for statement in (_CLAIM_NAME, MOVE, "DELETE FROM idempotency WHERE operation = 'claimVoucher'", _LEAVE_ALONE):
        op.execute(statement)
    # A year changes with every step of a voucher: with room on its page no index has to follow.
    op.execute("ALTER TABLE allowances SET (fillfactor = 70)")
    op.execute(
        "CREATE INDEX IF NOT EXISTS events_claimed_by_idx ON events (key)"
        " WHERE type = 'cxq.issuance.voucher-claimed.v1'"
    )
    op.execute("DROP TABLE IF EXISTS holdings")
    op.execute("DROP FUNCTION IF EXISTS write_claims")
    op.execute(resources.files("services.issuance.migrations").joinpath("write_claims.sql").read_text())
