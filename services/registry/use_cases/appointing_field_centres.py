"""Who acts for a field centre (faq 5)."""

from services.registry.domain.field_centre import AppointFieldCentre, FieldCentre, field_centre
from services.registry.field_centres import field_centre_on
from services.registry.use_cases.streams import stream_of
from shared.events.registry.laboratories import FieldCentreAppointed
from shared.kernel.ids import is_id
from shared.store.transaction import Handled, Transaction, UnknownSubjectError


async def appoint(
    tx: Transaction, field_centre_id: str, officer: str, principal: str
) -> Handled[FieldCentreAppointed, FieldCentre]:
    """Say who acts for a field centre from now on; `UnknownSubjectError` for what is none."""
    stream = stream_of(field_centre_id, "fct")
    if field_centre_on(field_centre_id, tx.today) is None:
        raise UnknownSubjectError(field_centre_id)
    command = AppointFieldCentre(
        field_centre_id=field_centre_id, principal=principal, appointed_by=officer, on=tx.today
    )
    return await tx.handle(field_centre, stream, command)


async def principal_of(tx: Transaction, field_centre_id: str) -> str | None:
    """Name who acts for a field centre; None for what is none, and before somebody was appointed."""
    if not is_id(field_centre_id, "fct"):
        return None
    return (await tx.load(field_centre, stream_of(field_centre_id, "fct"))).state.principal
