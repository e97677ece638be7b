"""Whose claims wait behind whose: a company's behind its own, a channel's behind the channel's."""

import asyncio

from services.issuance.intake.intake import OWN_LINE_MAX, TooManyClaimsError
from shared.kernel.refusal import Refused
from shared.store.execution import Answer, IdempotencyKey
from shared.store.transaction import Cause
from tests.integration.issuance.office import Office
from tests.integration.issuance.stories import authorised

FACE = 100


async def _by_channel(office: Office, period_id: str, claimant_id: str, key: str, amount: int = FACE) -> Answer:
    """Claim for a company as a channel's clerk; a refusal's codes are its body."""

    def told(refused: Refused) -> Answer:
        return Answer(status=422, body=" ".join(reason.code for reason in refused.reasons).encode())

    return await office.intake.claim(
        period_id=period_id,
        claimant_id=claimant_id,
        amount=amount,
        at=office.clock.now(),
        key=IdempotencyKey("clerk", "claimVoucher", key, f"{period_id} {claimant_id}".encode()),
        cause=Cause(actor="clerk", correlation_id=key),
        told=told,
        by_channel=True,
    )


async def test_nobody_keeps_a_company_out_of_the_line_by_naming_it(office: Office) -> None:
    company, period_id = await office.register(), await office.open_period()
    strangers = [
        asyncio.create_task(_by_channel(office, period_id, company, f"naming-{number}"))
        for number in range(OWN_LINE_MAX + 5)
    ]
    await asyncio.sleep(0)  # all of them have come before the company
    granted = await office.ask(period_id, company, FACE)
    assert granted.status == 201
    answers = await asyncio.gather(*strangers, return_exceptions=True)
    refused = [answer.body for answer in answers if isinstance(answer, Answer)]
    assert refused == [b"channel-not-authorised"] * (OWN_LINE_MAX + 1)
    assert sum(isinstance(answer, TooManyClaimsError) for answer in answers) == 4
    assert (await office.quota_of(period_id))[1:] == (FACE, 0, 1)


async def test_a_company_and_its_channel_at_once_get_no_more_than_the_allowance(office: Office) -> None:
    company, period_id = await office.register(), await office.open_period()
    await office.tell(authorised(company, "clerk", office))
    largest = 5_000_000
    answers = await asyncio.gather(
        *(office.ask(period_id, company, largest) for _ in range(3)),
        *(_by_channel(office, period_id, company, f"for-it-{number}", largest) for number in range(3)),
        return_exceptions=True,
    )
    granted = [answer for answer in answers if isinstance(answer, Answer) and answer.status == 201]
    assert len(granted) == 4
    assert (await office.quota_of(period_id))[1:] == (4 * largest, 0, 4)
