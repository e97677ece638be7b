"""The public lists of referral and service agencies by date (faq 4, 5); who has left stays with the day of leaving."""

from typing import Any

import sqlalchemy as sa

from services.registry.tables import REGISTRY
from shared.events.definition import Recorded
from shared.events.registry.affiliations import AffiliationEnded, AffiliationGranted
from shared.events.registry.referral_agencies import PromotionEventHeld, ReferralAgencyDescribed, ReferralAgencyTrained
from shared.events.registry.service_agencies import ServiceAgencyAuthorised
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "agency_list",
    REGISTRY,
    sa.Column("party_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("provider_id", sa.Text),
    sa.Column("joined_on", sa.Date),
    sa.Column("listed_on", sa.Date),
    sa.Column("left_on", sa.Date),
    sa.Column("trained_on", sa.Date),
    sa.Column("events_held", sa.Integer, nullable=False),
)


def evolve(row: Row | None, event: Recorded[Any], key: RowKey) -> Row | None:
    """Fold one fact into an agency's row; a referral agency is listed once its profile is complete."""
    match event.data:
        case AffiliationGranted(kind=kind, on=on):
            known = row or _unlisted(key[0], kind)
            return known | {"joined_on": on, "listed_on": on if kind == "service_agency" else None}
        case ServiceAgencyAuthorised(provider_id=provider_id):
            return (row or _unlisted(key[0], "service_agency")) | {"provider_id": provider_id}
        case AffiliationEnded(on=on):
            return None if row is None else row | {"left_on": on}
        case ReferralAgencyDescribed(on=on) if row is not None:
            return row | {"listed_on": row["listed_on"] or on}
        case ReferralAgencyTrained(attended=attended, held_on=held_on) if row is not None:
            return row | ({"trained_on": held_on} if attended else {})
        case PromotionEventHeld() if row is not None:
            return row | {"events_held": row["events_held"] + 1}
        case _:
            raise LookupError(f"{event.id} speaks of an agency that never joined")


def _unlisted(party_id: str, kind: str) -> Row:
    dates = dict.fromkeys(("provider_id", "joined_on", "listed_on", "left_on", "trained_on"))
    return {"party_id": party_id, "kind": kind, "events_held": 0} | dates


def _of_party(fact: Any) -> tuple[RowKey, ...]:
    return ((fact.party_id,),) if fact.kind != "laboratory" else ()


agency_list = Projection(
    name="agency_list",
    table=table,
    rows={
        **dict.fromkeys((AffiliationGranted, AffiliationEnded), _of_party),
        **dict.fromkeys(
            (ServiceAgencyAuthorised, ReferralAgencyDescribed, ReferralAgencyTrained, PromotionEventHeld),
            row_of("agency_id"),
        ),
    },
    evolve=evolve,
    poison="park",
)
