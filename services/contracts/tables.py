"""What contracts keeps beside its log: local copies of other contexts' facts, confidential texts, and what is taken."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from shared.database import metadata
from shared.procedures.acting import withheld_users
from shared.procedures.acting_by_channel import channel_authorisations, closed_channels

CONTRACTS = metadata()

claimants = sa.Table(
    "claimants",
    CONTRACTS,
    sa.Column("claimant_id", sa.Text, primary_key=True),
)
"""Local copy: who is registered as a claimant."""

withheld = withheld_users(CONTRACTS)
"""Local copy: users of a claimant whom its owner has removed, or lets only look."""

authorisations = channel_authorisations(CONTRACTS)
closed = closed_channels(CONTRACTS)
"""Local copies: which channels act for which claimants, and which channels act for nobody any more."""

providers = sa.Table(
    "providers",
    CONTRACTS,
    sa.Column("provider_id", sa.Text, primary_key=True),
    sa.Column("capabilities", ARRAY(sa.Text), nullable=False),
    sa.Column("listed_on", sa.Date, nullable=False),
    sa.Column("delisted_on", sa.Date),
    sa.Column("leaves_after", sa.Date),
)
"""Local copy of the public list: listed from `listed_on` on, and from `delisted_on` on no longer.

After `leaves_after`, the last day of its notice, a provider is on the list for its running contracts alone (art. 6).
"""

services = sa.Table(
    "services",
    CONTRACTS,
    sa.Column("service_id", sa.Text, primary_key=True),
    sa.Column("provider_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
)
"""Local copy of the services that are offered now."""

bans = sa.Table(
    "bans",
    CONTRACTS,
    sa.Column("sanction_id", sa.Text, primary_key=True),
    sa.Column("measure", sa.Text, primary_key=True),
    sa.Column("party_id", sa.Text, nullable=False, index=True),
    sa.Column("until", sa.Date),
)
"""Local copy of the measures of art. 17 that bar a party and are not lifted; `until` is inclusive, none is for ever."""

project_texts = sa.Table(
    "project_texts",
    CONTRACTS,
    sa.Column("project_id", sa.Text, primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("salt", sa.Text, nullable=False),
    sa.Column("explanation", sa.Text),
)
"""What a project is about, and why it was declined, in words: for the two parties and the office only (art. 9(3)).

`salt` (hexadecimal) goes into the digest that the event carries, so that a short text cannot be guessed from it.
"""

vouchers = sa.Table(
    "vouchers",
    CONTRACTS,
    sa.Column("voucher_id", sa.Text, primary_key=True),
    sa.Column("claimed_on", sa.Date, nullable=False),
)
"""Local copy: on which day a voucher was claimed; a contract signed before that could not name it (faq 6)."""

voucher_uses = sa.Table(
    "voucher_uses",
    CONTRACTS,
    sa.Column("voucher_id", sa.Text, primary_key=True),
    sa.Column("contract_id", sa.Text, nullable=False, index=True),
)
"""Which voucher is used in which live contract: one at most. A contract that is rejected or lapses gives them back."""

commitments = sa.Table(
    "commitments",
    CONTRACTS,
    sa.Column("contract_id", sa.Text, primary_key=True),
    sa.Column("voucher_id", sa.Text, primary_key=True),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("valid_until", sa.Date, nullable=False),
)
"""Issuance's answers so far: a contract is registered when the last of its vouchers is here."""
