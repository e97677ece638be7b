"""From project to registration and beyond, with issuance's answers and the office's own deadlines (art. 9, 10, 15)."""

import asyncio
from dataclasses import replace
from datetime import date, time, timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from services.contracts.domain.contract import Completed, Lapsed, Registered, Rejected, Submitted
from services.contracts.tables import project_texts
from services.contracts.use_cases.answering_projects import confirm
from services.contracts.use_cases.keeping_texts import ProjectTexts, digest_of, texts_of
from shared.events.contracts import ProjectProposed
from shared.events.issuance.vouchers import WhyNot
from shared.events.registry.facilities import ServiceOffered, ServiceWithdrawn
from shared.events.registry.providers import ProviderCapabilitiesChanged, ProviderDelisted, ProviderExitRequested
from shared.events.registry.standing import SanctionLifted
from shared.kernel.money import yuan
from shared.kernel.refusal import Refused
from shared.store.tables import deadlines
from shared.store.transaction import UnknownSubjectError, read_log
from tests.integration.contracts.office import APRIL_30, JUNE_10, MARCH_2, MARCH_5, MARCH_10, ONE_DAY, TEXTS, Office


def codes(refusal: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [reason.code for reason in refusal.value.reasons]


@pytest.fixture(autouse=True)
def _on_the_second_of_march(office: Office) -> None:
    office.clock.set_to(MARCH_2)


async def test_what_a_project_is_about_stays_out_of_the_log(office: Office) -> None:
    project_id = await office.propose(await office.meet())
    async with office.engine.connect() as connection:
        facts = [event.data for event in await read_log(connection, "contracts", after=0, limit=10_000)]
        (fact,) = [f for f in facts if isinstance(f, ProjectProposed) and f.project_id == project_id]
        row = (await connection.execute(sa.select(project_texts).where(project_texts.c.project_id == project_id))).one()
        logged = (await connection.execute(sa.text("SELECT string_agg(data::text, '') FROM events"))).scalar_one()
        assert await texts_of(connection, project_id) == TEXTS
    assert TEXTS.description not in logged
    assert TEXTS.title not in logged
    assert fact.description_digest == digest_of(row.salt, TEXTS)
    assert fact.description_digest != digest_of(row.salt, ProjectTexts(title=TEXTS.title, description="another"))


async def test_only_the_provider_it_was_proposed_to_may_answer(office: Office) -> None:
    pair, other = await office.meet(), await office.meet()
    project_id = await office.propose(pair)
    for stranger in (other.provider_id, None):
        answer = partial(confirm, project_id=project_id, provider_id=stranger, confirmed_by="x", if_match=None)
        with pytest.raises(UnknownSubjectError):
            await office.do(answer)


async def test_the_provider_is_listed_until_the_day_before_its_delisting(office: Office) -> None:
    pair = await office.meet()
    await office.hear(ProviderDelisted(provider_id=pair.provider_id, reason="exit", on=MARCH_5))
    office.clock.set_to(MARCH_5 - ONE_DAY, time(23, 59, 59))
    await office.propose(pair)
    office.clock.set_to(MARCH_5, time(0))
    with pytest.raises(Refused) as refusal:
        await office.propose(pair)
    assert codes(refusal) == ["provider-not-listed"]


async def test_a_provider_whose_notice_is_over_begins_nothing_and_completes_what_it_has(office: Office) -> None:
    pair = await office.meet()
    confirmed = await office.propose(pair)
    await office.confirm(pair, confirmed)
    use = office.voucher()
    running = await office.submit(pair, await office.agree(pair), use)
    await office.commit(running, use)
    notice = ProviderExitRequested(
        provider_id=pair.provider_id, reason_digest="r", until=MARCH_10, provisional=False, on=MARCH_2, pack="",
        pack_digest="",
    )  # fmt: skip
    await office.hear(notice)
    office.clock.set_to(MARCH_10, time(23, 59, 59))
    proposed = await office.propose(pair)
    office.clock.set_to(MARCH_10 + ONE_DAY, time(0))
    for step in (office.propose(pair), office.confirm(pair, proposed)):
        with pytest.raises(Refused) as refusal:
            await step
        assert codes(refusal) == ["provider-has-left"]
    office.clock.set_to(APRIL_30)
    await office.complete(pair, running)
    await office.hear(ProviderDelisted(provider_id=pair.provider_id, reason="exit", on=APRIL_30))
    with pytest.raises(Refused) as gone:
        await office.propose(pair)
    assert codes(gone) == ["provider-not-listed"]


async def test_a_service_that_was_withdrawn_or_is_another_providers_is_not_offered(office: Office) -> None:
    pair, other = await office.meet(), await office.meet()
    crossed = type(pair)(pair.claimant_id, pair.provider_id, other.service_id)
    with pytest.raises(Refused) as refusal:
        await office.propose(crossed)
    assert codes(refusal) == ["service-not-offered"]
    await office.hear(ServiceWithdrawn(service_id=pair.service_id, provider_id=pair.provider_id, on=MARCH_2))
    with pytest.raises(Refused) as refusal:
        await office.propose(pair)
    assert codes(refusal) == ["service-not-offered"]


async def test_industrial_design_is_for_a_provider_that_has_the_capability_today(office: Office) -> None:
    pair = await office.meet()
    design = ServiceOffered(
        service_id=pair.service_id, facility_id="fac_1", provider_id=pair.provider_id, kind="industrial_design",
        unit_price=10_000, on=MARCH_2,
    )  # fmt: skip
    gained = ProviderCapabilitiesChanged(
        provider_id=pair.provider_id, capabilities=("testing", "industrial_design"), third_party_testing=False,
        changed_by="officer-1", on=MARCH_2,
    )  # fmt: skip
    await office.hear(design)
    with pytest.raises(Refused) as without:
        await office.propose(pair)
    assert codes(without) == ["design-capability-missing"]
    await office.hear(gained)
    await office.propose(pair)
    await office.hear(replace(gained, capabilities=("testing",)))
    with pytest.raises(Refused) as lost:
        await office.propose(pair)
    assert codes(lost) == ["design-capability-missing"]


async def test_a_banned_party_is_refused_through_the_last_day_of_the_ban(office: Office) -> None:
    pair = await office.meet()
    await office.ban(pair.claimant_id, until=MARCH_5)
    office.clock.set_to(MARCH_5, time(23, 59, 59))
    with pytest.raises(Refused) as refusal:
        await office.propose(pair)
    assert codes(refusal) == ["claimant-barred"]
    office.clock.set_to(MARCH_5 + ONE_DAY, time(0))
    await office.propose(pair)


@pytest.mark.parametrize(("party", "code"), [("claimant_id", "claimant-barred"), ("provider_id", "provider-barred")])
async def test_a_ban_between_two_steps_stops_the_second(office: Office, party: str, code: str) -> None:
    before_confirmation, before_contract = await office.meet(), await office.meet()
    proposed = await office.propose(before_confirmation)
    await office.ban(getattr(before_confirmation, party))
    with pytest.raises(Refused) as unconfirmed:
        await office.confirm(before_confirmation, proposed)
    assert codes(unconfirmed) == [code]
    confirmed = await office.propose(before_contract)
    await office.confirm(before_contract, confirmed)
    await office.ban(getattr(before_contract, party))
    with pytest.raises(Refused) as unsigned:
        await office.submit(before_contract, confirmed, office.voucher())
    assert codes(unsigned) == [code]


async def test_a_lifted_ban_bars_no_more_and_a_suspension_of_payments_never_did(office: Office) -> None:
    pair = await office.meet()
    sanction_id = await office.ban(pair.provider_id)
    with pytest.raises(Refused) as refusal:
        await office.propose(pair)
    assert codes(refusal) == ["provider-barred"]
    await office.hear(
        SanctionLifted(sanction_id=sanction_id, party_id=pair.provider_id, measure="disqualify", on=MARCH_2)
    )
    await office.ban(pair.provider_id, measure="suspend_disbursement")
    await office.propose(pair)


async def test_a_contract_is_registered_when_issuance_has_committed_every_voucher(office: Office) -> None:
    pair = await office.meet()
    first, second = office.voucher(), office.voucher(yuan(10_000))
    contract_id = await office.submit(pair, await office.agree(pair), first, second)
    await office.commit(contract_id, first)
    assert isinstance(await office.state(contract_id), Submitted)
    await office.commit(contract_id, first)
    assert isinstance(await office.state(contract_id), Submitted)
    await office.commit(contract_id, second, valid_until=JUNE_10 - ONE_DAY)
    state = await office.state(contract_id)
    assert isinstance(state, Registered)
    assert (state.valid_until, state.registered_on) == (JUNE_10 - ONE_DAY, MARCH_10)


async def test_a_contract_that_outlasts_its_vouchers_is_rejected(office: Office) -> None:
    pair = await office.meet()
    use = office.voucher()
    contract_id = await office.submit(pair, await office.agree(pair), use)
    await office.commit(contract_id, use, valid_until=APRIL_30 - ONE_DAY)
    state = await office.state(contract_id)
    assert isinstance(state, Rejected)
    assert [why.code for why in state.reasons] == ["ends-after-validity"]


async def test_a_contract_signed_before_the_claim_is_refused_at_once_or_when_the_claim_is_known(office: Office) -> None:
    pair = await office.meet()
    project_id, known, unknown = await office.agree(pair), office.voucher(), office.voucher()
    await office.claim(known, on=MARCH_5 + ONE_DAY)
    with pytest.raises(Refused) as refusal:
        await office.submit(pair, project_id, known)
    assert codes(refusal) == ["signed-before-claim"]
    contract_id = await office.submit(pair, project_id, unknown)
    await office.commit(contract_id, unknown, claimed_on=MARCH_5 + ONE_DAY)
    state = await office.state(contract_id)
    assert isinstance(state, Rejected)
    assert [why.code for why in state.reasons] == ["signed-before-claim"]


async def test_issuances_reasons_reject_the_contract_and_free_its_vouchers(office: Office) -> None:
    pair = await office.meet()
    project_id, use = await office.agree(pair), office.voucher()
    contract_id = await office.submit(pair, project_id, use)
    with pytest.raises(Refused) as refusal:
        await office.submit(pair, project_id, use)
    assert codes(refusal) == ["voucher-in-another-contract"]
    await office.refuse(contract_id, "registration-too-late")
    state = await office.state(contract_id)
    assert isinstance(state, Rejected)
    assert state.reasons == (WhyNot(code="registration-too-late", article="15(2)", value="vch_x"),)
    again = await office.submit(pair, project_id, use)
    assert isinstance(await office.state(again), Submitted)


async def test_a_refused_submission_takes_no_voucher(office: Office) -> None:
    pair = await office.meet()
    project_id, use = await office.agree(pair), office.voucher()
    with pytest.raises(Refused) as refusal:
        await office.submit(pair, project_id, use, amount=yuan(100_000) - 1)
    assert codes(refusal) == ["voucher-share-exceeded"]
    await office.submit(pair, project_id, use, amount=yuan(100_000))


async def test_of_two_contracts_that_name_a_voucher_at_the_same_moment_one_gets_it(office: Office) -> None:
    pair = await office.meet()
    project_id, first, second = await office.agree(pair), office.voucher(), office.voucher()
    outcomes = await asyncio.gather(
        *(
            office.submit(pair, project_id, *order, amount=yuan(300_000))
            for order in [(first, second), (second, first)]
        ),
        *(office.submit(pair, project_id, first) for _ in range(3)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, str) for outcome in outcomes) == 1
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert {reason.code for each in refused for reason in each.reasons} == {"voucher-in-another-contract"}
    assert len(refused) == 4


async def test_a_contract_nobody_answers_for_is_rejected_after_ten_minutes(office: Office) -> None:
    pair = await office.meet()
    use = office.voucher()
    contract_id = await office.submit(pair, await office.agree(pair), use)
    office.clock.instant += timedelta(minutes=10) - timedelta(microseconds=1)
    await office.sweep()
    assert isinstance(await office.state(contract_id), Submitted)
    office.clock.instant += timedelta(microseconds=1)
    await office.sweep()
    state = await office.state(contract_id)
    assert isinstance(state, Rejected)
    assert [why.code for why in state.reasons] == ["commitment-not-answered"]
    await office.commit(contract_id, use)
    assert isinstance(await office.state(contract_id), Rejected)


async def test_an_answered_contract_waits_for_its_completion_instead(office: Office) -> None:
    _, contract_id, _ = await office.registered()
    async with office.engine.connect() as connection:
        statement = sa.select(deadlines.c.kind, deadlines.c.due_at).where(deadlines.c.subject == contract_id)
        waiting = (await connection.execute(statement)).all()
    assert [kind for kind, _ in waiting] == ["contract-lapses"]
    assert waiting[0][1].isoformat() == "2026-06-10T16:00:00+00:00"


async def test_a_contract_lapses_when_the_last_day_of_its_validity_is_over(office: Office) -> None:
    _, contract_id, _ = await office.registered()
    office.clock.set_to(JUNE_10, time(23, 59, 59))
    await office.sweep()
    assert isinstance(await office.state(contract_id), Registered)
    office.clock.set_to(JUNE_10 + ONE_DAY, time(0))
    await office.sweep()
    state = await office.state(contract_id)
    assert isinstance(state, Lapsed)
    assert state.on == JUNE_10 + ONE_DAY


async def test_a_contract_completed_on_the_last_day_does_not_lapse(office: Office) -> None:
    pair, contract_id, _ = await office.registered()
    office.clock.set_to(JUNE_10, time(23, 59, 59))
    await office.complete(pair, contract_id)
    office.clock.set_to(JUNE_10 + ONE_DAY)
    async with office.engine.connect() as connection:
        waiting = sa.select(deadlines.c.kind).where(deadlines.c.subject == contract_id)
        assert (await connection.execute(waiting)).all() == []
    await office.sweep()
    state = await office.state(contract_id)
    assert isinstance(state, Completed)
    assert state.completion.actual_amount == yuan(80_000)
    assert state.completion.redeem_by == date(2026, 6, 1)


async def test_only_its_provider_completes_a_contract(office: Office) -> None:
    _, contract_id, _ = await office.registered()
    office.clock.set_to(APRIL_30)
    with pytest.raises(UnknownSubjectError):
        await office.complete(await office.meet(), contract_id)
