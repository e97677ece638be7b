"""What must agree between the five contexts: no one of them can check it alone."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.audit import Breach, Count, CrossCheck
from shared.events.codec import decode
from shared.events.contracts import ContractCompleted, ContractRegistered, ContractSubmitted
from shared.events.definition import TYPE_OF
from shared.events.issuance import (
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
from shared.events.registry.channels import ChannelAuthorisationRevoked, ChannelAuthorised
from shared.events.registry.claimants import (
    ClaimantEligibilityChanged,
    ClaimantRelatedPartiesDeclared,
    ClaimantRelatedPartiesRecognised,
)
from shared.events.registry.standing import PartySanctioned, SanctionLifted
from shared.measures.looking_back import rules_of
from shared.store.rules import announced
from shared.store.tables import events

type Connections = Mapping[str, AsyncConnection]


async def _facts(connection: AsyncConnection, *kinds: type[Any]) -> AsyncIterator[tuple[int, Any]]:
    """Give every fact of these types with its position, older versions lifted."""
    names = [TYPE_OF[kind].name for kind in kinds]
    query = (
        sa.select(events.c.position, events.c.type, sa.cast(events.c.data, sa.Text))
        .where(sa.or_(*(events.c.type.like(f"{name}.v%") for name in names)))
        .order_by(events.c.position)
    )
    async for position, kind, data in await connection.stream(query):
        yield position, decode(kind, data)


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
    async for position, fact in _facts(connections["redemption"], FundsDisbursed):
        paid |= {payment.voucher_id: (payment.paid, position) for payment in fact.payments}
    async for position, fact in _facts(connections["issuance"], VoucherRedeemed):
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
    async for _, fact in _facts(connections["redemption"], *answers):
        for part in fact.recoveries:
            came_in[answers[type(fact)], fact.repayment_id, part.voucher_id] = part.amount
    async for position, fact in _facts(connections["issuance"], *answers.values()):
        count.checked += 1
        told = came_in.pop((type(fact), fact.repayment_id, fact.voucher_id), None)
        if told != fact.recovered:
            said = "nothing, or that before" if told is None else f"{told} fen"
            found = f"{fact.repayment_id}: {fact.recovered} fen of {fact.voucher_id} posted, redemption says {said}"
            yield Breach(where=f"issuance {position}", found=found)


async def _actual_amounts_agree(connections: Connections, count: Count) -> AsyncIterator[Breach]:
    """Redemption works on the actual amount and the vouchers that contracts has told."""
    told: dict[str, ContractCompleted] = {}
    async for _, fact in _facts(connections["contracts"], ContractCompleted):
        told[fact.contract_id] = fact
    too_new = await _answers_to_later(connections["redemption"], "contracts", await _head(connections["contracts"]))
    opened: dict[str, int] = {}
    shares, changes = dict[str, int](), await announced(connections["redemption"])
    async for _, applied in _facts(connections["redemption"], RedemptionApplied):
        rules = rules_of(applied.pack, applied.on, changes).on(applied.on)
        shares[applied.redemption_id] = rules.redemption.contract_share_max
    async for position, fact in _facts(connections["redemption"], RedemptionOpened, FundsDisbursed):
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
    async for _, fact in _facts(connections["issuance"], VoucherCommitted):
        committed.add((fact.contract_id, fact.voucher_id, fact.amount))
    async for position, fact in _facts(connections["contracts"], ContractRegistered):
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
    async for _, fact in _facts(connections["registry"], PartySanctioned, SanctionLifted):
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
        async for position, fact in _facts(connections[context], kind):
            count.checked += 1
            for party in (getattr(fact, name) for name in parties):
                for first, last, bars in measures.get(party, {}).values():
                    if first < fact.on <= last and (bars or kind is FundsDisbursed):
                        yield Breach(
                            where=f"{context} {position}",
                            found=f"{kind.__name__} of {party} on {fact.on}, under a measure from {first} to {last}",
                        )


async def _parties_may_contract(connections: Connections, count: Count) -> AsyncIterator[Breach]:
    """No contract of who fails art. 7, and none in silence about a related party, as the registry told the day before.

    What changed on the day of the contract itself is left out: it may have come after the contract.
    """
    fails: dict[str, list[tuple[date, bool]]] = {}
    related: dict[str, list[tuple[date, tuple[str, ...]]]] = {}
    registry = connections["registry"]
    async for _, fact in _facts(registry, ClaimantEligibilityChanged):
        fails.setdefault(fact.claimant_id, []).append((fact.on, fact.outcome == "fail"))
    async for _, fact in _facts(registry, ClaimantRelatedPartiesDeclared, ClaimantRelatedPartiesRecognised):
        related.setdefault(fact.claimant_id, []).append((fact.on, fact.parties))
    changes = await announced(connections["contracts"])
    async for position, fact in _facts(connections["contracts"], ContractSubmitted):
        count.checked += 1
        ineligible = _throughout(fails.get(fact.claimant_id, []), fact.on)
        known = _throughout(related.get(fact.claimant_id, []), fact.on)
        is_silent = not fact.relation_declared and known and all(fact.provider_id in parties for parties in known)
        if not (is_silent or (ineligible and all(ineligible))):
            continue
        terms = rules_of(fact.pack, fact.on, changes).on(fact.on).contract
        if is_silent and terms.related_parties_declared:
            found = f"{fact.claimant_id} did not declare that {fact.provider_id} is related to it"
            yield Breach(where=f"contracts {position}", found=found)
        if ineligible and all(ineligible) and terms.eligible_claimant_required:
            yield Breach(where=f"contracts {position}", found=f"{fact.claimant_id} failed art. 7 on {fact.on}")


def _throughout[T](told: Sequence[tuple[date, T]], day: date) -> list[T]:
    """Give everything that was so at some time of a day: what was told last before it, and whatever on it."""
    before = [value for on, value in told if on < day]
    return [*before[-1:], *(value for on, value in told if on == day)] if before else []


_BY_CHANNELS = (
    sa.select(
        events.c.position,
        events.c.key,
        events.c.metadata["channel"].astext,
        sa.cast(events.c.metadata["business_date"].astext, sa.Date),
    )
    .where(events.c.metadata.has_key("channel"))
    .order_by(events.c.position)
)


async def _channels_had_authority(connections: Connections, count: Count) -> AsyncIterator[Breach]:
    """Whatever a channel has made for a claimant rests on an authorisation for that matter that was in force that day.

    A revocation on the day itself may have come after.
    """
    given: dict[tuple[str, str, str], dict[str, tuple[date, date]]] = {}
    async for _, fact in _facts(connections["registry"], ChannelAuthorised, ChannelAuthorisationRevoked):
        for scope in ("claims", "contracts"):
            own = given.setdefault((fact.channel_id, fact.claimant_id, scope), {})
            if isinstance(fact, ChannelAuthorisationRevoked):
                if fact.authorisation_id in own:
                    first, last = own[fact.authorisation_id]
                    own[fact.authorisation_id] = (first, min(last, fact.on))
            elif scope in fact.scopes:
                own[fact.authorisation_id] = (fact.valid_from, fact.valid_until)
    for context, scope in (("issuance", "claims"), ("contracts", "contracts")):
        for position, claimant_id, channel_id, day in await connections[context].execute(_BY_CHANNELS):
            count.checked += 1
            spans = given.get((channel_id, claimant_id, scope), {}).values()
            if not any(first <= day <= last for first, last in spans):
                found = f"{channel_id} acted for {claimant_id} on {day} without an authorisation for {scope}"
                yield Breach(where=f"{context} {position}", found=found)


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
        id="M10", promise="whoever contracts meets art. 7, and declares whom the register knows as related",
        contexts=("contracts", "registry"), look=_parties_may_contract,
    ),
    CrossCheck(
        id="R41", promise="a channel acts for a claimant where an authorisation is in force that day",
        contexts=("issuance", "contracts", "registry"), look=_channels_had_authority,
    ),
    CrossCheck(
        id="R5", promise="every service decides by the changes of the rules that the registry has announced",
        contexts=("issuance", "contracts", "redemption", "registry"), look=_rules_agree,
    ),
)  # fmt: skip
