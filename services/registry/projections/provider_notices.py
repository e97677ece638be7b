"""The public notices of institutions that are to be listed (art. 6)."""

from typing import Any

import sqlalchemy as sa

from services.registry.tables import REGISTRY
from shared.events.definition import Recorded
from shared.events.registry.providers import (
    ProviderNoticeConcluded,
    ProviderNoticePublished,
    ProviderObjectionAnswered,
    ProviderObjectionRaised,
)
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "provider_notices",
    REGISTRY,
    sa.Column("notice_id", sa.Text, primary_key=True),
    sa.Column("provider_id", sa.Text, nullable=False),
    sa.Column("published_on", sa.Date, nullable=False),
    sa.Column("until", sa.Date, nullable=False),
    sa.Column("provisional", sa.Boolean, nullable=False),
    sa.Column("open_objections", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
)


def evolve(row: Row | None, event: Recorded[Any], _key: RowKey) -> Row | None:
    """Fold one fact into a notice's row."""
    fact = event.data
    if isinstance(fact, ProviderNoticePublished):
        return {
            "notice_id": fact.notice_id,
            "provider_id": fact.provider_id,
            "published_on": fact.on,
            "until": fact.until,
            "provisional": fact.provisional,
            "open_objections": 0,
            "state": "running",
        }
    if row is None:
        raise LookupError(f"{event.id} speaks of a notice that was never published")
    match fact:
        case ProviderObjectionRaised():
            return row | {"open_objections": row["open_objections"] + 1}
        case ProviderObjectionAnswered(upheld=upheld):
            left = {"open_objections": row["open_objections"] - 1}
            return row | left | ({"state": "withdrawn"} if upheld else {})
        case ProviderNoticeConcluded():
            return row | {"state": "concluded"}
        case _:
            raise TypeError(f"{type(fact).__name__} is not a fact of this read model")


provider_notices = Projection(
    name="provider_notices",
    table=table,
    rows=dict.fromkeys(
        (ProviderNoticePublished, ProviderObjectionRaised, ProviderObjectionAnswered, ProviderNoticeConcluded),
        row_of("notice_id"),
    ),
    evolve=evolve,
    poison="park",
)
