"""Referral agencies: from the application to the public list, and what they do there (faq 4)."""

from datetime import date
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Path, Request, Response

from services.registry.api import affiliations as joining
from services.registry.api.agency_models import (
    EventPlanBody,
    EventReportBody,
    PromotionEventView,
    ReferralAgencyItem,
    ReferralAgencyView,
    ReferralProfileBody,
    ReferralWorkView,
    TrainingBody,
    TrainingView,
)
from services.registry.api.institution_models import AffiliationView, ReferralApplicationBody
from services.registry.api.queries import DayQuery, day_asked
from services.registry.domain.affiliation import Ended
from services.registry.domain.credit_code import normalised
from services.registry.domain.referral_agency import ReferralAgency, referral_agency
from services.registry.institution_tables import affiliations, agency_occasions, referral_profiles
from services.registry.projections.agency_list import agency_list
from services.registry.use_cases import referring
from services.registry.use_cases.appointing_office_users import check_duty
from services.registry.use_cases.referring import AgencyHandled
from services.registry.use_cases.streams import stream_of
from shared.http.commands import CommandRequest, Presented
from shared.http.policy import Role
from shared.http.reading import CursorText, Limit, Page, ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Transaction, UnknownSubjectError

router = router_for("registry", tag="referral-agencies")
AgencyId = Annotated[str, Path(max_length=40, examples=["rag_01kdvdna00ek7990e5df8shghf"])]
EventId = Annotated[str, Path(max_length=40, examples=["pev_01kdvdna00ek7990e5df8shghf"])]
_RULES = (
    "referral-enterprises-too-few", "referral-undertaking-missing", "referral-events-too-few",
    "referral-working-rules-incomplete",
)  # fmt: skip


@router.post(
    "/referral-agencies",
    operation_id="applyAsReferralAgency",
    status_code=201,
    response_model=AffiliationView,
    summary="申请成为推荐机构 · Apply to become a referral agency (faq 4)",
    openapi_extra=operation(codes=(*joining.APPLYING, *_RULES, "principal-has-agency", "credit-code-taken")),
)
async def apply_as_referral_agency(body: ReferralApplicationBody, request: CommandRequest, http: Request) -> Response:
    """Apply with the form, the undertaking, the working mechanism and the safeguards; every rule is said at once."""
    party_id = request.new_id("rag")
    sent = joining.submission_of(request.caller, "referral_agency", body, normalised(body.credit_code))
    return await joining.apply(request, http, party_id, sent, path="/v1/affiliations")


@router.post(
    "/referral-agencies/{agency_id}/correction",
    operation_id="correctReferralApplication",
    response_model=AffiliationView,
    summary="补正推荐机构申请 · Correct a returned application",
    openapi_extra=operation(if_match=True, codes=(*joining.APPLYING, *_RULES, "credit-code-stays")),
)
async def correct_referral_application(
    agency_id: AgencyId, body: ReferralApplicationBody, request: CommandRequest, http: Request
) -> Response:
    """Send a returned application again."""
    sent = joining.submission_of(request.caller, "referral_agency", body, normalised(body.credit_code))
    return await joining.correct(request, http, agency_id, sent)


@router.get(
    "/referral-agencies",
    operation_id="listReferralAgencies",
    response_model=Page[ReferralAgencyItem],
    summary="推荐机构名单 · The public list of referral agencies",
    openapi_extra=operation(idempotent=False, codes=("day-not-yet-come",)),
)
async def list_referral_agencies(
    request: ReadRequest, on: DayQuery = None, limit: Limit = 50, cursor: CursorText = None
) -> Page[ReferralAgencyItem]:
    """Show who is or was on the list on a day; nobody is before its profile is complete."""
    day = day_asked(request, on)
    await request.caught_up(agency_list)
    query = listed_agencies("referral_agency", day)
    return await request.page(query, [agency_list.table.c.party_id], limit, cursor, _item)


