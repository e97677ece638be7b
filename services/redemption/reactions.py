"""What redemption does when other contexts tell it something."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.redemption.tables import appointed, experts, sanctions
from services.redemption.use_cases.opening_windows import open_window, refuse_for_revocation
from shared.bus.reactions import Reactions
from shared.events.contracts import ContractCompleted
from shared.events.definition import Recorded
from shared.events.issuance.vouchers import VoucherRevoked
from shared.events.registry.experts import ExpertAbsencesChanged, ExpertEnrolled, ExpertProfileChanged
from shared.events.registry.standing import PartySanctioned, SanctionLifted
from shared.procedures.duties import following_appointments
from shared.store.transaction import Transaction


async def _open(tx: Transaction, event: Recorded[ContractCompleted]) -> None:
    await open_window(tx, event.data)


async def _enrol(tx: Transaction, event: Recorded[ExpertEnrolled]) -> None:
    known = {"principal": event.data.principal, "employer_id": event.data.employer_id}
    statement = insert(experts).values(expert_id=event.data.expert_id, **known)
    await tx.connection.execute(statement.on_conflict_do_update(index_elements=["expert_id"], set_=known))


async def _profile(tx: Transaction, event: Recorded[ExpertProfileChanged]) -> None:
    known = {"employer_id": None, "employers": list(event.data.employers), "load_max": event.data.load_max}
    await tx.connection.execute(sa.update(experts).where(experts.c.expert_id == event.data.expert_id).values(known))


async def _absences(tx: Transaction, event: Recorded[ExpertAbsencesChanged]) -> None:
    days = [[absence.first_day.isoformat(), absence.last_day.isoformat()] for absence in event.data.absences]
    of_expert = sa.update(experts).where(experts.c.expert_id == event.data.expert_id)
    await tx.connection.execute(of_expert.values(absences=days))


async def _stop(tx: Transaction, event: Recorded[VoucherRevoked]) -> None:
    await refuse_for_revocation(tx, event.data.voucher_id)


async def _suspend(tx: Transaction, event: Recorded[PartySanctioned]) -> None:
    statement = insert(sanctions).values(
        sanction_id=event.data.sanction_id,
        party_id=event.data.party_id,
        measure=event.data.measure,
        until=event.data.until,
    )
    await tx.connection.execute(statement.on_conflict_do_nothing())


async def _resume(tx: Transaction, event: Recorded[SanctionLifted]) -> None:
    await tx.connection.execute(sa.delete(sanctions).where(sanctions.c.sanction_id == event.data.sanction_id))


REACTIONS: Reactions = {
    ContractCompleted: _open,
    ExpertEnrolled: _enrol,
    ExpertProfileChanged: _profile,
    ExpertAbsencesChanged: _absences,
    PartySanctioned: _suspend,
    SanctionLifted: _resume,
    VoucherRevoked: _stop,
    **following_appointments(appointed),
}
