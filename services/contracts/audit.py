"""What must be true of contracts at any moment, checked against the log and with counts of its own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.contracts.tables import commitments, voucher_uses
from services.contracts.use_cases.settling_commitments import CONTRACT_LAPSES
from services.contracts.use_cases.submitting_contracts import ANSWER_WITHIN, COMMITMENT_UNANSWERED
from shared.audit import Breach, Check, Count
from shared.events.codec import decode
from shared.events.contracts import (
    ContractCompleted,
    ContractLapsed,
    ContractRegistered,
    ContractRejected,
    ContractSubmitted,
)
from shared.kernel.calendar import WorkingDays
from shared.measures.looking_back import rules_of
from shared.store.rules import announced
from shared.store.tables import deadlines, events

_MIDNIGHT_IN_BEIJING = time(16, tzinfo=UTC)
"""24:00 of a day in Beijing, as the hour of the same day that it is in UTC."""
_ONE_DAY = timedelta(days=1)


@dataclass(slots=True)
class _Life:
    """What the log says of one contract."""

    submitted: ContractSubmitted
    submitted_at: datetime
    registered: ContractRegistered | None = None
    rejected: ContractRejected | None = None
    completed: list[ContractCompleted] = field(default_factory=list)
    lapsed: list[ContractLapsed] = field(default_factory=list)

    @property
    def is_live(self) -> bool:
        """Whether its vouchers are used here and nowhere else."""
        return self.rejected is None and not self.lapsed

    @property
    def is_waiting(self) -> bool:
        """Whether nobody has answered for its vouchers yet."""
        return self.registered is None and self.rejected is None

    @property
    def is_running(self) -> bool:
        """Whether it is registered and neither completed nor lapsed."""
        return self.registered is not None and not self.completed and not self.lapsed

    @property
    def is_overdecided(self) -> bool:
        """Whether it was both registered and rejected, or ended twice or without a registration."""
        ends = len(self.completed) + len(self.lapsed)
        decided = self.registered is not None, self.rejected is not None
        return all(decided) or ends > 1 or (ends == 1 and self.registered is None)


async def _lives(connection: AsyncConnection) -> dict[str, _Life]:
    """Read every contract's life from the log, without the decider whose work is checked here."""
    statement = (
        sa.select(events.c.type, sa.cast(events.c.data, sa.Text), events.c.recorded_at)
        .where(events.c.stream.startswith("contract-"))
        .order_by(events.c.position)
    )
    lives: dict[str, _Life] = {}
    async for kind, payload, recorded_at in await connection.stream(statement):
        match decode(kind, payload):
            case ContractSubmitted() as fact:
                lives[fact.contract_id] = _Life(fact, recorded_at)
            case ContractRegistered() as fact:
                lives[fact.contract_id].registered = fact
            case ContractRejected() as fact:
                lives[fact.contract_id].rejected = fact
            case ContractCompleted() as fact:
                lives[fact.contract_id].completed.append(fact)
            case ContractLapsed() as fact:
                lives[fact.contract_id].lapsed.append(fact)
            case other:
                raise TypeError(f"{type(other).__name__} is no event of a contract")
    return lives


