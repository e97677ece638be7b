"""What redemption keeps beside its log: local copies, confidential texts, and what must be unique."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from shared.database import metadata
from shared.procedures.duties import appointed_users

REDEMPTION = metadata()

appointed = appointed_users(REDEMPTION)
"""Local copy of who is appointed to which duties of the office."""

windows = sa.Table(
    "windows",
    REDEMPTION,
    sa.Column("contract_id", sa.Text, primary_key=True),
    sa.Column("redemption_id", sa.Text, nullable=False, unique=True),
)
"""Which redemption belongs to which contract: there is one a contract."""

vouchers = sa.Table(
    "vouchers",
    REDEMPTION,
    sa.Column("voucher_id", sa.Text, primary_key=True),
    sa.Column("redemption_id", sa.Text),
    sa.Column("revoked", sa.Boolean, nullable=False, server_default=sa.false()),
)
"""Which redemption a voucher pays in, and whether a sanction has taken it; either may be known first."""

invoices = sa.Table(
    "invoices",
    REDEMPTION,
    sa.Column("number", sa.Text, primary_key=True),
    sa.Column("redemption_id", sa.Text, nullable=False, index=True),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.CheckConstraint("amount > 0", name="amount_positive"),
)
"""Every invoice counts once in the whole city."""

experts = sa.Table(
    "experts",
    REDEMPTION,
    sa.Column("expert_id", sa.Text, primary_key=True),
    sa.Column("principal", sa.Text, nullable=False),
    sa.Column("employer_id", sa.Text),
    sa.Column("employers", JSONB, nullable=False, server_default="[]"),
    sa.Column("load_max", sa.Integer),
    sa.Column("absences", JSONB, nullable=False, server_default="[]"),
)
"""Local copy of the registry's experts: for whom they work, how many cases they take on, and when they are away."""

seats = sa.Table(
    "seats",
    REDEMPTION,
    sa.Column("redemption_id", sa.Text, primary_key=True),
    sa.Column("expert_id", sa.Text, primary_key=True, index=True),
)
"""Who sits on a panel whose review is not summed up yet: so many cases an expert has."""

sanctions = sa.Table(
    "sanctions",
    REDEMPTION,
    sa.Column("sanction_id", sa.Text, primary_key=True),
    sa.Column("party_id", sa.Text, nullable=False, index=True),
    sa.Column("measure", sa.Text, nullable=False),
    sa.Column("until", sa.Date),
)
"""Local copy of the registry's measures of art. 17 that are not lifted; `until` is inclusive."""

opinions = sa.Table(
    "opinions",
    REDEMPTION,
    sa.Column("redemption_id", sa.Text, primary_key=True),
    sa.Column("expert_id", sa.Text, primary_key=True),
    sa.Column("round", sa.Integer, primary_key=True),
    sa.Column("reasons", sa.Text, nullable=False),
)
"""Why an expert judged so; confidential. `round` counts the panels of a redemption from 1."""

words = sa.Table(
    "words",
    REDEMPTION,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("redemption_id", sa.Text, nullable=False, index=True),
    sa.Column("said", JSONB, nullable=False),
)
"""Why something was returned, refused, asked back or taken back, by the digest in the log; for parties and office."""

objections = sa.Table(
    "objections",
    REDEMPTION,
    sa.Column("objection_id", sa.Text, primary_key=True),
    sa.Column("redemption_id", sa.Text, nullable=False, index=True),
    sa.Column("objector", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("answer", sa.Text),
)
"""Objections in writing; who objected is never shown to the public."""

evidence = sa.Table(
    "evidence",
    REDEMPTION,
    sa.Column("document_id", sa.Text, primary_key=True),
    sa.Column("redemption_id", sa.Text, primary_key=True),
)
"""Which documents prove which redemption, so that its panel may read them."""
