"""The end of a class: what it has left is everybody's, and first of all theirs who wait for money (art. 12)."""

from dataclasses import replace

from services.issuance.deadlines import await_serving
from services.issuance.domain.classes import ReleaseParts, as_of, class_release, is_over
from services.issuance.domain.period_phases import Period
from services.issuance.ledger import Quota
from services.issuance.quotas_gate import part_gate
from shared.store.transaction import Transaction


async def release_ended(tx: Transaction, plan: Period, held: Quota) -> Quota:
    """Write down what classes have left whose time is over, and give the quota as it stands then.

    Who calls holds the quota's row, and does so before anybody is put on the reserve list or served from it: while
    somebody waits there, what is released is owed to the list, as what returns is.
    """
    if not held.parts.rests or not any(is_over(each, tx.now) for each in plan.classes):
        return held
    parts = as_of(held.parts, plan.classes, tx.now)
    fresh = sum(parts.released) - sum(held.parts.released)
    now = replace(held, parts=parts, owed=held.owed + fresh if held.waiting else held.owed)
    if fresh:
        await part_gate(tx.connection, plan.period_id, parts, owed=now.owed)
    release = ReleaseParts(period_id=plan.period_id, classes=plan.classes, released=parts.released, at=tx.now)
    handled = await tx.handle(class_release, f"classes-{plan.period_id}", release)
    if handled.events and now.owed:
        await await_serving(tx, plan.period_id, f"class-ended-{handled.version}")
    return now
