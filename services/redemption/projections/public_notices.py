"""The public notices of redemption: what anyone may see (art. 15(5), 18)."""

from typing import Any

import sqlalchemy as sa

from services.redemption.tables import REDEMPTION
from shared.events.definition import Recorded
from shared.events.redemption import (
    NoticeConcluded,
    NoticePublished,
    NoticeWithdrawn,
    ObjectionAnswered,
    ObjectionRaised,
)
from shared.projections.keys import row_of
from shared.projections.projection import Projection, Row, RowKey

table = sa.Table(
    "public_notices",
    REDEMPTION,
    sa.Column("notice_id", sa.Text, primary_key=True),
    sa.Column("redemption_id", sa.Text, nullable=False),
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
    if isinstance(fact, NoticePublished):
        return {
            "notice_id": fact.notice_id,
            "redemption_id": fact.redemption_id,
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
        case ObjectionRaised():
            return row | {"open_objections": row["open_objections"] + 1}
        case ObjectionAnswered(upheld=upheld):
            left = row["open_objections"] - 1
            return row | {"open_objections": left} | ({"state": "withdrawn"} if upheld else {})
        case NoticeConcluded():
            return row | {"state": "concluded"}
        case NoticeWithdrawn():
            return row | {"state": "withdrawn"}
        case _:
            raise TypeError(f"{type(fact).__name__} is not a fact of this read model")


public_notices = Projection(
    name="public_notices",
    table=table,
    rows=dict.fromkeys(
        (NoticePublished, NoticeWithdrawn, ObjectionRaised, ObjectionAnswered, NoticeConcluded), row_of("notice_id")
    ),
    evolve=evolve,
    poison="park",
)
