"""Every claimant with its kind, certificates, and how it stands with art. 7, for the office's lists."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.registry.tables import REGISTRY
from shared.events.definition import Recorded
from shared.events.registry.claimants import (
    Certificate,
    ClaimantCertificatesChanged,
    ClaimantEligibilityChanged,
    ClaimantProfileChanged,
    ClaimantProfileCompleted,
    ClaimantProfileVerified,
    ClaimantRegistered,
    ClaimantReviewDecided,
    ClaimantReviewDropped,
    ClaimantReviewOpened,
)
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "claimant_list",
    REGISTRY,
    sa.Column("claimant_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("principal", sa.Text, nullable=False, index=True),
    sa.Column("certificates", JSONB, nullable=False),
    sa.Column("registered_on", sa.Date, nullable=False),
    sa.Column("stage", sa.Text, nullable=False, server_default="draft"),
    sa.Column("open_reviews", sa.Integer, nullable=False, server_default="0"),
    sa.Column("eligibility", sa.Text),
)
"""`stage` is draft, complete or verified, and it needs review while there are `open_reviews`."""


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a claimant's row."""
    match event.data:
        case ClaimantRegistered() as fact:
            return {
                "claimant_id": fact.claimant_id,
                "kind": fact.kind,
                "principal": fact.principal,
                "certificates": _plain(fact.certificates),
                "registered_on": fact.on,
                "stage": "draft",
                "open_reviews": 0,
                "eligibility": None,
            }
        case fact if row is not None:
            return row | _changed(row, fact)
        case _:
            raise LookupError(f"{event.id} speaks of a claimant that never registered")


def _changed(row: Row, fact: Any) -> Row:
    match fact:
        case ClaimantCertificatesChanged(certificates=certificates):
            return {"certificates": _plain(certificates)}
        case ClaimantProfileCompleted():
            return {"stage": "complete"}
        case ClaimantProfileChanged():
            return {"stage": "draft" if row["stage"] == "draft" else "complete"}
        case ClaimantProfileVerified():
            return {"stage": "verified"}
        case ClaimantReviewOpened():
            return {"open_reviews": row["open_reviews"] + 1}
        case ClaimantReviewDecided() | ClaimantReviewDropped():
            return {"open_reviews": row["open_reviews"] - 1}
        case ClaimantEligibilityChanged(outcome=outcome):
            return {"eligibility": outcome}
        case _:
            raise TypeError(f"{type(fact).__name__} changes no claimant's row")


def _plain(certificates: tuple[Certificate, ...]) -> list[dict[str, str]]:
    return [
        {"kind": c.kind, "valid_from": c.valid_from.isoformat(), "valid_until": c.valid_until.isoformat()}
        for c in certificates
    ]


claimant_list = Projection(
    name="claimant_list",
    table=table,
    rows=dict.fromkeys(
        (
            ClaimantRegistered,
            ClaimantCertificatesChanged,
            ClaimantProfileCompleted,
            ClaimantProfileChanged,
            ClaimantProfileVerified,
            ClaimantReviewOpened,
            ClaimantReviewDecided,
            ClaimantReviewDropped,
            ClaimantEligibilityChanged,
        ),
        row_of("claimant_id"),
    ),
    evolve=evolve,
    poison="park",
)
