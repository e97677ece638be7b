"""What must agree between the five contexts: no one of them can check it alone."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.authority_checks import AUTHORITY_CHECKS
from services.logs import Connections, facts_in
from shared.audit import Breach, Count, CrossCheck
from shared.events.contracts import ContractCompleted, ContractRegistered, ContractSubmitted
from shared.events.issuance.vouchers import (
    VoucherClaimed,
    VoucherClawBackReversed,
    VoucherClawedBack,
    VoucherCommitted,
    VoucherRedeemed,
)
from shared.events.redemption import (
    FundsDisbursed,
    FundsRecovered,
    OpinionGiven,
    RedemptionApplied,
    RedemptionOpened,
    RepaymentReversed,
)
from shared.events.registry.standing import PartySanctioned, SanctionLifted
from shared.measures.looking_back import rules_of
from shared.store.rules import announced
from shared.store.tables import events


async def _head(connection: AsyncConnection) -> int:
    return int((await connection.execute(sa.select(sa.func.coalesce(sa.func.max(events.c.position), 0)))).scalar_one())


async def _answers_to_later(connection: AsyncConnection, context: str, head: int) -> set[int]:
    """Name the events that answer what another context has told after its snapshot was taken."""
    cause = events.c.metadata["causation_id"].astext
    found = await connection.execute(
        sa.select(events.c.position).where(
            cause.like(f"{context}-%"), sa.cast(sa.func.split_part(cause, "-", 2), sa.BigInteger) > head
        )
    )
    return set(found.scalars())


async def _payments_agree(connections: Connections, count: Count) -> AsyncIterator[Breach]:
    """Issuance posts what redemption has paid, voucher by voucher."""
    paid: dict[str, tuple[int, int]] = {}
    async for position, fact in facts_in(connections["redemption"], FundsDisbursed):
        paid |= {payment.voucher_id: (payment.paid, position) for payment in fact.payments}
    async for position, fact in facts_in(connections["issuance"], VoucherRedeemed):
        count.checked += 1
        ordered = paid.get(fact.voucher_id)
        if ordered is None or ordered[0] != fact.paid or not 0 <= fact.released <= fact.amount - fact.paid:
            said = "nothing" if ordered is None else f"{ordered[0]} fen at redemption {ordered[1]}"
            yield Breach(
                where=f"issuance {position}", found=f"{fact.voucher_id} posted {fact.paid} fen, redemption paid {said}"
            )


async def _claw_backs_agree(connections: Connections, count: Count) -> AsyncIterator[Breach]:
    """Issuance posts what came back, and reverses what was recorded by mistake, repayment by repayment and voucher."""
    came_in: dict[tuple[type[Any], str, str], int] = {}
    answers = {FundsRecovered: VoucherClawedBack, RepaymentReversed: VoucherClawBackReversed}
    async for _, fact in facts_in(connections["redemption"], *answers):
        for part in fact.recoveries:
            came_in[answers[type(fact)], fact.repayment_id, part.voucher_id] = part.amount
    async for position, fact in facts_in(connections["issuance"], *answers.values()):
        count.checked += 1
        told = came_in.pop((type(fact), fact.repayment_id, fact.voucher_id), None)
        if told != fact.recovered:
            said = "nothing, or that before" if told is None else f"{told} fen"
            found = f"{fact.repayment_id}: {fact.recovered} fen of {fact.voucher_id} posted, redemption says {said}"
            yield Breach(where=f"issuance {position}", found=found)


async def _actual_amounts_agree(connections: Connections, count: Count) -> AsyncIterator[Breach]:
    """Redemption works on the actual amount and the vouchers that contracts has told."""
    told: dict[str, ContractCompleted] = {}
    async for _, fact in facts_in(connections["contracts"], ContractCompleted):
        told[fact.contract_id] = fact
    too_new = await _answers_to_later(connections["redemption"], "contracts", await _head(connections["contracts"]))
    opened: dict[str, int] = {}
    shares, changes = dict[str, int](), await announced(connections["redemption"])
    async for _, applied in facts_in(connections["redemption"], RedemptionApplied):
        rules = rules_of(applied.pack, applied.on, changes).on(applied.on)
        shares[applied.redemption_id] = rules.redemption.contract_share_max
    async for position, fact in facts_in(connections["redemption"], RedemptionOpened, FundsDisbursed):
        if position in too_new:
            continue
        completed = told.get(fact.contract_id)
        count.checked += 1
        if isinstance(fact, RedemptionOpened):
            again, opened[fact.contract_id] = opened.get(fact.contract_id), position
            same = completed is not None and (fact.actual_amount, fact.vouchers, fact.redeem_by) == (
                completed.actual_amount, completed.vouchers, completed.redeem_by
            )  # fmt: skip
            if again is not None or not same:
                yield Breach(
                    where=f"redemption {position}", found=f"{fact.contract_id} was not completed like this, once"
                )
        elif completed is None or 100 * fact.total > shares.get(fact.redemption_id, 0) * completed.actual_amount:
            yield Breach(
                where=f"redemption {position}", found=f"{fact.contract_id} was paid {fact.total} fen, over its share"
            )


async def _commitments_agree(connections: Connections, count: Count) -> AsyncIterator[Breach]:
    """A registered contract's vouchers are committed to it, with the face values it names."""
    committed: set[tuple[str, str, int]] = set()
    async for _, fact in facts_in(connections["issuance"], VoucherCommitted):
        committed.add((fact.contract_id, fact.voucher_id, fact.amount))
    async for position, fact in facts_in(connections["contracts"], ContractRegistered):
        for use in fact.vouchers:
            count.checked += 1
            if (fact.contract_id, use.voucher_id, use.amount) not in committed:
                yield Breach(
                    where=f"contracts {position}", found=f"{use.voucher_id} was never committed to {fact.contract_id}"
                )


