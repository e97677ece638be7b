"""Classes with a part of the quota on a real PostgreSQL: who is paid from where, and what is everybody's (art. 12)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.issuance.audit import CHECKS
from services.issuance.domain.classes import Parts, class_release
from services.issuance.domain.plan import Plan, Settings
from services.issuance.ledger import quota_of
from services.issuance.tables import quotas
from services.issuance.use_cases.cancelling import cancel_voucher
from services.issuance.use_cases.claiming import rehearse_claim
from services.issuance.use_cases.planning_periods import approve_period, change_plan, propose_period, withdraw_plan
from services.issuance.use_cases.running_periods import release_classes
from shared.audit import examine
from shared.events.issuance.periods import QuotaClass
from shared.events.registry.claimants import (
    Certificate,
    ClaimantCertificatesChanged,
    ClaimantProfileChanged,
)
from shared.kernel.calendar import business_date
from shared.kernel.ids import new_id
from shared.kernel.refusal import Refused
from shared.store.execution import Answer
from shared.store.transaction import Cause, transaction
from tests.integration.issuance.entering import Entrants, reserve
from tests.integration.issuance.office import CONTEXT, NINE_IN_MARCH, Office
from tests.integration.issuance.rules import returning_to_quota

TOMORROW, NEXT_WEEK = NINE_IN_MARCH + timedelta(days=1), NINE_IN_MARCH + timedelta(days=7)
MOMENT = timedelta(microseconds=1)
HOLDERS = QuotaClass(name="证书", who="certified", amount=600, until=TOMORROW)
TEAMS = QuotaClass(name="团队", who="team", amount=300)
HAIDIAN = QuotaClass(name="海淀", who="district:110108", amount=400, until=NEXT_WEEK)
CERTIFICATE = Certificate(
    kind="technology_sme", valid_from=business_date(NINE_IN_MARCH), valid_until=business_date(NEXT_WEEK)
)


@pytest.fixture
async def other(engine: AsyncEngine) -> AsyncIterator[Office]:
    """Another instance of the same office."""
    opened = Office(engine, address="http://other-office.test")
    yield opened
    await opened.close()


async def _parts(office: Office, period_id: str) -> Parts:
    async with office.engine.connect() as connection:
        found = await quota_of(connection, period_id)
    assert found is not None
    return found.parts


async def _paid_from(office: Office, voucher_id: str) -> dict[str, int]:
    ((_, fact),) = await office.history(f"voucher-{voucher_id}")
    return {part["name"]: part["amount"] for part in fact["parts"]}


async def _refused(office: Office, period_id: str, claimant_id: str, amount: int) -> object:
    """Say how much was within reach of a claim that is refused for want of money."""
    with pytest.raises(Refused) as refusal:
        await office.ask(period_id, claimant_id, amount)
    (reason,) = refusal.value.reasons
    assert (reason.code, reason.article, reason.value) == ("quota-exhausted", "12", amount)
    return reason.limit


async def _assert_sound(office: Office) -> None:
    async with office.engine.connect() as connection:
        findings = await examine(
            connection, CONTEXT, [check for check in CHECKS if check.id in {"M1", "M6", "G4", "G5"}]
        )
    assert [(found.id, found.breaches) for found in findings if found.breached] == []


async def test_a_claim_is_paid_from_its_own_classes_first_and_says_from_which(office: Office) -> None:
    period_id = await office.open_period(2_000, classes=(HOLDERS, TEAMS, HAIDIAN))
    both = await office.register(certificates=(CERTIFICATE,), district="110108")
    first, second = [await office.claim(period_id, both, 700) for _ in range(2)]
    assert await _paid_from(office, first.voucher_id) == {"证书": 600, "海淀": 100}
    assert await _paid_from(office, second.voucher_id) == {"海淀": 300}
    assert await _parts(office, period_id) == Parts(rests=(0, 300, 0), released=(0, 0, 0))
    team, stranger = await office.register("team"), await office.register()
    assert await _refused(office, period_id, stranger, 301) == 300
    assert await _refused(office, period_id, team, 601) == 600
    assert await _paid_from(office, (await office.claim(period_id, stranger, 300)).voucher_id) == {}
    assert await _paid_from(office, (await office.claim(period_id, team, 300)).voucher_id) == {"团队": 300}
    assert (await office.names(f"period-{period_id}"))[-1] == "period-exhausted"
    await _assert_sound(office)


async def test_a_period_that_has_nothing_for_strangers_goes_on_serving_its_classes(office: Office) -> None:
    period_id = await office.open_period(300, classes=(TEAMS,))
    stranger, team = await office.register(), await office.register("team")
    for _ in range(20):  # nobody is shut out from memory while a fen is there for somebody
        assert await _refused(office, period_id, stranger, 1) == 0
    assert (await office.claim(period_id, team, 299)).place == 1
    assert await _refused(office, period_id, stranger, 1) == 0
    assert (await office.claim(period_id, team, 1)).place == 2
    assert await _refused(office, period_id, team, 1) == 0


async def test_many_at_once_of_every_class_at_two_instances_get_what_is_theirs_and_no_fen_more(
    office: Office, other: Office
) -> None:
    classes = (HOLDERS, TEAMS, replace(HAIDIAN, until=None))
    period_id = await office.open_period(1_900, classes=classes)  # 600 + 300 + 400, and 600 for everybody
    people = {
        "stranger": [await office.register() for _ in range(12)],
        "team": [await office.register("team") for _ in range(6)],
        "holder": [await office.register(certificates=(CERTIFICATE,)) for _ in range(8)],
        "haidian": [await office.register(district="110108") for _ in range(8)],
    }
    line = [name for several in zip(*(people[who] * 4 for who in people), strict=False) for name in several]

    async def ask(number: int, claimant_id: str) -> Answer | BaseException:
        for instance in (office, other) if number % 2 else (other, office):
            try:
                return await instance.ask(period_id, claimant_id, 100, key=f"{number}-of-{claimant_id}")
            except Refused as refused:
                return refused
            except Exception as error:  # noqa: BLE001 (the other instance writes the period)
                lost: BaseException = error
        return lost

    answers = await asyncio.gather(*(ask(number, name) for number, name in enumerate(line)))
    told = [answer for answer in answers if isinstance(answer, Answer)]
    refusals = [answer for answer in answers if isinstance(answer, Refused)]
    assert len(told) + len(refusals) == len(line)
    assert {reason.code for refused in refusals for reason in refused.reasons} <= {"quota-exhausted"}
    async with office.engine.connect() as connection:
        row = (await connection.execute(sa.select(quotas).where(quotas.c.period_id == period_id))).one()
        facts = await connection.execute(
            sa.text(
                "SELECT data FROM events"
                " WHERE type LIKE 'cxq.issuance.voucher-claimed.%' AND data->>'period_id' = :period"
            ),
            {"period": period_id},
        )
        claims = list(facts.scalars())
    kind_of = {name: who for who, names in people.items() for name in names}
    mine = {"stranger": set[str](), "team": {"团队"}, "holder": {"证书"}, "haidian": {"海淀"}}
    for claim in claims:
        assert {part["name"] for part in claim["parts"]} <= mine[kind_of[claim["claimant_id"]]]
    assert sum(claim["amount"] - sum(part["amount"] for part in claim["parts"]) for claim in claims) == 600
    assert (row.remaining, row.class_rests, row.claims) == (0, [0, 0, 0], 19)
    assert sorted(claim["place"] for claim in claims) == list(range(1, 20))
    await _assert_sound(office)


async def test_the_table_itself_keeps_a_class_from_being_spent_by_others(office: Office, owner: AsyncEngine) -> None:
    period_id = await office.open_period(400, classes=(TEAMS,))
    for change in (
        "remaining = remaining - 101, issued = issued + 101",
        "class_rests = ARRAY[-1]",
        "class_rests = ARRAY[401]",
        "class_rests = ARRAY[100, 200]",
        "class_released = ARRAY[-1]",
        "class_rests = NULL",
        "classes = NULL",
    ):
        with pytest.raises(IntegrityError, match="parts"):
            async with owner.begin() as connection:
                await connection.execute(sa.text(f"UPDATE quotas SET {change} WHERE period_id = '{period_id}'"))
    async with owner.connect() as connection:  # what is everybody's may go, to the last fen
        taken = "UPDATE quotas SET remaining = remaining - 100, issued = issued + 100 WHERE period_id = :period"
        assert (await connection.execute(sa.text(taken), {"period": period_id})).rowcount == 1
        await connection.rollback()


async def test_from_its_instant_on_a_class_leaves_its_rest_to_everybody_and_the_log_says_how_much(
    office: Office,
) -> None:
    period_id = await office.open_period(1_000, classes=(HOLDERS, HAIDIAN))
    stranger, holder = await office.register(), await office.register(certificates=(CERTIFICATE,))
    await office.claim(period_id, holder, 250)
    office.clock.at = TOMORROW - MOMENT
    assert await _refused(office, period_id, stranger, 1) == 0
    office.clock.at = TOMORROW  # the due list has not come yet: the instant alone decides
    assert await _refused(office, period_id, stranger, 351) == 350
    assert await _paid_from(office, (await office.claim(period_id, stranger, 150)).voucher_id) == {}
    assert await _parts(office, period_id) == Parts(rests=(0, 400), released=(350, 0))
    assert await office.history(f"classes-{period_id}") == []
    await office.wait_until(TOMORROW + timedelta(minutes=1))
    ((name, fact),) = await office.history(f"classes-{period_id}")
    assert (name, fact["name"], fact["amount"]) == ("class-quota-released", "证书", 350)
    assert await _paid_from(office, (await office.claim(period_id, holder, 100)).voucher_id) == {}
    await office.wait_until(NEXT_WEEK)
    assert [fact["amount"] for _, fact in await office.history(f"classes-{period_id}")] == [350, 400]
    assert (await office.claim(period_id, stranger, 500)).place == 4
    await _assert_sound(office)


async def test_what_is_due_early_late_or_twice_releases_a_class_once(office: Office) -> None:
    period_id = await office.open_period(1_000, classes=(HOLDERS, HAIDIAN))
    for at in (NINE_IN_MARCH, TOMORROW - MOMENT, TOMORROW, TOMORROW, NEXT_WEEK, NEXT_WEEK + timedelta(days=90)):
        office.clock.at = at
        await office.do(lambda tx: release_classes(tx, period_id))
        async with office.engine.connect() as connection:
            due = sa.text("SELECT due_at FROM deadlines WHERE kind = 'release-classes' AND subject = :period")
            waits_for = (await connection.execute(due, {"period": period_id})).scalar_one()
        assert waits_for == (TOMORROW if at < TOMORROW else NEXT_WEEK)
    assert [fact["amount"] for _, fact in await office.history(f"classes-{period_id}")] == [600, 400]
    assert await _parts(office, period_id) == Parts(rests=(0, 0), released=(600, 400))


async def test_a_writers_copy_of_the_parts_is_not_believed_when_they_were_released_meanwhile(office: Office) -> None:
    period_id = await office.open_period(1_000, classes=(HOLDERS,))
    holder = await office.register(certificates=(CERTIFICATE,))
    await office.claim(period_id, holder, 100)  # the writer knows the parts from here on
    office.clock.at = TOMORROW
    await office.do(lambda tx: release_classes(tx, period_id))
    office.clock.at = TOMORROW - MOMENT  # a claim that was stamped before, and comes into line after
    assert await _paid_from(office, (await office.claim(period_id, holder, 100)).voucher_id) == {}
    await _assert_sound(office)


async def test_money_that_comes_back_is_everybodys(office: Office) -> None:
    office.measures = returning_to_quota()
    period_id = await office.open_period(300, classes=(TEAMS,))
    team, stranger = await office.register("team"), await office.register()
    held = await office.claim(period_id, team, 300)
    await office.do(lambda tx: cancel_voucher(tx, voucher_id=held.voucher_id, claimant_id=team))
    assert await _parts(office, period_id) == Parts(rests=(0,), released=(0,))
    back = await office.claim_soon(period_id, stranger, 300)
    assert await _paid_from(office, back.voucher_id) == {}
    await _assert_sound(office)


async def test_the_reserve_list_is_served_from_what_comes_back_and_not_from_a_class(office: Office) -> None:
    office.measures = returning_to_quota()
    entrants = Entrants(office)
    period_id = await office.open_period(400, classes=(TEAMS,), entries=reserve())
    winner, waiting, team = await office.register(), await office.register(), await office.register("team")
    held = await office.claim(period_id, winner, 100)
    entry_id = await entrants.enter(period_id, waiting, 100)
    await entrants.serve()
    assert await entrants.stages(entry_id) == ["waiting"]
    await office.do(lambda tx: cancel_voucher(tx, voucher_id=held.voucher_id, claimant_id=winner))
    assert await entrants.waits(period_id) == (1, 100)
    mine = await office.claim_soon(period_id, team, 200)
    assert await _paid_from(office, mine.voucher_id) == {"团队": 200}
    assert await _refused(office, period_id, team, 101) == 100
    await entrants.serve()
    assert await entrants.stages(entry_id) == ["served"]
    assert await _parts(office, period_id) == Parts(rests=(100,), released=(0,))
    await _assert_sound(office)


async def test_what_a_class_leaves_at_its_end_is_for_those_who_wait_and_nobody_overtakes_them(office: Office) -> None:
    entrants = Entrants(office)
    period_id = await office.open_period(600, classes=(HOLDERS,), entries=reserve())
    first, second, late = [await office.register() for _ in range(3)]
    member = await office.register(certificates=(CERTIFICATE,))
    entries = [await entrants.enter(period_id, first, 400), await entrants.enter(period_id, second, 300)]
    await office.wait_until(TOMORROW - MOMENT)
    assert await entrants.stages(*entries) == ["waiting", "waiting"]
    office.clock.at = TOMORROW  # nobody has written down yet that it is over
    assert [await _refused(office, period_id, one, 1) for one in (late, member)] == [0, 0]
    await entrants.serve()
    assert await entrants.stages(*entries) == ["served", "waiting"]
    assert await entrants.waits(period_id) == (1, 200)
    assert await _refused(office, period_id, late, 1) == 0
    await entrants.withdraw(entries[1], second)
    assert (await office.claim_soon(period_id, late, 200)).place == 2
    await _assert_sound(office)
    assert await entrants.breaches() == []


async def test_who_enters_after_the_end_of_a_class_waits_behind_what_was_everybodys_by_then(office: Office) -> None:
    entrants = Entrants(office)
    period_id = await office.open_period(600, classes=(HOLDERS,), entries=reserve())
    first, second, quick = [await office.register() for _ in range(3)]
    office.clock.at = TOMORROW  # nobody has written down yet that it is over, and nobody waits
    assert (await office.claim(period_id, quick, 100)).place == 1
    entry_id = await entrants.enter(period_id, first, 501)
    assert await office.names(f"classes-{period_id}") == ["class-quota-released"]
    assert await entrants.waits(period_id) == (1, 0)
    assert (await office.claim_soon(period_id, second, 500)).place == 2
    await entrants.serve()
    assert await entrants.stages(entry_id) == ["waiting"]
    await _assert_sound(office)
    assert await entrants.breaches() == []


async def test_who_moves_to_a_district_belongs_to_it_from_then_on_and_who_leaves_does_not(office: Office) -> None:
    period_id = await office.open_period(400, classes=(HAIDIAN,))
    company = await office.register(district="110105")
    assert await _refused(office, period_id, company, 1) == 0

    async def move(district: str | None) -> None:
        told: dict[str, Any] = {"old_digest": "", "new_digest": "", "changed_by": "user", "on": CERTIFICATE.valid_from}
        await office.tell(ClaimantProfileChanged(claimant_id=company, district=district, **told))

    await move("110108")
    assert await _paid_from(office, (await office.claim(period_id, company, 100)).voucher_id) == {"海淀": 100}
    await move(None)
    assert await _refused(office, period_id, company, 1) == 0


async def test_a_certificate_counts_on_the_day_of_the_claim(office: Office) -> None:
    period_id = await office.open_period(600, classes=(replace(HOLDERS, until=None),))
    company = await office.register()
    assert await _refused(office, period_id, company, 1) == 0
    told = ClaimantCertificatesChanged(claimant_id=company, certificates=(CERTIFICATE,), on=CERTIFICATE.valid_from)
    await office.tell(told)
    assert (await office.claim(period_id, company, 1)).place == 1
    office.clock.at = NEXT_WEEK + timedelta(days=1)
    assert await _refused(office, period_id, company, 1) == 0


async def test_a_rehearsal_says_what_the_claim_would_be_told(office: Office) -> None:
    period_id = await office.open_period(1_000, classes=(HOLDERS,))
    stranger = await office.register()
    cause = Cause(actor=f"user-of-{stranger}", correlation_id="test")

    async def rehearse(amount: int) -> int:
        async with transaction(office.engine, CONTEXT, office.clock, cause, office.measures) as tx:
            prospect = await rehearse_claim(tx, period_id=period_id, claimant_id=stranger, amount=amount)
        return prospect.grant.remaining_quota

    assert await rehearse(400) == 600
    with pytest.raises(Refused, match="quota-exhausted"):
        await rehearse(401)
    office.clock.at = TOMORROW
    assert await rehearse(401) == 599


async def test_a_changed_plan_has_the_parts_of_the_new_one_once_it_is_approved(office: Office) -> None:
    elapsed = [0.0]
    office.seconds = lambda: elapsed[0]
    period_id, opens_at = new_id("prd", office.clock.now()), NINE_IN_MARCH + timedelta(hours=1)
    plan: dict[str, Any] = {"name": "第一期", "quota": 1_000, "opens_at": opens_at, "closes_at": NEXT_WEEK}
    await office.do(
        lambda tx: propose_period(
            tx, period_id=period_id, proposed_by="li", settings=Settings(classes=(HOLDERS, TEAMS)), **plan
        )
    )
    await office.do(lambda tx: approve_period(tx, period_id=period_id, approved_by="wang"))
    assert (await _parts(office, period_id)).rests == (600, 300)
    stranger = await office.register()
    changed = Plan(settings=Settings(classes=(TEAMS,)), **plan)
    await office.do(lambda tx: change_plan(tx, period_id=period_id, plan=changed, changed_by="li"))
    with pytest.raises(Refused, match="period-not-approved"):
        await office.ask(period_id, stranger, 1)
    await _assert_sound(office)
    await office.do(lambda tx: approve_period(tx, period_id=period_id, approved_by="wang"))
    assert await _parts(office, period_id) == Parts(rests=(300,), released=(0,))
    office.clock.at = opens_at
    elapsed[0] += 1  # a writer trusts its copy of a period that refuses for a moment
    assert await _refused(office, period_id, stranger, 701) == 700
    async with office.engine.connect() as connection:
        due = sa.text("SELECT count(*) FROM deadlines WHERE kind = 'release-classes' AND subject = :period")
        assert (await connection.execute(due, {"period": period_id})).scalar_one() == 0
    loaded = await office.do(lambda tx: tx.load(class_release, f"classes-{period_id}"))
    assert loaded.state.names == frozenset()


async def test_a_withdrawn_plan_waits_for_no_end_of_a_class(office: Office) -> None:
    period_id, opens_at = new_id("prd", office.clock.now()), NINE_IN_MARCH + timedelta(hours=1)
    await office.do(
        lambda tx: propose_period(
            tx,
            period_id=period_id,
            name="第一期",
            quota=1_000,
            opens_at=opens_at,
            closes_at=NEXT_WEEK,
            proposed_by="li",
            settings=Settings(classes=(HOLDERS, TEAMS)),
        )
    )
    await office.do(lambda tx: approve_period(tx, period_id=period_id, approved_by="wang"))
    await office.do(lambda tx: withdraw_plan(tx, period_id=period_id, reason="改期", withdrawn_by="li"))
    await _assert_sound(office)
    await office.wait_until(NEXT_WEEK)
    assert await office.history(f"classes-{period_id}") == []
    await _assert_sound(office)