@router.get(
    "/referral-agencies/{agency_id}",
    operation_id="getReferralAgency",
    response_model=ReferralAgencyView,
    summary="推荐机构详情 · One referral agency",
    openapi_extra=operation(idempotent=False, codes=("day-not-yet-come",)),
)
async def get_referral_agency(agency_id: AgencyId, request: ReadRequest, on: DayQuery = None) -> Response:
    """Show the profile of an agency that is on the list, or was, and whether it was on it on a day."""
    day = day_asked(request, on)
    async with request.reading() as tx:
        loaded = await tx.load(referral_agency, stream_of(agency_id, "rag"))
        if loaded.state.listed_on is None:
            raise UnknownSubjectError(agency_id)
        view = await _shown(tx, agency_id, loaded.state, loaded.state.listed_on, day)
    return request.answer(Presented(body=view, version=loaded.version))


@router.post(
    "/referral-agencies/{agency_id}/profile",
    operation_id="describeReferralAgency",
    response_model=ReferralAgencyView,
    summary="完善本单位介绍、服务特色、联系方式 · Complete the public profile",
    openapi_extra=operation(if_match=True, codes=(joining.WRONG_STAGE, "party-barred")),
)
async def describe_referral_agency(agency_id: AgencyId, body: ReferralProfileBody, request: CommandRequest) -> Response:
    """Describe the own agency; the first profile puts it on the public list."""

    async def describe(tx: Transaction) -> tuple[int, ReferralAgencyView]:
        handled = await referring.describe(
            tx, agency_id, request.caller.principal, body.model_dump(mode="json"), if_match=request.if_match
        )
        listed_on = handled.state.listed_on or tx.today
        return handled.version, await _shown(tx, agency_id, handled.state, listed_on, tx.today)

    return await request.run(describe, lambda result: Presented(body=result[1], version=result[0]))


@router.get(
    "/referral-agencies/{agency_id}/work",
    operation_id="getReferralWork",
    response_model=ReferralWorkView,
    summary="培训、活动与服务企业 · Training, events and enterprises served",
    openapi_extra=operation(idempotent=False),
)
async def get_referral_work(agency_id: AgencyId, request: ReadRequest) -> Response:
    """Show what an agency has done, to itself and to the office."""
    async with request.reading() as tx:
        loaded = await tx.load(referral_agency, stream_of(agency_id, "rag"))
        owner = sa.select(affiliations.c.principal).where(affiliations.c.party_id == agency_id)
        principal = (await tx.connection.execute(owner)).scalar_one_or_none()
        own = request.caller.role is not Role.REFERRAL_AGENCY or principal == request.caller.principal
        if principal is None or not own:
            raise UnknownSubjectError(agency_id)
        view = await _work(tx, agency_id, loaded.state)
    return request.answer(Presented(body=view, version=loaded.version))


@router.post(
    "/referral-agencies/{agency_id}/trainings",
    operation_id="recordReferralTraining",
    status_code=201,
    response_model=ReferralWorkView,
    summary="登记业务培训 · Record a training held for an agency",
    openapi_extra=operation(codes=(joining.WRONG_STAGE, "held-in-the-future", "held-before-joining", "duty-missing")),
)
async def record_referral_training(agency_id: AgencyId, body: TrainingBody, request: CommandRequest) -> Response:
    """Record that the office held its training for an agency, and whether it came."""
    training_id = request.new_id("trn")

    async def record(tx: Transaction) -> tuple[int, ReferralWorkView]:
        await check_duty(tx, request.caller.principal, "registry")
        handled = await referring.record_training(
            tx, agency_id, training_id, request.caller.principal, held_on=body.held_on, attended=body.attended,
            title=body.title, place=body.place,
        )  # fmt: skip
        return await _worked(tx, agency_id, handled)

    return await request.run(record, lambda result: Presented(body=result[1], version=result[0], status=201))


@router.post(
    "/referral-agencies/{agency_id}/events",
    operation_id="planPromotionEvent",
    status_code=201,
    response_model=ReferralWorkView,
    summary="计划宣传和对接活动 · Plan a promotion event",
    openapi_extra=operation(codes=(joining.WRONG_STAGE, "event-planned-in-the-past", "party-barred")),
)
async def plan_promotion_event(agency_id: AgencyId, body: EventPlanBody, request: CommandRequest) -> Response:
    """Plan one of the events of the undertaking."""
    event_id = request.new_id("pev")

    async def plan(tx: Transaction) -> tuple[int, ReferralWorkView]:
        handled = await referring.plan_event(
            tx, agency_id, event_id, request.caller.principal, planned_for=body.planned_for, title=body.title,
            place=body.place,
        )  # fmt: skip
        return await _worked(tx, agency_id, handled)

    return await request.run(plan, lambda result: Presented(body=result[1], version=result[0], status=201))


