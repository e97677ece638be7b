"""Claims: first come, first served, each with one key and one answer (art. 12, 15(1))."""

from typing import Annotated

import msgspec
from fastapi import Header, Path, Query, Request, Response

from services.issuance.api.awarded import awarded
from services.issuance.api.forwarding import FORWARDED
from services.issuance.api.intake_desk import desk_of
from services.issuance.api.models import ClaimByKey, ClaimProspect, ClaimRequest, Voucher
from services.issuance.intake.answers import close_key
from services.issuance.use_cases.claiming import Prospect, rehearse_claim
from services.issuance.waiting_room.tokens import ENTRY_TOKEN
from shared.http.commands import CommandRequest, Presented, response_of
from shared.http.desk import cause_of
from shared.http.edge import edge_of, visit_of
from shared.http.identity import claimant_of
from shared.http.models import Money
from shared.http.policy import Role
from shared.http.reading import ReadRequest
from shared.http.routes import IDEMPOTENCY_KEY, operation, router_for
from shared.kernel.ids import is_id
from shared.store.execution import Answer, KeyInProgressError
from shared.store.transaction import UnknownSubjectError

router = router_for("issuance", tag="claims")
CLAIM = "claimVoucher"

EntryToken = Annotated[
    str,
    Header(
        alias=ENTRY_TOKEN,
        description=(
            "入场令牌，设等候室的周期须填；此时 Idempotency-Key 为票号 · "
            "The token of a place, in a period with a waiting room; the Idempotency-Key is its ticket_id then"
        ),
        examples=["c2VhbGVk"],
    ),
]

REFUSALS = (
    "channel-not-authorised",
    "claimant-not-named",
    "user-may-only-read",
    "claimant-not-eligible",
    "claimant-not-registered",
    "claimant-banned",
    "face-value-out-of-range",
    "allowance-exceeded",
    "period-not-approved",
    "period-withdrawn",
    "period-paused",
    "period-not-open-yet",
    "period-draws",
    "entries-being-decided",
    "period-closed",
    "entry-token-missing",
    "entry-token-invalid",
    "entry-token-early",
    "entry-token-expired",
    "quota-exhausted",
)


@router.post(
    "/claims",
    operation_id=CLAIM,
    status_code=201,
    response_model=Voucher,
    responses={200: {"model": ClaimProspect, "description": "试算（dry_run=true） · What the claim would bring"}},
    summary="申领创新券 · Claim a voucher",
    openapi_extra=operation(codes=(*REFUSALS, "key-fenced", "not-found")),
)
async def claim_voucher(
    body: ClaimRequest,
    request: CommandRequest,
    http: Request,
    entry_token: EntryToken = "",
    dry_run: Annotated[bool, Query(description="只试算，不申领，不占用键 · Only say what would happen")] = False,  # noqa: FBT002 (a query parameter)
) -> Response:
    if not is_id(body.period_id, "prd"):
        raise UnknownSubjectError(body.period_id)
    claimant_id, amount = claimant_of(request.caller, body.claimant_id), body.amount.amount
    if dry_run:
        async with request.reading() as tx:
            prospect = await rehearse_claim(
                tx,
                period_id=body.period_id,
                claimant_id=claimant_id,
                amount=amount,
                by_channel=request.caller.role is Role.CHANNEL,
                shown=desk_of(http).shown(
                    entry_token, request.caller, body.period_id, http.headers["idempotency-key"], body.claimant_id
                ),
            )
        return response_of(Presented(body=_foretold(body.amount, prospect)).answer())
    key = await request.key()
    visit, token = visit_of(http), http.headers["authorization"]
    visit.forwarded = FORWARDED.lower() in http.headers
    answer = await desk_of(http).claim(
        visit, key, body.period_id, amount, token=token, entry_token=entry_token, named=body.claimant_id
    )
    return response_of(answer)


@router.get(
    "/claims/by-key/{key}",
    operation_id="getClaimByKey",
    response_model=ClaimByKey,
    summary="按 Idempotency-Key 查询申领结果 · What became of a claim whose answer was lost",
)
async def get_claim_by_key(
    key: Annotated[str, Path(pattern=f"^{IDEMPOTENCY_KEY.pattern}$", examples=["7f9c2ba4-e88f-4a27"])],
    reading: ReadRequest,
    http: Request,
) -> Response:
    if desk_of(http).intake.is_under_way(reading.caller.principal, key):
        raise KeyInProgressError(key)
    commands, principal = edge_of(http).runtime.commands, reading.caller.principal
    answer = await commands.perform(
        cause_of(visit_of(http)), lambda tx: close_key(tx, principal=principal, key=key, granted=awarded)
    )
    return response_of(Presented(body=_resolved(key, answer)).answer())


def _foretold(amount: Money, prospect: Prospect) -> ClaimProspect:
    return ClaimProspect(
        amount=amount,
        register_by=prospect.register_by.last_day,
        register_by_provisional=prospect.register_by.provisional,
        remaining_quota=Money.of(prospect.grant.remaining_quota),
        remaining_allowance=Money.of(prospect.grant.remaining_allowance),
    )


def _resolved(key: str, answer: Answer | None) -> ClaimByKey:
    if answer is None:
        return ClaimByKey(key=key, outcome="not_seen", voucher=None, problem=None)
    if answer.status == 201:  # noqa: PLR2004 (created)
        voucher = Voucher.model_validate_json(answer.body)
        return ClaimByKey(key=key, outcome="issued", voucher=voucher, problem=None)
    return ClaimByKey(key=key, outcome="refused", voucher=None, problem=msgspec.json.decode(answer.body))
