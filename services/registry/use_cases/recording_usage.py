"""Machine time comes from people and from laboratory systems, each record once (art. 11)."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import sqlalchemy as sa

from services.registry.domain.facility import Withdrawn, facility
from services.registry.domain.usage import CorrectUsage, Event, RecordUsage, State, Unrecorded, usage
from services.registry.provider_tables import usage_records
from services.registry.tables import facilities, providers
from services.registry.use_cases.streams import stream_of
from shared.kernel.ids import new_id
from shared.kernel.refusal import Reason, Refused
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

BY_HAND = "manual"
type Result = Literal["recorded", "unchanged", "refused"]
type UsageHandled = Handled[Event, State]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """What a sender says of one facility and period; `record_id` is the sender's own, None for what is typed once."""

    record_id: str | None
    facility_id: str | None
    first_day: date
    last_day: date
    minutes: int
    external_minutes: int

    @property
    def digest(self) -> str:
        """SHA-256 of all that is said, in hexadecimal: the same content has the same digest."""
        days = [self.first_day.isoformat(), self.last_day.isoformat()]
        said = json.dumps([self.facility_id, *days, self.minutes, self.external_minutes])
        return hashlib.sha256(said.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageOutcome:
    """What became of a row; `reasons` say why it was refused."""

    result: Result
    usage_id: str | None = None
    reasons: tuple[Reason, ...] = ()


async def record_usage(tx: Transaction, principal: str, row: UsageRow) -> str:
    """Record the use of a facility of the principal's own provider, typed by hand; give the record's id."""
    provider_id = await reporting_provider(tx, principal)
    (outcome,) = await record_usages(tx, provider_id, BY_HAND, [row])
    if outcome.usage_id is None:
        raise Refused(*outcome.reasons)
    return outcome.usage_id


async def reporting_provider(tx: Transaction, principal: str) -> str:
    """Give the principal's provider; one that leaves the list or is barred still owes its figures."""
    own = (
        sa.select(providers.c.provider_id)
        .where(providers.c.principal == principal)
        .order_by(providers.c.closed, providers.c.provider_id.desc())
        .limit(1)
    )
    provider_id = (await tx.connection.execute(own)).scalar_one_or_none()
    if provider_id is None:
        raise Refused(Reason(code="provider-not-listed", article="6", kind="state"))
    return str(provider_id)


async def facilities_by_number(tx: Transaction, provider_id: str, numbers: Sequence[str]) -> Mapping[str, str]:
    """Find the facilities with these asset numbers, the open one where a number was used before."""
    found = await tx.connection.execute(
        sa.select(facilities.c.number, facilities.c.facility_id)
        .where(facilities.c.provider_id == provider_id, facilities.c.number.in_(numbers))
        .order_by(facilities.c.withdrawn.desc(), facilities.c.facility_id)
    )
    return {row.number: row.facility_id for row in found}


async def record_usages(tx: Transaction, provider_id: str, source: str, rows: Sequence[UsageRow]) -> list[UsageOutcome]:
    """Record what is new, leave what was said before; a row that is refused changes nothing.

    The facilities' rows are locked in one order, so that records of one facility come one at a time.
    """
    wanted = {row.facility_id for row in rows if row.facility_id is not None}
    locked = await tx.connection.execute(
        sa.select(facilities.c.facility_id)
        .where(facilities.c.facility_id.in_(wanted), facilities.c.provider_id == provider_id)
        .order_by(facilities.c.facility_id)
        .with_for_update()
    )
    own = set(locked.scalars())
    near = (
        usage_records.c.facility_id.in_(own)
        & (usage_records.c.last_day >= min(row.first_day for row in rows))
        & (usage_records.c.first_day <= max(row.last_day for row in rows))
    )
    named = usage_records.c.record_id.in_({row.record_id for row in rows if row.record_id is not None})
    of_sender = (usage_records.c.provider_id == provider_id) & (usage_records.c.source == source)
    before = (await tx.connection.execute(sa.select(usage_records).where(of_sender, near | named))).all()
    batch = _Batch(tx, provider_id, source, own, await _withdrawals(tx, own))
    for known in before:
        batch.know(known.usage_id, known.record_id, known.digest, known.facility_id, known.first_day, known.last_day)
    outcomes = [batch.take(row) for row in rows]
    await batch.write()
    return outcomes


async def correct_usage(
    tx: Transaction, usage_id: str, principal: str, minutes: int, external_minutes: int, *, if_match: int | None
) -> UsageHandled:
    """Correct the figures of a record of the principal's own provider."""
    found = await tx.connection.execute(
        sa.select(usage_records.c.usage_id)
        .join(providers, providers.c.provider_id == usage_records.c.provider_id)
        .where(usage_records.c.usage_id == usage_id, providers.c.principal == principal)
        .with_for_update(of=usage_records)
    )
    if found.first() is None:
        raise UnknownSubjectError(usage_id)
    command = CorrectUsage(minutes=minutes, external_minutes=external_minutes, on=tx.today)
    handled = await tx.handle(usage, stream_of(usage_id, "usg"), command, if_match=if_match)
    if handled.events:
        figures = {"minutes": minutes, "external_minutes": external_minutes, "corrected_on": tx.today}
        row = sa.update(usage_records).where(usage_records.c.usage_id == usage_id)
        await tx.connection.execute(row.values(figures))
    return handled


class _Batch:
    """The rows of one sender, decided one by one and written together."""

    def __init__(
        self, tx: Transaction, provider_id: str, source: str, own: set[str], withdrawals: Mapping[str, date]
    ) -> None:
        self._tx, self._provider_id, self._source = tx, provider_id, source
        self._own, self._withdrawals = own, withdrawals
        self._said: dict[str, tuple[str, str]] = {}
        self._periods: dict[str, list[tuple[date, date, str]]] = {}
        self._new: list[dict[str, object]] = []

    def know(
        self, usage_id: str, record_id: str | None, digest: str, facility_id: str, first: date, last: date
    ) -> None:
        """Remember a record, so that it is neither taken twice nor overlapped."""
        if record_id is not None:
            self._said[record_id] = (usage_id, digest)
        self._periods.setdefault(facility_id, []).append((first, last, usage_id))

    def take(self, row: UsageRow) -> UsageOutcome:
        """Decide on one row."""
        if row.facility_id is None or row.facility_id not in self._own:
            unknown = Reason(code="usage-facility-unknown", article="11", value=row.facility_id)
            return UsageOutcome(result="refused", reasons=(unknown,))
        if row.record_id is not None and row.record_id in self._said:
            usage_id, digest = self._said[row.record_id]
            if digest == row.digest:
                return UsageOutcome(result="unchanged", usage_id=usage_id)
            other = Reason(code="usage-id-says-otherwise", article="11", value=row.record_id, kind="state")
            return UsageOutcome(result="refused", reasons=(other,))
        usage_id = new_id("usg", self._tx.now)
        try:
            facts = usage.decide(self._command(usage_id, row.facility_id, row), Unrecorded())
        except Refused as refused:
            return UsageOutcome(result="refused", reasons=refused.reasons)
        self._tx.append(stream_of(usage_id, "usg"), 0, facts)
        self.know(usage_id, row.record_id, row.digest, row.facility_id, row.first_day, row.last_day)
        self._new.append(
            {
                "usage_id": usage_id,
                "provider_id": self._provider_id,
                "facility_id": row.facility_id,
                "source": self._source,
                "record_id": row.record_id,
                "digest": row.digest,
                "first_day": row.first_day,
                "last_day": row.last_day,
                "minutes": row.minutes,
                "external_minutes": row.external_minutes,
            }
        )
        return UsageOutcome(result="recorded", usage_id=usage_id)

    async def write(self) -> None:
        """Write what was recorded."""
        if self._new:
            await self._tx.connection.execute(sa.insert(usage_records), self._new)

    def _command(self, usage_id: str, facility_id: str, row: UsageRow) -> RecordUsage:
        overlapped = next(
            (
                known
                for first, last, known in self._periods.get(facility_id, [])
                if first <= row.last_day and row.first_day <= last
            ),
            None,
        )
        return RecordUsage(
            usage_id=usage_id,
            facility_id=facility_id,
            withdrawn_on=self._withdrawals.get(facility_id),
            provider_id=self._provider_id,
            source=self._source,
            first_day=row.first_day,
            last_day=row.last_day,
            minutes=row.minutes,
            external_minutes=row.external_minutes,
            overlapped=overlapped,
            on=self._tx.today,
        )


async def _withdrawals(tx: Transaction, facility_ids: set[str]) -> Mapping[str, date]:
    """Say on which day the withdrawn ones of these facilities were withdrawn, from the log."""
    gone = await tx.connection.execute(
        sa.select(facilities.c.facility_id).where(facilities.c.facility_id.in_(facility_ids), facilities.c.withdrawn)
    )
    days: dict[str, date] = {}
    for facility_id in gone.scalars().all():
        state = (await tx.load(facility, stream_of(facility_id, "fac"))).state
        if isinstance(state, Withdrawn):
            days[facility_id] = state.withdrawn_on
    return days
