"""Claimants who enter for a period's money, and what the office says of their entries."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from services.issuance.audit import CHECKS
from services.issuance.domain.entry import Entry, entry
from services.issuance.domain.plan import Settings
from services.issuance.domain.voucher_stages import Voucher
from services.issuance.tables import quotas
from services.issuance.use_cases.entering import enter_period, withdraw_entry
from services.issuance.use_cases.planning_periods import approve_period, propose_period
from shared.audit import Breach, Count
from shared.events.issuance.periods import EntryTerms
from shared.kernel.ids import new_id
from shared.kernel.refusal import Refused
from shared.store.transaction import Cause, transaction
from tests.integration.issuance.office import CONTEXT, Office

FACE = 1_000_000
_SOON_S = 10.0


@dataclass(slots=True)
class Entrants:
    """Whoever enters at an office."""

    office: Office
    made: list[str] = field(default_factory=list)

    async def plan(self, quota: int, terms: EntryTerms, *, opens_at: datetime | None = None, days: int = 30) -> str:
        """Plan and approve a period that takes entries; it opens now unless it is said when."""
        period_id, opening = new_id("prd", self.office.clock.now()), opens_at or self.office.clock.now()
        await self.office.do(
            lambda tx: propose_period(
                tx,
                period_id=period_id,
                name="2026 年第二期",
                quota=quota,
                opens_at=opening,
                closes_at=opening + timedelta(days=days),
                proposed_by="officer-li",
                settings=Settings(entries=terms),
            )
        )
        await self.office.do(lambda tx: approve_period(tx, period_id=period_id, approved_by="officer-wang"))
        if opens_at is None:
            await self.serve()  # so that the opening is written down, as it is within a second
        return period_id

    async def enter(self, period_id: str, claimant_id: str, amount: int = FACE, *, or_less: bool = False) -> str:
        """Enter for `amount` fen; gives the entry."""
        entry_id, cause = (
            new_id("ent", self.office.clock.now()),
            Cause(actor=f"user-of-{claimant_id}", correlation_id=""),
        )
        office = self.office
        async with transaction(office.engine, CONTEXT, office.clock, cause, office.measures) as tx:
            await enter_period(
                tx, entry_id=entry_id, period_id=period_id, claimant_id=claimant_id, amount=amount, or_less=or_less
            )
        return entry_id

    async def claim_soon(self, period_id: str, claimant_id: str, amount: int = FACE, *, key: str = "") -> Voucher:
        """Claim until the writer has seen that the entries are decided."""
        async with asyncio.timeout(_SOON_S):
            while True:
                try:
                    answer = await self.office.ask(period_id, claimant_id, amount, key=key)
                except Refused as refused:
                    if [reason.code for reason in refused.reasons] != ["entries-being-decided"]:
                        raise
                    await asyncio.sleep(0.05)
                else:
                    return await self.office.look(msgspec.json.decode(answer.body)["voucher_id"])

    async def withdraw(self, entry_id: str, claimant_id: str) -> None:
        """Ask no more."""
        await self.office.do(lambda tx: withdraw_entry(tx, entry_id=entry_id, claimant_id=claimant_id))

    async def look(self, entry_id: str) -> Entry:
        """Read an entry from the log."""
        state = (await self.office.do(lambda tx: tx.load(entry, f"entry-{entry_id}"))).state
        assert isinstance(state, Entry)
        return state

    async def stages(self, *entry_ids: str) -> list[str]:
        """Say how far entries have come; an ended one says why."""
        found = [await self.look(entry_id) for entry_id in entry_ids]
        return [one.reasons[0].code if one.reasons else one.stage.value for one in found]

    async def serve(self) -> None:
        """Do what is due now."""
        await self.office.wait_until(self.office.clock.now())

    async def waits(self, period_id: str) -> tuple[int, int]:
        """Read how many wait on the reserve list, and what is owed to them."""
        statement = sa.select(quotas.c.waiting, quotas.c.owed).where(quotas.c.period_id == period_id)
        async with self.office.engine.connect() as connection:
            row = (await connection.execute(statement)).one()
        return row.waiting, row.owed

    async def breaches(self) -> list[Breach]:
        """Let the audit look at everything."""
        found: list[Breach] = []
        async with self.office.engine.connect() as connection:
            for check in CHECKS:
                found.extend([breach async for breach in check.look(connection, Count())])
        return found


def reserve(**more: Any) -> EntryTerms:
    """Give the terms of a period with a reserve list."""
    return EntryTerms(reserve_list=True, **more)
