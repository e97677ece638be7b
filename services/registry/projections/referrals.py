"""Which referral agency serves which claimant, with the claimant's consent (faq 4)."""

from typing import Any

import sqlalchemy as sa

from services.registry.tables import REGISTRY
from shared.events.definition import Recorded
from shared.events.registry.referral_agencies import ReferralAccepted, ReferralEnded, ReferralOffered
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "referrals",
    REGISTRY,
    sa.Column("agency_id", sa.Text, primary_key=True),
    sa.Column("claimant_id", sa.Text, primary_key=True, index=True),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("offered_on", sa.Date, nullable=False),
    sa.Column("accepted_on", sa.Date),
    sa.Column("ended_on", sa.Date),
)


def evolve(row: Row | None, event: Recorded[Any], key: RowKey) -> Row | None:
    """Fold one fact into the row of an agency and a claimant; an offer made anew begins it anew."""
    match event.data:
        case ReferralOffered(on=on):
            known = {"agency_id": key[0], "claimant_id": key[1], "stage": "offered", "offered_on": on}
            return known | {"accepted_on": None, "ended_on": None}
        case ReferralAccepted(on=on) if row is not None:
            return row | {"stage": "accepted", "accepted_on": on}
        case ReferralEnded(on=on) if row is not None:
            return row | {"stage": "ended", "ended_on": on}
        case _:
            raise LookupError(f"{event.id} speaks of a referral that nobody offered")


referrals = Projection(
    name="referrals",
    table=table,
    rows=dict.fromkeys((ReferralOffered, ReferralAccepted, ReferralEnded), row_of("agency_id", "claimant_id")),
    evolve=evolve,
    poison="park",
)