@router.post(
    "/referral-agencies/{agency_id}/events/{event_id}/report",
    operation_id="reportPromotionEvent",
    response_model=ReferralWorkView,
    summary="报告已举办的活动 · Report that an event was held",
    openapi_extra=operation(
        if_match=True,
        codes=(
            joining.WRONG_STAGE, "event-not-planned", "held-in-the-future", "held-before-joining", "party-barred",
        ),
    ),
)  # fmt: skip
async def report_promotion_event(
    agency_id: AgencyId, event_id: EventId, body: EventReportBody, request: CommandRequest
) -> Response:
    """Say when a planned event was held, and how many enterprises came."""

    async def report(tx: Transaction) -> tuple[int, ReferralWorkView]:
        handled = await referring.report_event(
            tx, agency_id, event_id, request.caller.principal, held_on=body.held_on, enterprises=body.enterprises,
            if_match=request.if_match,
        )  # fmt: skip
        return await _worked(tx, agency_id, handled)

    return await request.run(report, lambda result: Presented(body=result[1], version=result[0]))


def listed_agencies(kind: str, day: date) -> sa.Select[Any]:
    """Select the agencies of a kind that are on the list on a day, with their names."""
    table = agency_list.table
    return (
        sa.select(table, affiliations.c.name)
        .join(affiliations, affiliations.c.party_id == table.c.party_id)
        .where(table.c.kind == kind, table.c.listed_on <= day, table.c.left_on.is_(None) | (table.c.left_on > day))
    )


async def _shown(
    tx: Transaction, agency_id: str, state: ReferralAgency, listed_on: date, day: date
) -> ReferralAgencyView:
    query = (
        sa.select(affiliations.c.name, referral_profiles.c.profile)
        .join(referral_profiles, referral_profiles.c.agency_id == affiliations.c.party_id)
        .where(affiliations.c.party_id == agency_id)
    )
    row = (await tx.connection.execute(query)).one()
    left_on = state.affiliation.on if isinstance(state.affiliation, Ended) else None
    return ReferralAgencyView(
        party_id=agency_id,
        name=row.name,
        introduction=row.profile["introduction"],
        service_characteristics=row.profile["service_characteristics"],
        phone=row.profile["contact"]["phone"],
        email=row.profile["contact"]["email"],
        address=row.profile["address"],
        listed_on=listed_on,
        left_on=left_on,
        listed=listed_on <= day and (left_on is None or day < left_on),
    )


async def _worked(tx: Transaction, agency_id: str, handled: AgencyHandled) -> tuple[int, ReferralWorkView]:
    return handled.version, await _work(tx, agency_id, handled.state)


async def _work(tx: Transaction, agency_id: str, state: ReferralAgency) -> ReferralWorkView:
    found = await tx.connection.execute(sa.select(agency_occasions).where(agency_occasions.c.agency_id == agency_id))
    about = {row.occasion_id: {"title": row.title, "place": row.place} for row in found}
    return ReferralWorkView(
        party_id=agency_id,
        listed_on=state.listed_on,
        trainings=[
            TrainingView(
                training_id=training.training_id,
                held_on=training.held_on,
                attended=training.attended,
                **about[training.training_id],
            )
            for training in state.trainings
        ],
        events=[
            PromotionEventView(
                event_id=event.event_id,
                planned_for=event.planned_for,
                held_on=event.held_on,
                enterprises=event.enterprises,
                **about[event.event_id],
            )
            for event in state.events
        ],
        events_held=sum(event.held_on is not None for event in state.events),
        events_needed=tx.measures.on(tx.today).standing.referral_agency_events_min,
        offered=len(state.offered),
        serves=len(state.serves),
    )


def _item(row: Any) -> ReferralAgencyItem:
    return ReferralAgencyItem(**{name: getattr(row, name) for name in ReferralAgencyItem.model_fields})
