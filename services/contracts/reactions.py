"""What contracts does when other contexts tell it something, and when its own waiting is over."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.contracts.tables import (
    authorisations,
    bans,
    claimants,
    closed,
    providers,
    services,
    vouchers,
    withheld,
)
from services.contracts.use_cases.lapsing_contracts import lapse
from services.contracts.use_cases.settling_commitments import (
    CONTRACT_LAPSES,
    note_commitment,
    reject_refused,
    reject_unanswered,
)
from services.contracts.use_cases.submitting_contracts import COMMITMENT_UNANSWERED
from shared.bus.reactions import Reactions
from shared.events.definition import Recorded
from shared.events.issuance.vouchers import VoucherClaimed, VoucherCommitmentRefused, VoucherCommitted
from shared.events.registry.claimants import ClaimantRegistered
from shared.events.registry.facilities import ServiceOffered, ServiceWithdrawn
from shared.events.registry.providers import (
    ProviderCapabilitiesChanged,
    ProviderDelisted,
    ProviderExitRequested,
    ProviderListed,
)
from shared.events.registry.standing import PartySanctioned, SanctionLifted
from shared.procedures.acting import following_users
from shared.procedures.acting_by_channel import following_channels
from shared.procedures.due import DueHandlers
from shared.store.transaction import Transaction

_BARRING = {"disqualify", "delist"}
"""The measures of art. 17 that take the right to begin something; suspending disbursement concerns payments only."""


async def _know_claimant(tx: Transaction, event: Recorded[ClaimantRegistered]) -> None:
    await tx.connection.execute(insert(claimants).values(claimant_id=event.data.claimant_id).on_conflict_do_nothing())


async def _list(tx: Transaction, event: Recorded[ProviderListed]) -> None:
    known = {
        "capabilities": list(event.data.capabilities),
        "listed_on": event.data.on,
        "delisted_on": None,
        "leaves_after": None,
    }
    statement = insert(providers).values(provider_id=event.data.provider_id, **known)
    await tx.connection.execute(statement.on_conflict_do_update(index_elements=["provider_id"], set_=known))


async def _change_capabilities(tx: Transaction, event: Recorded[ProviderCapabilitiesChanged]) -> None:
    of_provider = sa.update(providers).where(providers.c.provider_id == event.data.provider_id)
    await tx.connection.execute(of_provider.values(capabilities=list(event.data.capabilities)))


async def _take_notice(tx: Transaction, event: Recorded[ProviderExitRequested]) -> None:
    of_provider = sa.update(providers).where(providers.c.provider_id == event.data.provider_id)
    await tx.connection.execute(of_provider.values(leaves_after=event.data.until))


async def _delist(tx: Transaction, event: Recorded[ProviderDelisted]) -> None:
    of_provider = sa.update(providers).where(providers.c.provider_id == event.data.provider_id)
    await tx.connection.execute(of_provider.values(delisted_on=event.data.on))


async def _offer(tx: Transaction, event: Recorded[ServiceOffered]) -> None:
    known = {"provider_id": event.data.provider_id, "kind": event.data.kind}
    statement = insert(services).values(service_id=event.data.service_id, **known)
    await tx.connection.execute(statement.on_conflict_do_update(index_elements=["service_id"], set_=known))


async def _withdraw(tx: Transaction, event: Recorded[ServiceWithdrawn]) -> None:
    await tx.connection.execute(sa.delete(services).where(services.c.service_id == event.data.service_id))


async def _bar(tx: Transaction, event: Recorded[PartySanctioned]) -> None:
    if event.data.measure not in _BARRING:
        return
    statement = insert(bans).values(
        sanction_id=event.data.sanction_id,
        measure=event.data.measure,
        party_id=event.data.party_id,
        until=event.data.until,
    )
    await tx.connection.execute(statement.on_conflict_do_nothing())


async def _unbar(tx: Transaction, event: Recorded[SanctionLifted]) -> None:
    lifted = sa.delete(bans).where(bans.c.sanction_id == event.data.sanction_id, bans.c.measure == event.data.measure)
    await tx.connection.execute(lifted)


async def _know_voucher(tx: Transaction, event: Recorded[VoucherClaimed]) -> None:
    claimed = insert(vouchers).values(voucher_id=event.data.voucher_id, claimed_on=event.data.on)
    await tx.connection.execute(claimed.on_conflict_do_nothing())


async def _committed(tx: Transaction, event: Recorded[VoucherCommitted]) -> None:
    await note_commitment(tx, event.data)


async def _refused(tx: Transaction, event: Recorded[VoucherCommitmentRefused]) -> None:
    await reject_refused(tx, event.data)


REACTIONS: Reactions = {
    ClaimantRegistered: _know_claimant,
    ProviderListed: _list,
    ProviderCapabilitiesChanged: _change_capabilities,
    ProviderExitRequested: _take_notice,
    ProviderDelisted: _delist,
    ServiceOffered: _offer,
    ServiceWithdrawn: _withdraw,
    PartySanctioned: _bar,
    SanctionLifted: _unbar,
    VoucherClaimed: _know_voucher,
    VoucherCommitted: _committed,
    VoucherCommitmentRefused: _refused,
    **following_users(withheld),
    **following_channels(authorisations, closed),
}

DUE: DueHandlers = {COMMITMENT_UNANSWERED: reject_unanswered, CONTRACT_LAPSES: lapse}
