"""The audit finds nothing in an office at work, and names every breach that is planted."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.issuance.audit import CHECKS
from services.issuance.use_cases.entering import enter_period, withdraw_entry
from shared.audit import Finding, examine
from shared.events.contracts import ContractCompleted, VoucherUse
from shared.events.issuance.periods import EntryTerms, EntryWindow, QuotaClass
from shared.events.redemption import FundsDisbursed, VoucherPayment
from shared.events.registry.claimants import Certificate
from shared.kernel.calendar import business_date
from shared.kernel.ids import new_id
from shared.store.transaction import Cause, transaction
from tests.integration.issuance.entering import Entrants
from tests.integration.issuance.office import CONTEXT, Office
from tests.integration.issuance.queueing import claim_by, enter, open_room
from tests.integration.issuance.stories import authorised

FACE = 5_000_000
_KEPT = "INSERT INTO kept_claims (name, request, position) SELECT gen_random_uuid(), gen_random_uuid(), {position}"
_KEPT_TWICE = _KEPT.format(position="position FROM kept_claims WHERE position IS NOT NULL")
_FAILED = (
    "INSERT INTO kept_claims (name, request, status, headers, body, recorded_at)"
    " VALUES (gen_random_uuid(), gen_random_uuid(), 503, '{}', '', now())"
)
_TOLD = (
    """UPDATE kept_claims SET status = 201, headers = '{}', body = '{"voucher_id": "vch_other"}' WHERE position > 0"""
)


@pytest.fixture(scope="module")
async def busy(engine: AsyncEngine) -> None:
    """An office that has issued, committed, paid, expired and closed; its latest voucher waits for registration."""
    office = Office(engine)
    claimant_id, period_id = await office.register(), await office.open_period(6 * FACE)
    paid, expired, waiting = [await office.claim(period_id, claimant_id, FACE) for _ in range(3)]
    contract_id = new_id("ctr", office.clock.now())
    contract = await office.submit(contract_id, [paid])
    uses = (VoucherUse(voucher_id=paid.voucher_id, amount=FACE),)
    await office.tell(
        ContractCompleted(
            contract_id=contract_id,
            claimant_id=claimant_id,
            provider_id="prv_1",
            vouchers=uses,
            amount=12_000_000,
            invoiced_amount=8_000_000,
            paid_amount=8_000_000,
            actual_amount=8_000_000,
            ended_on=contract.ends_on,
            redeem_by=contract.ends_on,
            provisional=False,
            on=contract.on,
        )
    )
    await office.tell(
        FundsDisbursed(
            redemption_id="rdm_1",
            contract_id=contract_id,
            claimant_id=claimant_id,
            provider_id="prv_1",
            payments=(VoucherPayment(voucher_id=paid.voucher_id, amount=FACE, paid=4_000_000),),
            total=4_000_000,
            ordered_by="officer-li",
            approved_by="officer-wang",
            on=contract.on,
        )
    )
    await office.submit(new_id("ctr", office.clock.now()), [waiting])
    for days in (0, 10, 21):  # the daily work begins, a reminder, and the end
        await office.wait_until(office.clock.now() + timedelta(days=days))
    assert (await office.look(expired.voucher_id)).stage == "expired"
    await _let_in(office)
    await _divide(office)
    await _enter(office)
    await _take_back_by_bank(office)
    await office.claim(await office.open_period(FACE), claimant_id, FACE)
    await office.close()


async def _let_in(office: Office) -> None:
    """Let a company in by its place, and give it another once that is used, behind one that is not."""
    period_id, company = await open_room(office), await office.register()
    ticket = await enter(office, period_id, company)
    await enter(office, period_id, await office.register())
    office.clock.at = ticket.admits_from
    await claim_by(office, ticket)
    office.clock.at += timedelta(seconds=10)
    await enter(office, period_id, company)


async def _divide(office: Office) -> None:
    """Draw on a class for teams, of which 700 fen are left to everybody, and on one for holders of a certificate."""
    now = office.clock.now()
    team = QuotaClass(name="团队", who="team", amount=1_000, until=now + timedelta(days=1))
    holders = QuotaClass(name="证书", who="certified", amount=1_000, until=now + timedelta(days=9))
    period_id = await office.open_period(3_000, classes=(team, holders))
    certificate = Certificate(
        kind="national_high_tech", valid_from=business_date(now), valid_until=business_date(now) + timedelta(days=99)
    )
    await office.claim(period_id, await office.register("team"), 300)
    await office.claim(period_id, await office.register(certificates=(certificate,)), 1_500)
    await office.wait_until(team.until or now)
    await office.claim(period_id, await office.register("team"), 100)


async def _enter(office: Office) -> None:
    """Serve who entered before an opening, draw lots for the rest, and let one wait on the reserve list."""
    entrants, now = Entrants(office), office.clock.now()
    window = EntryWindow(opens_at=now, until=now + timedelta(hours=1))
    terms = EntryTerms(window=window, draw_minutes=10, reserve_list=True)
    period_id = await entrants.plan(2_000, terms, opens_at=window.until)
    await entrants.enter(period_id, await office.register(), 1_000)
    await office.wait_until(window.until)
    for _ in range(2):
        await entrants.enter(period_id, await office.register(), 1_000)
    await office.wait_until(window.until + timedelta(minutes=10))


async def _take_back_by_bank(office: Office) -> None:
    """Let a bank enter for a company, and take that back."""
    now, company = office.clock.now(), await office.register()
    window = EntryWindow(opens_at=now, until=now + timedelta(hours=1))
    period_id = await Entrants(office).plan(2_000, EntryTerms(window=window), opens_at=window.until)
    await office.tell(authorised(company, "bank", office))
    entry_id, bank = new_id("ent", now), Cause(actor="bank", correlation_id="")
    async with transaction(office.engine, CONTEXT, office.clock, bank, office.measures) as tx:
        await enter_period(
            tx, entry_id=entry_id, period_id=period_id, claimant_id=company, amount=1, or_less=False, by_channel=True
        )
    async with transaction(office.engine, CONTEXT, office.clock, bank, office.measures) as tx:
        await withdraw_entry(tx, entry_id=entry_id, claimant_id=None)


@pytest.fixture
async def plant(owner: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection on which anything can be falsified, and nothing stays."""
    async with owner.connect() as connection:
        transaction = await connection.begin()
        await connection.execute(sa.text("ALTER TABLE events DISABLE TRIGGER events_append_only"))
        yield connection
        await transaction.rollback()


