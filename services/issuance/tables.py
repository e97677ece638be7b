"""What issuance keeps beside its log: the sums that decide, and its copy of who may claim."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from shared.database import metadata

ISSUANCE = metadata()

quotas = sa.Table(
    "quotas",
    ISSUANCE,
    sa.Column("period_id", sa.Text, primary_key=True),
    sa.Column("quota", sa.BigInteger, nullable=False),
    sa.Column("remaining", sa.BigInteger, nullable=False),
    sa.Column("issued", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("returned", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("claims", sa.Integer, nullable=False, server_default="0"),
    sa.Column("closed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.CheckConstraint("quota > 0", name="quota_positive"),
    sa.CheckConstraint("remaining >= 0", name="never_oversold"),
    sa.CheckConstraint("remaining = quota - issued + returned", name="conserved"),
    sa.CheckConstraint("issued >= 0 AND returned >= 0 AND returned <= issued AND claims >= 0", name="counts"),
)
"""One row a period from its approval on: what it has left, in fen, and how many claims it has granted (art. 12)."""

allowances = sa.Table(
    "allowances",
    ISSUANCE,
    sa.Column("claimant_id", sa.Text, primary_key=True),
    sa.Column("year", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("ceiling", sa.BigInteger, nullable=False),
    sa.Column("reserved", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("spent", sa.BigInteger, nullable=False, server_default="0"),
    sa.CheckConstraint("reserved >= 0 AND spent >= 0", name="never_negative"),
    sa.CheckConstraint("reserved + spent <= ceiling", name="within_allowance"),
)
"""One row a claimant and year of claim, in fen; `ceiling` is the allowance that held at the last granted claim."""

holdings = sa.Table(
    "holdings",
    ISSUANCE,
    sa.Column("claimant_id", sa.Text, primary_key=True),
    sa.Column("voucher_id", sa.Text, primary_key=True),
)
"""The vouchers whose life is not over, by who holds them: what a sanction takes."""

claimants = sa.Table(
    "claimants",
    ISSUANCE,
    sa.Column("claimant_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("certificates", JSONB, nullable=False),
)
"""Local copy of the registry's claimants, as far as a claim is decided by them."""

pseudonym_keys = sa.Table(
    "pseudonym_keys",
    ISSUANCE,
    sa.Column("period_id", sa.Text, primary_key=True),
    sa.Column("key", sa.LargeBinary, nullable=False),
)
"""The secret of each closed period, from which the names in its public order list are made; it is in no event."""

bans = sa.Table(
    "bans",
    ISSUANCE,
    sa.Column("sanction_id", sa.Text, primary_key=True),
    sa.Column("claimant_id", sa.Text, nullable=False, index=True),
    sa.Column("until", sa.Date),
)
"""Local copy of the sanctions that bar a claimant; a lifted one is gone."""
