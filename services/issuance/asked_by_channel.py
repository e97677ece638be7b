"""What a channel has claimed and entered for those it may act for: all that it sees and undoes here (art. 15(1)).

Who began a stream is in the metadata of its first event, so the log says whose a voucher or an entry is.
"""

from typing import Any

import sqlalchemy as sa

from services.issuance.tables import authorisations
from shared.procedures.acting_by_channel import act_by_channel
from shared.store.transaction import Transaction, UnknownSubjectError

_ENTERED = """
    SELECT FROM events WHERE stream = 'entry-' || {entry_id} AND version = 1
        AND metadata ? 'channel' AND metadata->>'actor' = :principal
"""
_HAS_ENTERED = sa.text(f"SELECT EXISTS ({_ENTERED.format(entry_id=':entry_id')})")
_HAS_ASKED = sa.text(
    f"""
    SELECT EXISTS (
        SELECT FROM events WHERE stream = 'voucher-' || :voucher_id AND version = 1
            AND metadata ? 'channel' AND metadata->>'actor' = :principal
    ) OR EXISTS (
        SELECT FROM entries e JOIN events served ON served.stream = 'entry-' || e.entry_id
        WHERE e.claimant_id = :claimant_id
            AND served.type = 'cxq.issuance.entry-served.v1' AND served.data->>'voucher_id' = :voucher_id
            AND EXISTS ({_ENTERED.format(entry_id="e.entry_id")})
    )
    """
)
_ASKED_FOR = """
    WITH acted_for AS (
        SELECT claimant_id, channel_id FROM channel_authorisations
        WHERE principal = :principal AND 'claims' = ANY (scopes) AND :day BETWEEN valid_from AND valid_until
    ), begun AS (
        SELECT b.stream FROM acted_for a
        JOIN events b ON b.metadata->>'channel' = a.channel_id AND b.key = a.claimant_id
        WHERE b.version = 1 AND b.metadata ? 'channel'
    )
    SELECT substr(stream, 9) AS voucher_id FROM begun WHERE stream LIKE 'voucher-%'
    UNION ALL
    SELECT served.data->>'voucher_id' FROM begun JOIN events served ON served.stream = begun.stream
    WHERE begun.stream LIKE 'entry-%' AND served.type = 'cxq.issuance.entry-served.v1'
"""


async def act_for_claimant(tx: Transaction, claimant_id: str) -> None:
    """Let the transaction's actor act as a channel that the claimant lets claim today, and note the channel.

    Refuses (`channel-not-authorised`) without saying whether there is such a claimant.
    """
    await act_by_channel(tx, authorisations, claimant_id, "claims")


async def act_on_voucher(tx: Transaction, voucher_id: str, claimant_id: str) -> None:
    """Let a channel act on a voucher that it claimed, or that its entry brought.

    UnknownSubjectError: somebody else asked for it. Refuses (`channel-not-authorised`) who may not act any more.
    """
    await _check(tx, _HAS_ASKED, voucher_id=voucher_id, claimant_id=claimant_id)
    await act_for_claimant(tx, claimant_id)


async def act_on_entry(tx: Transaction, entry_id: str, claimant_id: str) -> None:
    """Let a channel act on an entry that it made.

    UnknownSubjectError: somebody else made it. Refuses (`channel-not-authorised`) who may not act any more.
    """
    await _check(tx, _HAS_ENTERED, entry_id=entry_id)
    await act_for_claimant(tx, claimant_id)


def is_asked_for(voucher_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Say in SQL that a channel has asked for a voucher; parameters: `principal`, and the `day` on which it looks.

    It sees those of the claimants that let it claim on that day.
    """
    given = sa.text(_ASKED_FOR).bindparams(sa.bindparam("principal", type_=sa.Text), sa.bindparam("day", type_=sa.Date))
    asked_for = given.columns(sa.column("voucher_id", sa.Text)).scalar_subquery()
    return voucher_id == sa.any_(sa.func.array(asked_for, type_=sa.ARRAY(sa.Text)))


async def _check(tx: Transaction, question: sa.TextClause, **subject: Any) -> None:
    found = await tx.connection.execute(question, {**subject, "principal": tx.cause.actor})
    if not found.scalar_one():
        raise UnknownSubjectError(next(iter(subject.values())))
