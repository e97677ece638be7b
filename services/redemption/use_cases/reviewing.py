"""Experts judge, and the office sums up and publishes (art. 15(4), (5))."""

from datetime import timedelta

import sqlalchemy as sa

from services.redemption.domain.commands import Conclude, DrawPanel, GiveOpinion, ReplaceExperts
from services.redemption.domain.redemption import Event, redemption
from services.redemption.domain.stages import Approved, State, UnderReview
from services.redemption.tables import opinions, seats
from services.redemption.use_cases.choosing_experts import barred_among, candidates_for
from services.redemption.use_cases.keeping_words import keep_words, salted_digest
from services.redemption.use_cases.opening_windows import leave_seats, stream
from services.redemption.use_cases.owning import check_expert, existing
from shared.events.redemption import SideAtFault
from shared.kernel.calendar import start_of
from shared.kernel.ids import new_id
from shared.procedures.due import set_deadline
from shared.store.transaction import Handled, Transaction

NOTICE_ENDS = "notice-ends"


async def draw_panel(tx: Transaction, redemption_id: str, seed: str, *, if_match: int | None) -> Handled[Event, State]:
    """Draw the experts by a published seed; who works for a party is left out."""
    await existing(tx, redemption_id)
    command = DrawPanel(seed=seed, candidates=await candidates_for(tx, redemption_id), on=tx.today)
    handled = await tx.handle(redemption, stream(redemption_id), command, if_match=if_match)
    if isinstance(handled.state, UnderReview):
        await _seat(tx, redemption_id, handled.state)
    return handled


async def replace_experts(
    tx: Transaction, redemption_id: str, seed: str, *, if_match: int | None
) -> Handled[Event, State]:
    """Draw others for experts of a panel against whom a measure stands now, and who have not judged (art. 17)."""
    await existing(tx, redemption_id)
    candidates = await candidates_for(tx, redemption_id)
    panel = (await tx.load(redemption, stream(redemption_id))).state
    barred = await barred_among(tx, panel.experts) if isinstance(panel, UnderReview) else frozenset[str]()
    command = ReplaceExperts(seed=seed, candidates=candidates, barred=barred, on=tx.today)
    handled = await tx.handle(redemption, stream(redemption_id), command, if_match=if_match)
    if isinstance(handled.state, UnderReview):
        await _seat(tx, redemption_id, handled.state)
    return handled


async def _seat(tx: Transaction, redemption_id: str, panel: UnderReview) -> None:
    """Count a case for each expert of the panel, and for nobody who is on it no more."""
    await leave_seats(tx, redemption_id)
    taken = [{"redemption_id": redemption_id, "expert_id": expert_id} for expert_id in panel.experts]
    await tx.connection.execute(sa.insert(seats), taken)


async def give_opinion(
    tx: Transaction, redemption_id: str, expert_id: str, *, score: int, amount: int, reasons: str
) -> Handled[Event, State]:
    """Record one expert's judgement; the reasons stay here, their digest goes into the log."""
    await check_expert(tx, redemption_id, expert_id)
    command = GiveOpinion(
        expert_id=expert_id,
        barred=bool(await barred_among(tx, (expert_id,))),
        score=score,
        amount=amount,
        reasons_digest=salted_digest(tx, reasons),
        on=tx.today,
    )
    handled = await tx.handle(redemption, stream(redemption_id), command)
    earlier = sa.select(sa.func.count() + 1).where(
        opinions.c.redemption_id == redemption_id, opinions.c.expert_id == expert_id
    )
    await tx.connection.execute(
        sa.insert(opinions).values(
            redemption_id=redemption_id, expert_id=expert_id, round=earlier.scalar_subquery(), reasons=reasons
        )
    )
    return handled


async def conclude(
    tx: Transaction, redemption_id: str, *, cause: str, side_at_fault: SideAtFault | None, if_match: int | None
) -> Handled[Event, State]:
    """Sum the opinions up: a refusal with its cause, or an approval that goes on public notice at once."""
    await existing(tx, redemption_id)
    command = Conclude(
        cause=cause,
        cause_digest=await keep_words(tx, redemption_id, (cause,)),
        side_at_fault=side_at_fault,
        notice_id=new_id("ntc", tx.now),
        notice_working_days=tx.measures.on(tx.today).redemption.redemption_notice_working_days,
        working_days=tx.measures.working_days,
        on=tx.today,
    )
    handled = await tx.handle(redemption, stream(redemption_id), command, if_match=if_match)
    await leave_seats(tx, redemption_id)
    if isinstance(handled.state, Approved) and handled.state.notice is not None:
        await set_deadline(tx, NOTICE_ENDS, redemption_id, start_of(handled.state.notice.until + timedelta(days=1)))
    return handled