async def _nothing_new_under_a_ban(connections: Connections, count: Count) -> AsyncIterator[Breach]:
    """No claim, contract or opinion of a barred party, and no payment of one under any measure.

    The measure's first day is left out: what was done that morning was done before.
    """
    measures: dict[str, dict[str, tuple[date, date, bool]]] = {}
    async for _, fact in facts_in(connections["registry"], PartySanctioned, SanctionLifted):
        own = measures.setdefault(fact.party_id, {})
        if isinstance(fact, PartySanctioned):
            own[fact.sanction_id] = (fact.on, fact.until or date.max, fact.measure != "suspend_disbursement")
        elif fact.sanction_id in own:
            first, last, bars = own[fact.sanction_id]
            own[fact.sanction_id] = (first, min(fact.on, last), bars)
    new: tuple[tuple[str, type[Any], tuple[str, ...]], ...] = (
        ("issuance", VoucherClaimed, ("claimant_id",)),
        ("contracts", ContractSubmitted, ("claimant_id", "provider_id")),
        ("redemption", OpinionGiven, ("expert_id",)),
        ("redemption", FundsDisbursed, ("claimant_id", "provider_id")),
    )
    for context, kind, parties in new:
        async for position, fact in facts_in(connections[context], kind):
            count.checked += 1
            for party in (getattr(fact, name) for name in parties):
                for first, last, bars in measures.get(party, {}).values():
                    if first < fact.on <= last and (bars or kind is FundsDisbursed):
                        yield Breach(
                            where=f"{context} {position}",
                            found=f"{kind.__name__} of {party} on {fact.on}, under a measure from {first} to {last}",
                        )


_LAST_DAY = sa.text("SELECT max(metadata->>'business_date')::date FROM events")


async def _rules_agree(connections: Connections, count: Count) -> AsyncIterator[Breach]:
    """Whoever has decided anything on a change's first day or later knows the change, and no other."""
    told = {change.change_id: change for change in await announced(connections["registry"])}
    for context, connection in connections.items():
        last_day = (await connection.execute(_LAST_DAY)).scalar_one()
        if context == "registry" or last_day is None:
            continue
        known = {change.change_id: change for change in await announced(connection)}
        for change_id in sorted(told.keys() | known.keys()):
            either = told.get(change_id) or known[change_id]
            if either.first_day > last_day:
                continue
            count.checked += 1
            if told.get(change_id) != known.get(change_id):
                found = f"{either.parameter} from {either.first_day} on is not what the registry has announced"
                yield Breach(where=f"{context} {change_id}", found=found)


# The context that answers is looked at first, so that a fact on its way is missing nowhere it must already be.
CROSS_CHECKS = (
    CrossCheck(
        id="M5", promise="a registered contract's vouchers are committed to it", contexts=("contracts", "issuance"),
        look=_commitments_agree,
    ),
    CrossCheck(
        id="M6", promise="issuance posts exactly what redemption paid", contexts=("issuance", "redemption"),
        look=_payments_agree,
    ),
    CrossCheck(
        id="M6", promise="issuance posts exactly what came back to redemption", contexts=("issuance", "redemption"),
        look=_claw_backs_agree,
    ),
    CrossCheck(
        id="M4", promise="voucher money paid ≤ its share of the actual amount that contracts told",
        contexts=("redemption", "contracts"), look=_actual_amounts_agree,
    ),
    CrossCheck(
        id="M8", promise="nothing new for a sanctioned party within its ban",
        contexts=("issuance", "contracts", "redemption", "registry"), look=_nothing_new_under_a_ban,
    ),
    CrossCheck(
        id="R5", promise="every service decides by the changes of the rules that the registry has announced",
        contexts=("issuance", "contracts", "redemption", "registry"), look=_rules_agree,
    ),
    *AUTHORITY_CHECKS,
)  # fmt: skip