async def _breached(connection: AsyncConnection) -> dict[str, Finding]:
    return {found.id: found for found in await examine(connection, CONTEXT, CHECKS) if found.breached}


@pytest.mark.usefixtures("busy")
async def test_an_office_at_work_has_no_breach_and_everything_was_looked_at(owner: AsyncEngine) -> None:
    async with owner.connect() as connection:
        findings = await examine(connection, CONTEXT, CHECKS)
    assert [(found.id, found.breaches) for found in findings if found.breached] == []
    assert all(found.checked for found in findings), findings


def _event(kind: str) -> str:
    return f"position = (SELECT max(position) FROM events WHERE type LIKE 'cxq.issuance.{kind}.v%')"


def _say(kind: str, field: str, value: str) -> str:
    return f"UPDATE events SET data = jsonb_set(data, '{{{field}}}', '{value}') WHERE {_event(kind)}"


def _plan_says(setting: str, value: str) -> str:
    return (
        f"UPDATE events SET data = jsonb_set(data, '{{{setting}}}', '{value}')"
        " WHERE type LIKE 'cxq.issuance.period-proposed.%'"
    )


_DRAWN = (
    "UPDATE events SET data = jsonb_set(data, '{{parts,0,{path}}}', '{value}') WHERE data->'parts'->0->>'name' = '团队'"
)
_SAID_OF_WINDOW = (
    "UPDATE events SET data = jsonb_set(data, '{{outcome}}', '{value}')"
    " WHERE type = 'cxq.issuance.entries-decided.v1' AND data->>'way' = 'window'"
)
_BY_OTHER_BANK = (
    "UPDATE events SET metadata = jsonb_set(metadata, '{{channel}}', '\"chn_2\"')"
    " WHERE stream LIKE 'entry-%' AND metadata ? 'channel' AND {which}"
)
_AGAIN = (
    "INSERT INTO events SELECT (SELECT max(position) + 1 FROM events), stream, version + 1, type, data{changed}, "
    "metadata, key, recorded_at, hash FROM events WHERE {which}"
)


