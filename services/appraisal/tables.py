"""What appraisal keeps beside its log: what must be unique, and a copy of who has which duty."""

import sqlalchemy as sa

from shared.database import metadata
from shared.procedures.duties import appointed_users

APPRAISAL = metadata()

appointed = appointed_users(APPRAISAL)
"""Local copy of who is appointed to which duties of the office."""

rounds = sa.Table(
    "rounds",
    APPRAISAL,
    sa.Column("round_id", sa.Text, primary_key=True),
    sa.Column("year", sa.Integer, nullable=False, unique=True),
)
"""There is one round a year (art. 11)."""
