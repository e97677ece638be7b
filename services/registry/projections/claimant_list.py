"""Every claimant with its kind and certificates, for the office's lists."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.registry.tables import REGISTRY
from shared.events.definition import Recorded
from shared.events.registry.claimants import Certificate, ClaimantCertificatesChanged, ClaimantRegistered
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "claimant_list",
    REGISTRY,
    sa.Column("claimant_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("principal", sa.Text, nullable=False, index=True),
    sa.Column("certificates", JSONB, nullable=False),
    sa.Column("registered_on", sa.Date, nullable=False),
)


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
            }
        case ClaimantCertificatesChanged(certificates=certificates) if row is not None:
            return row | {"certificates": _plain(certificates)}
        case _:
            raise LookupError(f"{event.id} speaks of a claimant that never registered")


def _plain(certificates: tuple[Certificate, ...]) -> list[dict[str, str]]:
    return [
        {"kind": c.kind, "valid_from": c.valid_from.isoformat(), "valid_until": c.valid_until.isoformat()}
        for c in certificates
    ]


def _row(fact: Any) -> tuple[RowKey, ...]:
    return ((fact.claimant_id,),)


claimant_list = Projection(
    name="claimant_list",
    table=table,
    rows=dict.fromkeys((ClaimantRegistered, ClaimantCertificatesChanged), _row),
    evolve=evolve,
    poison="park",
)
