"""How every context learns of announced changes of the rules: a local copy, kept from what the registry tells."""

from shared.bus.reactions import Reactions
from shared.events.definition import Recorded
from shared.events.registry.measures import MeasureChangeApproved, MeasureChangeWithdrawn
from shared.measures.changes import Change
from shared.store.rules import drop_announced, keep_announced
from shared.store.transaction import Transaction


def change_of(fact: MeasureChangeApproved) -> Change:
    """Give the change that an approval announces."""
    return Change(
        change_id=fact.change_id,
        pack=fact.pack,
        parameter=fact.parameter,
        value=fact.value,
        first_day=fact.first_day,
        article=fact.article,
        quote=fact.quote,
    )


async def _keep(tx: Transaction, event: Recorded[MeasureChangeApproved]) -> None:
    await keep_announced(tx.connection, change_of(event.data))


async def _drop(tx: Transaction, event: Recorded[MeasureChangeWithdrawn]) -> None:
    await drop_announced(tx.connection, event.data.change_id)


FOLLOWING_MEASURES: Reactions = {MeasureChangeApproved: _keep, MeasureChangeWithdrawn: _drop}
"""To be put beside a context's own reactions; the registry itself keeps its copy as it decides."""
