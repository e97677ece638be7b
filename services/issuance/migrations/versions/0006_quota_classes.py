"""Parts of a quota that belong to classes of claimants."""

from importlib import resources

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_STATEMENTS = (
    "ALTER TABLE quotas ADD COLUMN IF NOT EXISTS classes jsonb",
    "ALTER TABLE quotas ADD COLUMN IF NOT EXISTS class_rests bigint[]",
    "ALTER TABLE quotas ADD COLUMN IF NOT EXISTS class_released bigint[]",
    # The district comes with the registry's next word on a claimant; the revision of its standing is renewed with it.
    "ALTER TABLE claimants ADD COLUMN IF NOT EXISTS district text",
    """
    CREATE FUNCTION sum_of(bigint[]) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT
    AS 'SELECT coalesce(sum(part), 0)::bigint FROM unnest($1) AS part'
    """,
    """
    ALTER TABLE quotas ADD CONSTRAINT parts CHECK (
        (class_rests IS NULL) = (classes IS NULL) AND (class_released IS NULL) = (classes IS NULL)
        AND (classes IS NULL OR (
            cardinality(class_rests) = jsonb_array_length(classes)
            AND cardinality(class_released) = jsonb_array_length(classes)
            AND 0 <= ALL (class_rests) AND 0 <= ALL (class_released) AND sum_of(class_rests) <= remaining
        ))
    )
    """,
)


def upgrade() -> None:
    """Divide quotas: no part is ever negative, and all that classes have left is there."""
    for statement in _STATEMENTS:
        op.execute(sa.text(statement))
    op.execute("DROP FUNCTION IF EXISTS write_claims")
    op.execute(resources.files("services.issuance.migrations").joinpath("write_claims.sql").read_text())
