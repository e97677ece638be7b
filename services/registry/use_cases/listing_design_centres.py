"""Which laboratories can offer industrial design (faq 3)."""

import secrets

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.registry.domain.design_centre import DelistDesignCentre, Event, ListDesignCentre, State, design_centre
from services.registry.domain.laboratory import laboratory
from services.registry.domain.profile import digest_of
from services.registry.institution_tables import design_centres
from services.registry.use_cases.affiliating import check_not_barred, locked_affiliation
from services.registry.use_cases.streams import stream_of
from shared.kernel.refusal import refuse
from shared.store.transaction import Handled, Transaction, UnknownSubjectError


async def list_design_centre(
    tx: Transaction, design_centre_id: str, laboratory_id: str, officer: str
) -> Handled[Event, State]:
    """Put a laboratory of the catalogue on the list, once at a time."""
    try:
        stream = stream_of(laboratory_id, "lab")
        row = await locked_affiliation(tx, laboratory_id)
    except UnknownSubjectError:
        raise refuse("laboratory-not-in-catalogue", article="faq 3", value=laboratory_id, kind="state") from None
    await check_not_barred(tx, row)
    state = (await tx.load(laboratory, stream)).state
    command = ListDesignCentre(
        design_centre_id=design_centre_id,
        laboratory_id=laboratory_id,
        in_catalogue=state.is_in_catalogue(tx.today),
        listed_by=officer,
        on=tx.today,
    )
    handled = await tx.handle(design_centre, stream_of(design_centre_id, "dsc"), command)
    taken = await tx.connection.execute(
        insert(design_centres)
        .values(design_centre_id=design_centre_id, laboratory_id=laboratory_id)
        .on_conflict_do_nothing()
        .returning(design_centres.c.design_centre_id)
    )
    if taken.first() is None:
        raise refuse("design-centre-already-listed", article="faq 3", value=laboratory_id, kind="state")
    return handled


async def delist_design_centre(
    tx: Transaction, design_centre_id: str, officer: str, reason: str, *, if_match: int | None
) -> Handled[Event, State]:
    """Take a laboratory off the list with a reason, which stays with the office."""
    known = sa.select(design_centres.c.laboratory_id).where(design_centres.c.design_centre_id == design_centre_id)
    if (await tx.connection.execute(known.with_for_update())).first() is None:
        raise UnknownSubjectError(design_centre_id)
    salt = secrets.token_hex(16)
    command = DelistDesignCentre(reason_digest=digest_of(salt, {"reason": reason}), delisted_by=officer, on=tx.today)
    handled = await tx.handle(design_centre, stream_of(design_centre_id, "dsc"), command, if_match=if_match)
    await tx.connection.execute(
        sa.update(design_centres)
        .where(design_centres.c.design_centre_id == design_centre_id)
        .values(reason=reason, salt=salt, delisted=True)
    )
    return handled
