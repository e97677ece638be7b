"""The office evaluates each service agency's year, on figures that the records give and nobody types (faq 5)."""

import secrets
from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.registry.domain.affiliation import Ended, Granted
from services.registry.domain.evaluation import (
    ApproveEvaluation,
    Event,
    HeldDelegation,
    ProposeEvaluation,
    ReportedLaboratory,
    State,
    Unevaluated,
    WithdrawEvaluation,
    evaluation,
    figures_of,
)
from services.registry.domain.profile import digest_of
from services.registry.institution_tables import affiliations, evaluation_words
from services.registry.provider_tables import delegations
from services.registry.use_cases.affiliating import load_affiliated, locked_affiliation
from services.registry.use_cases.streams import stream_of
from shared.events.codec import decode
from shared.events.registry.evaluations import EvaluationFigures
from shared.events.registry.laboratories import LaboratoryEntered, LaboratoryLeft, LaboratoryReported
from shared.store.tables import events
from shared.store.transaction import Handled, Transaction, UnknownSubjectError


def stream_of_evaluation(agency_id: str, year: int) -> str:
    """Name the stream of a service agency's year: it has one evaluation."""
    stream_of(agency_id, "sag")
    return f"evaluation-{agency_id}-{year}"


async def propose(
    tx: Transaction, agency_id: str, officer: str, *, year: int, assessment: str
) -> Handled[Event, State]:
    """Evaluate a year that is over; what the office says of it is public once somebody else approves it."""
    stream = stream_of_evaluation(agency_id, year)
    if (await locked_affiliation(tx, agency_id)).kind != "service_agency":
        raise UnknownSubjectError(agency_id)
    terms, salt = tx.measures.on(tx.today), secrets.token_hex(16)
    command = ProposeEvaluation(
        agency_id=agency_id,
        year=year,
        was_listed=await _was_listed(tx, agency_id, year),
        figures=await figures_from_records(tx, agency_id, year),
        assessment_digest=digest_of(salt, {"assessment": assessment}),
        proposed_by=officer,
        on=tx.today,
        pack=terms.pack,
        pack_digest=terms.digest,
    )
    handled = await tx.handle(evaluation, stream, command)
    words = {"assessment": assessment, "salt": salt}
    kept = insert(evaluation_words).values(agency_id=agency_id, year=year, **words)
    await tx.connection.execute(kept.on_conflict_do_update(index_elements=["agency_id", "year"], set_=words))
    return handled


async def approve(
    tx: Transaction, agency_id: str, year: int, approver: str, *, if_match: int | None
) -> Handled[Event, State]:
    """Approve as the second pair of eyes; from now on anyone may read it."""
    stream = await _proposed(tx, agency_id, year)
    return await tx.handle(evaluation, stream, ApproveEvaluation(approved_by=approver, on=tx.today), if_match=if_match)


async def withdraw(
    tx: Transaction, agency_id: str, year: int, officer: str, *, if_match: int | None
) -> Handled[Event, State]:
    """Let a proposal come to nothing, so that another can be made."""
    stream = await _proposed(tx, agency_id, year)
    return await tx.handle(evaluation, stream, WithdrawEvaluation(withdrawn_by=officer, on=tx.today), if_match=if_match)


async def figures_from_records(tx: Transaction, agency_id: str, year: int) -> EvaluationFigures:
    """Take an agency's figures of a year from what the log and the delegations say."""
    through = (affiliations.c.kind == "laboratory") & (affiliations.c.through == agency_id)
    reported = (await tx.connection.execute(sa.select(affiliations.c.party_id).where(through))).scalars()
    streams = [stream_of(laboratory_id, "lab") for laboratory_id in reported]
    accepted = sa.select(delegations).where(
        delegations.c.agency_id == agency_id, delegations.c.accepted_on.is_not(None)
    )
    held = [
        HeldDelegation(
            provider_id=row.provider_id,
            first_day=max(row.accepted_on, row.valid_from),
            last_day=row.valid_until,
            ended_on=row.ended_on,
        )
        for row in await tx.connection.execute(accepted)
    ]
    return figures_of(year, [await _history(tx, stream) for stream in streams], held)


async def _history(tx: Transaction, stream: str) -> ReportedLaboratory:
    """Give the first report and every stay of a laboratory, past ones included, which its state forgets."""
    rows = await tx.connection.execute(
        sa.select(events.c.type, sa.cast(events.c.data, sa.Text).label("data"))
        .where(events.c.stream == stream, events.c.type.like("cxq.registry.laboratory-%"))
        .order_by(events.c.version)
    )
    reported_on: date | None = None
    stays: list[tuple[date, date | None]] = []
    for row in rows:
        match decode(row.type, row.data):
            case LaboratoryReported(on=on):
                reported_on = reported_on or on
            case LaboratoryEntered(on=on):
                stays.append((on, None))
            case LaboratoryLeft(entered_on=entered_on, on=on):
                stays[-1] = (entered_on, on)
            case _:
                pass
    if reported_on is None:
        raise LookupError(f"{stream} was never reported")
    return ReportedLaboratory(reported_on=reported_on, stays=tuple(stays))


async def _was_listed(tx: Transaction, agency_id: str, year: int) -> bool:
    joined = (await load_affiliated(tx, agency_id, "service_agency")).state.affiliation
    match joined:
        case Granted(on=on):
            return bool(on.year <= year)
        case Ended(granted_on=date() as granted_on, on=on):
            return bool(granted_on.year <= year and on > date(year, 1, 1))
        case _:
            return False


async def _proposed(tx: Transaction, agency_id: str, year: int) -> str:
    stream = stream_of_evaluation(agency_id, year)
    if isinstance((await tx.load(evaluation, stream)).state, Unevaluated):
        raise UnknownSubjectError(f"{agency_id} {year}")
    return stream