@pytest.mark.parametrize(
    ("check", "falsify"),
    [
        ("M1", "UPDATE quotas SET issued = issued - 1, remaining = remaining + 1 WHERE claims = 3"),
        ("M1", "DELETE FROM quotas WHERE claims = 3"),
        ("M1", _say("voucher-redeemed", "released", "999999")),
        ("M2", _say("voucher-claimed", "amount", "5000001")),
        ("M2", _say("voucher-claimed", "amount", "0")),
        ("M3", "UPDATE allowances SET reserved = reserved - 1"),
        ("M3", "DELETE FROM allowances"),
        ("M3", _say("voucher-claimed", "allowance", "20000001")),
        ("M3", _say("voucher-claimed", "allowance", "4999999")),
        ("M3", _say("voucher-expired", "released", "0")),
        ("M1", _say("voucher-expired", "released", "1")),
        ("M3", _say("voucher-claimed", "amount", "50000001")),
        ("M5", _AGAIN.format(changed=' || \'{"contract_id": "ctr_2"}\'', which=_event("voucher-committed"))),
        ("M5", _AGAIN.format(changed="", which=_event("voucher-redeemed"))),
        ("M5", _say("voucher-redeemed", "contract_id", '"ctr_other"')),
        ("M6", _say("voucher-redeemed", "revoked", "true")),
        ("M6", _say("voucher-redeemed", "paid", "3999999")),
        ("M6", _say("quota-granted", "amount", "1")),
        ("M6", "DELETE FROM events WHERE type = 'cxq.issuance.quota-granted.v1'"),
        ("M6", "UPDATE quotas SET issued = issued - 1, remaining = remaining + 1 WHERE claims = 3"),
        ("M6", "UPDATE allowances SET reserved = reserved - 1"),
        ("M6", _AGAIN.format(changed="", which=_event("voucher-committed"))),
        ("P1", "DELETE FROM deadlines WHERE kind = 'prove-balances'"),
        (
            "P1",
            (
                "INSERT INTO ledger_proofs (night, position, state, stage, cursor, first_differences, sums, digest,"
                " started_at) VALUES ('2026-03-03', 1, 'differs', 'done', '{}', '[\"exposure\"]', '[]', '', now())"
            ),
        ),
        ("M9", _say("voucher-claimed", "register_by", '"2026-04-19"')),
        ("M9", _say("voucher-committed", "valid_until", '"2026-06-03"')),
        ("M9", _say("voucher-expired", "on", '"2026-03-19"')),
        ("M9", "DELETE FROM deadlines WHERE kind IN ('expire-unregistered', 'find-unregistered')"),
        ("K2", _KEPT.format(position="99999")),
        ("K2", _KEPT.format(position="1")),
        ("K2", _KEPT_TWICE),
        ("K2", _FAILED),
        ("K2", _TOLD),
        ("K3", _KEPT_TWICE),
        ("K3", "DELETE FROM kept_claims"),
        ("K4", _say("voucher-claimed", "place", "2")),
        ("G1", "UPDATE quotas SET closed = false WHERE claims = 3"),
        ("G1", "UPDATE quotas SET paused = true WHERE claims = 3"),
        ("G1", "DELETE FROM quotas WHERE claims = 3"),
        ("G2", _say("period-approved", "approved_by", '"officer-li"')),
        ("G3", _plan_says("registration_days", "16")),
        ("G3", _plan_says("face_value_max", "5000001")),
        ("G3", _plan_says("validity_months", "0")),
        ("G4", "UPDATE quotas SET class_rests[1] = 1 WHERE classes IS NOT NULL"),
        ("G4", "UPDATE quotas SET class_released[1] = 699 WHERE classes IS NOT NULL"),
        ("G4", "UPDATE quotas SET classes = null, class_rests = null, class_released = null"),
        ("G4", _say("class-quota-released", "amount", "701")),
        ("G4", _say("class-quota-released", "name", '"证书"')),
        ("G4", _DRAWN.format(path="amount", value="301")),
        ("G4", _DRAWN.format(path="name", value='"别的"')),
        ("G4", "UPDATE events SET position = 0 WHERE type = 'cxq.issuance.class-quota-released.v1'"),
        ("G4", "DELETE FROM events WHERE type = 'cxq.issuance.class-quota-released.v1'"),
        ("G4", "DELETE FROM deadlines WHERE kind = 'release-classes'"),
        ("G5", _DRAWN.format(path="name", value='"证书"')),
        ("G5", _DRAWN.format(path="amount", value="0")),
        ("G5", _DRAWN.format(path="amount", value="301")),
        ("G5", "UPDATE claimants SET kind = 'enterprise'"),
        ("E1", _say("entry-served", "amount", "999")),
        ("E1", _say("entry-served", "voucher_id", '"vch_nothing"')),
        ("E1", _say("entry-served", "claimant_id", '"clm_other"')),
        ("E1", _say("entry-made", "place", "9")),
        ("E1", _say("entries-decided", "seed", '"chosen afterwards"')),
        ("E1", _say("entries-decided", "asked", "1")),
        ("E1", "UPDATE events SET position = 0 WHERE type = 'cxq.issuance.entry-moved-to-reserve.v1'"),
        ("E1", _AGAIN.format(changed="", which=_event("entry-served"))),
        ("E2", _SAID_OF_WINDOW.format(value='"race"')),
        ("E3", "UPDATE entries SET stage = 'ended' WHERE stage = 'served'"),
        ("E3", "UPDATE entries SET place = 9 WHERE stage = 'waiting'"),
        ("E3", "DELETE FROM entries WHERE drawn = 1"),
        ("E3", "UPDATE quotas SET waiting = waiting + 1 WHERE waiting > 0"),
        ("E3", "UPDATE quotas SET entries = entries - 1 WHERE entries > 0"),
        ("K3", "DELETE FROM events WHERE type = 'cxq.issuance.entry-served.v1'"),
        ("M9", _plan_says("registration_last_day", '"2026-03-10"')),
        ("M9", _plan_says("validity_last_day", '"2026-05-10"')),
        ("K5", _say("voucher-claimed", "pack_digest", '"not a digest"')),
        ("D1", _say("voucher-reminded", "days_left", "4")),
        ("D1", _say("voucher-reminded", "last_day", '"2026-03-18"')),
        ("D1", _say("voucher-reminded", "deadline", '"validity"')),
        ("D1", _AGAIN.format(changed="", which=_event("voucher-reminded"))),
        ("D2", "DELETE FROM deadlines WHERE kind = 'remind-of-validity'"),
        ("D2", "UPDATE deadlines SET subject = 'again', kind = 'find-unregistered' WHERE kind = 'remind-of-validity'"),
        ("W1", "UPDATE entry_tickets SET place = 9 WHERE place = 2"),
        ("W1", "UPDATE entry_tickets SET admits_from = admits_from - interval '1 ms' WHERE place = 2"),
        ("W1", "UPDATE waiting_rooms SET next_slot = next_slot + interval '1 ms'"),
        ("W1", "UPDATE waiting_rooms SET places = places + 1"),
        ("W1", "DELETE FROM waiting_rooms"),
        ("W1", "DELETE FROM entry_tickets WHERE place = 3"),
        ("W2", "UPDATE entry_tickets SET claimant_id = 'one company'"),
        ("W2", "DELETE FROM kept_claims"),
        ("W3", "UPDATE entry_tickets SET ticket_id = 'tkt_other' WHERE place = 1"),
        ("W3", "UPDATE entry_tickets SET claimant_id = 'clm_other' WHERE place = 1"),
        ("W3", "UPDATE entry_tickets SET principal = 'another' WHERE place = 1"),
        ("W3", "UPDATE entry_tickets SET admits_from = admits_from + interval '1 ms' WHERE place = 1"),
        ("W3", "UPDATE entry_tickets SET expires_at = admits_from - interval '6 s' WHERE place = 1"),
        ("K6", "DELETE FROM pseudonym_keys"),
        ("K6", _say("period-closed", "vouchers", "2")),
        ("K7", _BY_OTHER_BANK.format(which="version > 1")),
        ("K7", _BY_OTHER_BANK.format(which="version = 1")),
    ],
)
@pytest.mark.usefixtures("busy")
async def test_a_planted_breach_is_named(plant: AsyncConnection, check: str, falsify: str) -> None:
    changed = await plant.execute(sa.text(falsify.replace(":", "\\:")))
    assert changed.rowcount
    found = await _breached(plant)
    assert check in found, found
    assert found[check].breaches[0].where != "the check itself", found[check]
