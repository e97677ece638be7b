"""What appraisal keeps beside its log: what must be unique."""

import sqlalchemy as sa

from shared.database import metadata

APPRAISAL = metadata()

rounds = sa.Table(
    "rounds",
    APPRAISAL,
    sa.Column("round_id", sa.Text, primary_key=True),
    sa.Column("year", sa.Integer, nullable=False, unique=True),
)
"""There is one round a year (art. 11)."""
