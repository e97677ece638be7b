"""How long each provider's facilities ran in a year, and how long of it for others (art. 11); in minutes.

Taken from usage records rather than typed. A record belongs to the year of its period, and a correction adds the
difference: every fact only adds to sums.
"""

from typing import Any

import sqlalchemy as sa

from services.appraisal.tables import APPRAISAL
from shared.events.definition import Recorded
from shared.events.registry.usage import UsageCorrected, UsageRecorded
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "usage_totals",
    APPRAISAL,
    sa.Column("provider_id", sa.Text, primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("minutes_used", sa.BigInteger, nullable=False),
    sa.Column("external_minutes", sa.BigInteger, nullable=False),
)


def evolve(row: Row | None, event: Recorded[Any], key: RowKey) -> Row | None:
    """Add one fact to the sums of a provider's year."""
    sums = row or {"provider_id": key[0], "year": key[1], "minutes_used": 0, "external_minutes": 0}
    match event.data:
        case UsageRecorded(minutes=minutes, external_minutes=external):
            more, for_others = minutes, external
        case UsageCorrected() as fact:
            more = fact.minutes - fact.minutes_before
            for_others = fact.external_minutes - fact.external_minutes_before
        case other:
            raise TypeError(f"{type(other).__name__} is not a fact of this read model")
    return sums | {
        "minutes_used": sums["minutes_used"] + more,
        "external_minutes": sums["external_minutes"] + for_others,
    }


usage_totals = Projection(
    name="usage_totals",
    table=table,
    rows=dict.fromkeys((UsageRecorded, UsageCorrected), row_of("provider_id", "first_day.year")),
    evolve=evolve,
    poison="halt",
)
