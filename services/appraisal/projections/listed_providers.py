"""Who was on the list of providers, from which day to which, and for whom it signs in (art. 10(2), 11)."""

from typing import Any

import sqlalchemy as sa

from services.appraisal.tables import APPRAISAL
from shared.events.definition import Recorded
from shared.events.registry.providers import ProviderCapabilitiesChanged, ProviderDelisted, ProviderListed
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "listed_providers",
    APPRAISAL,
    sa.Column("provider_id", sa.Text, primary_key=True),
    sa.Column("principal", sa.Text, nullable=False, index=True),
    sa.Column("third_party_testing", sa.Boolean, nullable=False),
    sa.Column("listed_on", sa.Date, nullable=False),
    sa.Column("delisted_on", sa.Date),
)


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a provider's row; all have the provider's key, so they come in order."""
    match event.data:
        case ProviderListed() as fact:
            return {
                "provider_id": fact.provider_id,
                "principal": fact.principal,
                "third_party_testing": fact.third_party_testing,
                "listed_on": fact.on,
                "delisted_on": None,
            }
        case ProviderCapabilitiesChanged(third_party_testing=third_party_testing) if row is not None:
            return row | {"third_party_testing": third_party_testing}
        case ProviderDelisted(on=on) if row is not None:
            return row | {"delisted_on": on}
        case _:
            raise LookupError(f"{event.id} speaks of a provider that was never listed")


listed_providers = Projection(
    name="listed_providers",
    table=table,
    rows=dict.fromkeys((ProviderListed, ProviderCapabilitiesChanged, ProviderDelisted), row_of("provider_id")),
    evolve=evolve,
    poison="halt",
)