async def _one_contract_a_voucher(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """M5: the log uses a voucher in one live contract at most, and the table of uses says the same as the log."""
    in_log: dict[str, str] = {}
    for contract_id, life in (await _lives(connection)).items():
        for use in life.submitted.vouchers if life.is_live else ():
            count.checked += 1
            other = in_log.setdefault(use.voucher_id, contract_id)
            if other != contract_id:
                yield Breach(where=f"contract-{contract_id}", found=f"{use.voucher_id} is used in {other} too")
    rows = await connection.execute(sa.select(voucher_uses.c.voucher_id, voucher_uses.c.contract_id))
    in_table = dict(rows.all())
    for voucher_id in sorted(in_log.keys() | in_table.keys()):
        said, found = in_log.get(voucher_id), in_table.get(voucher_id)
        if said != found:
            yield Breach(where=f"voucher_uses {voucher_id}", found=f"{found}, but the log says {said}")


async def _vouchers_within_their_share(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """M4, the contract's part: face values within their share, the actual amount within the contract's."""
    changes = await announced(connection)
    for contract_id, life in (await _lives(connection)).items():
        count.checked += 1
        submitted = life.submitted
        face_sum = sum(use.amount for use in submitted.vouchers)
        share = rules_of(submitted.pack, submitted.on, changes).on(submitted.on).contract.contract_share_max
        if 100 * face_sum > share * submitted.amount:
            yield Breach(where=f"contract-{contract_id}", found=f"vouchers of {face_sum} fen in {submitted.amount} fen")
        for fact in life.completed:
            terms = rules_of(submitted.pack, fact.on, changes).on(fact.on).redemption
            lower = terms.actual_amount_is_lower_of_invoiced_and_paid
            actual = min(fact.invoiced_amount, fact.paid_amount) if lower else fact.invoiced_amount
            if fact.actual_amount != actual or not 0 < actual <= submitted.amount:
                found = f"actual {fact.actual_amount} of {fact.invoiced_amount} invoiced, {fact.paid_amount} paid"
                yield Breach(where=f"contract-{contract_id}", found=found)


async def _new_products_within_their_share(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """M11: what of a contract buys certified new products is at most its share (faq 2)."""
    changes = await announced(connection)
    for contract_id, life in (await _lives(connection)).items():
        submitted = life.submitted
        if not submitted.new_products:
            continue
        count.checked += 1
        bought = sum(purchase.amount for purchase in submitted.new_products)
        share = rules_of(submitted.pack, submitted.on, changes).on(submitted.on).contract.new_product_share_max
        if 100 * bought > share * submitted.amount:
            yield Breach(where=f"contract-{contract_id}", found=f"{bought} fen of {submitted.amount} for new products")


async def _deadlines_are_counted_right(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """M9: validity as issuance gave it, and a month to redeem as PostgreSQL counts months."""
    lives, changes = await _lives(connection), await announced(connection)
    first_end = sa.select(commitments.c.contract_id, sa.func.min(commitments.c.valid_until)).group_by("contract_id")
    given = dict((await connection.execute(first_end)).all())
    for contract_id, life in lives.items():
        if life.registered is None:
            continue
        count.checked += 1
        valid_until = life.registered.valid_until
        if valid_until != given.get(contract_id):
            found = f"valid until {valid_until}, but the vouchers until {given.get(contract_id)}"
            yield Breach(where=f"contract-{contract_id}", found=found)
        rules = rules_of(life.submitted.pack, life.submitted.on, changes).on(life.submitted.on).contract
        if rules.contract_ends_within_validity and life.submitted.ends_on > valid_until:
            found = f"ends on {life.submitted.ends_on}, valid until {valid_until}"
            yield Breach(where=f"contract-{contract_id}", found=found)
        for fact in life.completed:
            if max(fact.on, fact.ended_on) > valid_until or fact.ended_on > min(fact.on, life.submitted.ends_on):
                found = f"ended on {fact.ended_on}, reported on {fact.on}, valid until {valid_until}"
                yield Breach(where=f"contract-{contract_id}", found=found)
        for lapse in life.lapsed:
            if lapse.on <= valid_until:
                found = f"lapsed on {lapse.on}, valid until {valid_until}"
                yield Breach(where=f"contract-{contract_id}", found=found)
    async for breach in _redemption_windows(connection, [life for life in lives.values() if life.completed]):
        yield breach


async def _redemption_windows(connection: AsyncConnection, completed: list[_Life]) -> AsyncIterator[Breach]:
    """Count the months in the database and look at each day passed over, unlike the calendar that set the deadline."""
    counted: dict[tuple[date, int], date] = {}
    changes = await announced(connection)
    for life in completed:
        for fact in life.completed:
            measures = rules_of(life.submitted.pack, fact.on, changes)
            terms = measures.on(fact.on).redemption
            period = fact.ended_on, terms.redemption_application_months
            if period not in counted:
                counted[period] = await _months_later(connection, *period)
            last_day = counted[period]
            if not _is_moved_right(last_day, fact.redeem_by, measures.working_days, roll=terms.roll_to_working_day):
                found = f"ended on {fact.ended_on}, to be redeemed by {fact.redeem_by}, counted {last_day}"
                yield Breach(where=f"contract-{fact.contract_id}", found=found)


async def _months_later(connection: AsyncConnection, day: date, months: int) -> date:
    """Let PostgreSQL count: the same day of a later month, or that month's last."""
    counted = sa.cast(sa.cast(day, sa.Date) + sa.func.make_interval(0, months), sa.Date)
    return (await connection.execute(sa.select(counted))).scalar_one()


def _is_moved_right(last_day: date, redeem_by: date, working_days: WorkingDays, *, roll: bool) -> bool:
    """Tell whether a deadline stands on its last day or, that day being free, on the first working day after it."""
    if not roll:
        return redeem_by == last_day
    passed_over = [last_day + offset * _ONE_DAY for offset in range((redeem_by - last_day).days)]
    is_worked = working_days.is_working_day
    return redeem_by >= last_day and is_worked(redeem_by) and not any(is_worked(day) for day in passed_over)


async def _every_wait_ends(connection: AsyncConnection, count: Count) -> AsyncIterator[Breach]:
    """P6: what waits has its deadline at the right moment, and nothing ends twice.

    That deadlines are acted upon when they are due is the store's own check.
    """
    kinds = deadlines.c.kind.in_((COMMITMENT_UNANSWERED, CONTRACT_LAPSES))
    statement = sa.select(deadlines.c.kind, deadlines.c.subject, deadlines.c.due_at).where(kinds)
    due = {(kind, subject): due_at for kind, subject, due_at in await connection.execute(statement)}
    for contract_id, life in (await _lives(connection)).items():
        count.checked += 1
        if life.is_overdecided:
            yield Breach(where=f"contract-{contract_id}", found="decided or ended more than once")
        if life.is_waiting:
            kind, expected = COMMITMENT_UNANSWERED, life.submitted_at + ANSWER_WITHIN
        elif life.registered is not None and life.is_running:
            kind, expected = CONTRACT_LAPSES, datetime.combine(life.registered.valid_until, _MIDNIGHT_IN_BEIJING)
        else:
            continue
        found = due.get((kind, contract_id))
        if found != expected:
            yield Breach(where=f"contract-{contract_id}", found=f"{kind} due at {found}, not at {expected}")


CHECKS = (
    Check(id="M4", promise="vouchers stay within their share of the contract", look=_vouchers_within_their_share),
    Check(id="M5", promise="a voucher is used in one live contract at most", look=_one_contract_a_voucher),
    Check(id="M9", promise="deadlines equal an independent day count", look=_deadlines_are_counted_right),
    Check(
        id="M11", promise="new products stay within their share of the contract", look=_new_products_within_their_share
    ),
    Check(id="P6", promise="every contract that waits ends by its deadline, and once", look=_every_wait_ends),
)
