"""Users of a claimant, its history, bank account and review queue."""

from alembic import op

from services.registry.tables import REGISTRY

revision = "0004"
down_revision = "0003"

_TABLES = (
    "claimant_users", "claimant_invitations", "claimant_profiles", "certificate_revocations", "eligibility_reviews",
    "related_party_declarations", "claimant_bank_accounts", "access_records",
)  # fmt: skip

_READ_MODEL = (
    "ALTER TABLE claimant_list ADD COLUMN IF NOT EXISTS stage text NOT NULL DEFAULT 'draft'",
    "ALTER TABLE claimant_list ADD COLUMN IF NOT EXISTS open_reviews integer NOT NULL DEFAULT 0",
    "ALTER TABLE claimant_list ADD COLUMN IF NOT EXISTS eligibility text",
)
_WHO_REGISTERED_BEFORE = (
    """
    INSERT INTO claimant_users (principal, claimant_id, role) SELECT principal, claimant_id, 'owner' FROM claimants
    """,
    """
    INSERT INTO claimant_profiles (claimant_id, number, digest, salt, profile, changed_by, changed_at)
    SELECT c.claimant_id, 1, e.data->>'profile_digest', c.salt, c.profile, c.principal, e.recorded_at
    FROM claimants c JOIN events e ON e.stream = 'claimant-' || c.claimant_id
        AND e.type = 'cxq.registry.claimant-registered.v1'
    """,
    """
    INSERT INTO deadlines (kind, subject, due_at)
    SELECT 'eligibility-may-change', claimant_id, now() FROM claimants
    """,
)
_ONLY_ADDED_TO = """
    DO $$ BEGIN
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON access_records FROM %I', current_database());
    END $$
"""


def upgrade() -> None:
    """Create the tables, make those who registered the owners of their claimants, and have each judged once more."""
    REGISTRY.create_all(op.get_bind(), tables=[REGISTRY.tables[name] for name in _TABLES])
    op.execute("ALTER TABLE claimants DROP CONSTRAINT IF EXISTS claimants_principal_key")
    for statement in (*_READ_MODEL, *_WHO_REGISTERED_BEFORE, _ONLY_ADDED_TO):
        op.execute(statement)
