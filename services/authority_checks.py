"""Who was allowed to do what was done, across the contexts: parties, channels, the office (art. 7, 15(1), 16, 18)."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from services.logs import Connections, facts_in
from shared.audit import Breach, Count, CrossCheck
from shared.events.appraisal import RoundOpened, RoundProposed
from shared.events.contracts import ContractSubmitted
from shared.events.issuance.periods import (
    PeriodApproved,
    PeriodPaused,
    PeriodPlanChanged,
    PeriodProposed,
    PeriodResumed,
    PeriodWithdrawn,
)
from shared.events.redemption import (
    DisbursementOrdered,
    FundsDisbursed,
    FundsRecovered,
    ObjectionAnswered,
    RecoveryOrdered,
    RecoveryProposed,
    RedemptionAccepted,
    RedemptionReturned,
)
from shared.events.registry.channels import ChannelAuthorisationRevoked, ChannelAuthorised
from shared.events.registry.claimants import (
    ClaimantEligibilityChanged,
    ClaimantRelatedPartiesDeclared,
    ClaimantRelatedPartiesRecognised,
)
from shared.events.registry.office import Duty, OfficeUserAppointed, OfficeUserEnded
from shared.kernel.calendar import business_date
from shared.measures.looking_back import rules_of
from shared.store.rules import announced
from shared.store.tables import events


async def _parties_may_contract(connections: Connections, count: Count) -> AsyncIterator[Breach]:
    """No contract of who fails art. 7, and none in silence about a related party, as the registry told the day before.

    What changed on the day of the contract itself is left out: it may have come after the contract.
    """
    fails: dict[str, list[tuple[date, bool]]] = {}
    related: dict[str, list[tuple[date, tuple[str, ...]]]] = {}
    registry = connections["registry"]
    async for _, fact in facts_in(registry, ClaimantEligibilityChanged):
        fails.setdefault(fact.claimant_id, []).append((fact.on, fact.outcome == "fail"))
    async for _, fact in facts_in(registry, ClaimantRelatedPartiesDeclared, ClaimantRelatedPartiesRecognised):
        related.setdefault(fact.claimant_id, []).append((fact.on, fact.parties))
    changes = await announced(connections["contracts"])
    async for position, fact in facts_in(connections["contracts"], ContractSubmitted):
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
        events.c.data["claimant_id"].astext,
        events.c.metadata["channel"].astext,
        sa.cast(events.c.metadata["business_date"].astext, sa.Date),
    )
    .where(events.c.metadata.has_key("channel"), events.c.data.has_key("claimant_id"))
    .order_by(events.c.position)
)
"""What follows for a period, as money that returns to it, is nothing done for a claimant."""


async def _channels_had_authority(connections: Connections, count: Count) -> AsyncIterator[Breach]:
    """Whatever a channel has made for a claimant rests on an authorisation for that matter that was in force that day.

    A revocation on the day itself may have come after.
    """
    given: dict[tuple[str, str, str], dict[str, tuple[date, date]]] = {}
    async for _, fact in facts_in(connections["registry"], ChannelAuthorised, ChannelAuthorisationRevoked):
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


_OFFICE_ACTS: tuple[tuple[str, type[Any], str, Duty], ...] = (
    ("issuance", PeriodProposed, "proposed_by", "planning"),
    ("issuance", PeriodPlanChanged, "changed_by", "planning"),
    ("issuance", PeriodWithdrawn, "withdrawn_by", "planning"),
    ("issuance", PeriodPaused, "paused_by", "planning"),
    ("issuance", PeriodResumed, "resumed_by", "planning"),
    ("issuance", PeriodApproved, "approved_by", "approval"),
    ("redemption", RedemptionReturned, "checked_by", "review"),
    ("redemption", RedemptionAccepted, "checked_by", "review"),
    ("redemption", ObjectionAnswered, "answered_by", "review"),
    ("redemption", DisbursementOrdered, "ordered_by", "finance"),
    ("redemption", FundsDisbursed, "approved_by", "approval"),
    ("redemption", RecoveryProposed, "proposed_by", "supervision"),
    ("redemption", RecoveryOrdered, "approved_by", "approval"),
    ("redemption", FundsRecovered, "recorded_by", "finance"),
    ("appraisal", RoundProposed, "proposed_by", "appraisal"),
    ("appraisal", RoundOpened, "approved_by", "approval"),
)
"""What the office decides, in which field its fact says who did, and whose duty it is."""


@dataclass(slots=True)
class _Appointment:
    """An appointment as the registry tells it: from when it was known, and the day on which it was ended, if it was."""

    fact: OfficeUserAppointed
    ended_on: date = date.max

    def counts_on(self, day: date, duty: Duty, *, known: date, ended: date) -> bool:
        """Tell whether it gives a duty on a day, if it is told by the day `known` and not ended by the day `ended`."""
        fact = self.fact
        within = fact.valid_from <= day <= (fact.valid_until or date.max)
        return within and duty in fact.duties and fact.on <= known and self.ended_on > ended


async def _duties_were_kept(connections: Connections, count: Count) -> AsyncIterator[Breach]:
    """What the office decided was decided by whoever had the duty, if anybody had it.

    Whoever was appointed or ended on the day itself may have been so before or after: both are taken as right.
    """
    appointments: dict[str, _Appointment] = {}
    async for _, fact in facts_in(connections["registry"], OfficeUserAppointed, OfficeUserEnded):
        if isinstance(fact, OfficeUserAppointed):
            appointments[fact.office_user_id] = _Appointment(fact)
        elif fact.office_user_id in appointments:
            appointments[fact.office_user_id].ended_on = fact.on
    one_day = timedelta(days=1)
    for context, kind, field, duty in _OFFICE_ACTS:
        async for position, fact in facts_in(connections[context], kind):
            count.checked += 1
            who, day = getattr(fact, field), fact.on if hasattr(fact, "on") else business_date(fact.at)
            surely = [a for a in appointments.values() if a.counts_on(day, duty, known=day - one_day, ended=day)]
            perhaps = [a for a in appointments.values() if a.counts_on(day, duty, known=day, ended=day - one_day)]
            if surely and who not in {a.fact.principal for a in perhaps}:
                found = f"{kind.__name__} on {day} by {who}, who did not have the duty {duty}"
                yield Breach(where=f"{context} {position}", found=found)


AUTHORITY_CHECKS = (
    CrossCheck(
        id="M10", promise="whoever contracts meets art. 7, and declares whom the register knows as related",
        contexts=("contracts", "registry"), look=_parties_may_contract,
    ),
    CrossCheck(
        id="R41", promise="a channel acts for a claimant where an authorisation is in force that day",
        contexts=("issuance", "contracts", "registry"), look=_channels_had_authority,
    ),
    CrossCheck(
        id="R42", promise="what the office decides is decided by whoever has the duty, once somebody has it",
        contexts=("issuance", "redemption", "appraisal", "registry"), look=_duties_were_kept,
    ),
)  # fmt: skip
