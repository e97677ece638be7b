"""The open-laboratory catalogue (faq 7): each stay of a laboratory in it, so that a past day's answer never changes."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.registry.tables import REGISTRY
from shared.events.definition import Recorded
from shared.events.registry.laboratories import (
    Accreditation,
    LaboratoryAccredited,
    LaboratoryEntered,
    LaboratoryLeft,
)
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "laboratory_catalogue",
    REGISTRY,
    sa.Column("laboratory_id", sa.Text, primary_key=True),
    sa.Column("entered_on", sa.Date, primary_key=True),
    sa.Column("route", sa.Text, nullable=False),
    sa.Column("through", sa.Text, nullable=False, index=True),
    sa.Column("accreditations", JSONB, nullable=False),
    sa.Column("valid_until", sa.Date),
    sa.Column("left_on", sa.Date),
)


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a stay."""
    match event.data:
        case LaboratoryEntered() as fact:
            return {
                "laboratory_id": fact.laboratory_id,
                "entered_on": fact.on,
                "route": fact.route,
                "through": fact.through,
                "accreditations": _plain(fact.accreditations),
                "valid_until": fact.valid_until,
                "left_on": None,
            }
        case LaboratoryAccredited(accreditations=accreditations, valid_until=valid_until) if row is not None:
            return row | {"accreditations": _plain(accreditations), "valid_until": valid_until}
        case LaboratoryLeft(on=on) if row is not None:
            return row | {"left_on": on}
        case _:
            raise LookupError(f"{event.id} speaks of a laboratory that never entered the catalogue")


def _plain(accreditations: tuple[Accreditation, ...]) -> list[dict[str, str | None]]:
    return [
        {
            "kind": a.kind,
            "valid_from": a.valid_from.isoformat(),
            "valid_until": a.valid_until.isoformat() if a.valid_until is not None else None,
        }
        for a in accreditations
    ]


laboratory_catalogue = Projection(
    name="laboratory_catalogue",
    table=table,
    rows={
        LaboratoryEntered: row_of("laboratory_id", "on"),
        **dict.fromkeys((LaboratoryAccredited, LaboratoryLeft), row_of("laboratory_id", "entered_on")),
    },
    evolve=evolve,
    poison="park",
)
