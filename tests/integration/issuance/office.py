"""An issuing office on a real database, without a broker: facts of other contexts are told to it by hand."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import asyncpg
import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from services.issuance.api.awarded import awarded
from services.issuance.app import DUE
from services.issuance.domain.plan import Settings
from services.issuance.domain.voucher import voucher
from services.issuance.domain.voucher_stages import Voucher
from services.issuance.domain.waiting_room import Shown, Unfit
from services.issuance.intake.intake import Intake
from services.issuance.intake.sequencer import Surroundings
from services.issuance.reactions import REACTIONS
from services.issuance.tables import allowances, quotas
from services.issuance.use_cases.planning_periods import approve_period, propose_period
from shared.database import LIMITS
from shared.events.contracts import ContractSubmitted, VoucherUse
from shared.events.definition import TYPE_OF, Recorded
from shared.events.registry.claimants import Certificate, ClaimantKind, ClaimantRegistered
from shared.kernel.calendar import business_date
from shared.kernel.ids import new_id
from shared.kernel.refusal import Refused
from shared.measures.reader import Measures
from shared.procedures.daily import Daily
from shared.procedures.due_list import DueList
from shared.store.execution import Answer, IdempotencyKey
from shared.store.tables import deadlines
from shared.store.transaction import Cause, Transaction, caused_by, transaction

CONTEXT = "issuance"
_SOON_S = 10.0
_WRITER = LIMITS | {"application_name": "cxq-intake-test"}
NINE_IN_MARCH = datetime(2026, 3, 2, 1, tzinfo=UTC)
"""A Monday, nine o'clock in Beijing."""


@dataclass(slots=True)
class StandingClock:
    """Stands still until somebody moves it."""

    at: datetime = NINE_IN_MARCH

    def now(self) -> datetime:
        """Give the instant it stands at."""
        return self.at


_NUMBERS = count(1)


@dataclass(slots=True)
class Office:
    """Runs use cases, reactions and deadlines, each in its own transaction."""

    engine: AsyncEngine
    measures: Measures = field(default_factory=Measures.load)
    clock: StandingClock = field(default_factory=StandingClock)
    address: str = field(default_factory=lambda: f"http://office-{next(_NUMBERS)}.test")
    """Where this instance is, and no other: who finds its own address at a period ends a connection of its own."""
    seconds: Callable[[], float] = lambda: asyncio.get_running_loop().time()
    """What the intake waits and trusts its memory by."""
    _told: int = 0
    _asked: int = 0
    _intake: Intake | None = None

    @property
    def intake(self) -> Intake:
        """The intake of the office, on connections of its own; `close` closes it."""
        if self._intake is None:
            self._intake = Intake(
                Surroundings(
                    clock=self.clock,
                    seconds=self.seconds,
                    measures=self._rules,
                    connect=self._connect,
                    granted=awarded,
                    on_commit=lambda: None,
                    address=self.address,
                )
            )
        return self._intake

    async def _rules(self) -> Measures:
        return self.measures

    async def _connect(self) -> "asyncpg.Connection[Any]":
        url = self.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        return await asyncpg.connect(
            url, timeout=4, command_timeout=3, server_settings=LIMITS | {"application_name": "cxq-intake-test"}
        )

    async def close(self) -> None:
        """Send home who still waits."""
        if self._intake is not None:
            await self._intake.close()

    async def do[R](self, use_case: Callable[[Transaction], Awaitable[R]]) -> R:
        """Run a use case."""
        cause = Cause(actor="test", correlation_id="test")
        async with transaction(self.engine, CONTEXT, self.clock, cause, self.measures) as tx:
            return await use_case(tx)

    async def tell(self, fact: object) -> None:
        """Have the office hear a fact of another context."""
        self._told += 1
        kind = TYPE_OF[type(fact)]
        recorded: Recorded[Any] = Recorded(
            context=kind.context,
            position=self._told,
            stream="told",
            version=self._told,
            type=kind.stored,
            data=fact,
            key=str(getattr(fact, kind.key)),
            metadata={},
            recorded_at=self.clock.now(),
            hash="",
        )
        cause = caused_by(recorded, "reactions")
        async with transaction(self.engine, CONTEXT, self.clock, cause, self.measures) as tx:
            await REACTIONS[type(fact)](tx, recorded)

    async def wait_until(self, instant: datetime) -> None:
        """Move the clock and work off what is due by then; daily work begins with the day on which the clock stood."""
        await self._begin_daily_work()
        self.clock.at = instant
        due = DueList(self.engine, CONTEXT, self.clock, self.measures, DUE, lambda: None)
        while await due.sweep():
            pass

    async def _begin_daily_work(self) -> None:
        """Bring back daily work that is ahead of the clock: tests share a database, and each has a clock of its own."""
        daily = [kind for kind, handler in DUE.items() if isinstance(handler, Daily)]
        back = sa.text(
            "UPDATE deadlines SET subject = :today, due_at = :now"
            " WHERE kind = ANY(CAST(:kinds AS text[])) AND subject > :today"
        )
        now = self.clock.now()
        async with self.engine.begin() as connection:
            await connection.execute(back, {"kinds": daily, "now": now, "today": business_date(now).isoformat()})

    async def register(
        self,
        kind: ClaimantKind = "enterprise",
        certificates: tuple[Certificate, ...] = (),
        district: str | None = None,
    ) -> str:
        """Have the registry register a claimant."""
        claimant_id = new_id("clm", self.clock.now())
        today = business_date(self.clock.now())
        await self.tell(
            ClaimantRegistered(
                claimant_id=claimant_id,
                kind=kind,
                principal=f"user-of-{claimant_id}",
                certificates=certificates,
                profile_digest="",
                on=today,
                pack=self.measures.pack,
                pack_digest=self.measures.digest,
                district=district,
            )
        )
        return claimant_id

    async def open_period(
        self, quota: int = 1_000_000_000, *, days: float = 30, period_id: str = "", **settings: Any
    ) -> str:
        """Plan and approve a period that is open from now on; `quota` in fen."""
        period_id = period_id or new_id("prd", self.clock.now())
        closes_at = self.clock.now() + timedelta(days=days)
        await self.do(
            lambda tx: propose_period(
                tx,
                period_id=period_id,
                name="2026 年第一期",
                quota=quota,
                opens_at=self.clock.now(),
                closes_at=closes_at,
                proposed_by="officer-li",
                settings=Settings(**settings),
            )
        )
        await self.do(lambda tx: approve_period(tx, period_id=period_id, approved_by="officer-wang"))
        return period_id

    async def claim(self, period_id: str, claimant_id: str, amount: int) -> Voucher:
        """Claim a voucher of `amount` fen."""
        claimed = await self.ask(period_id, claimant_id, amount)
        return await self.look(msgspec.json.decode(claimed.body)["voucher_id"])

    async def claim_soon(self, period_id: str, claimant_id: str, amount: int) -> Voucher:
        """Claim until the writer has seen that money came back to a period it knew to be sold out."""
        async with asyncio.timeout(_SOON_S):
            while True:
                try:
                    return await self.claim(period_id, claimant_id, amount)
                except Refused as refused:
                    if [reason.code for reason in refused.reasons] != ["quota-exhausted"]:
                        raise
                    await asyncio.sleep(0.05)

    async def ask(
        self, period_id: str, claimant_id: str, amount: int, *, key: str = "", shown: Shown = Unfit.MISSING
    ) -> Answer:
        """Bring a claim to the intake, under a key of its own unless one is given; Refused when it is refused."""
        self._asked += 1
        name = key or f"claim-{self._asked}"
        refusals: list[Refused] = []  # a batch that lost a race is decided again: the last one counts

        def told(refused: Refused) -> Answer:
            refusals.append(refused)
            return Answer(status=422)

        answer = await self.intake.claim(
            period_id=period_id,
            claimant_id=claimant_id,
            amount=amount,
            at=self.clock.now(),
            key=IdempotencyKey(
                principal=f"user-of-{claimant_id}",
                operation="claimVoucher",
                key=name,
                payload=f"{period_id} {amount}".encode(),
            ),
            cause=Cause(actor="test", correlation_id=name),
            told=told,
            shown=shown,
        )
        if answer.status == 422 and not answer.replayed:
            raise refusals[-1]
        return answer

    async def submit(self, contract_id: str, held: Sequence[Voucher], **changed: object) -> ContractSubmitted:
        """Have contracts submit a contract that these vouchers are to pay."""
        today = business_date(self.clock.now())
        facts: dict[str, Any] = {
            "contract_id": contract_id,
            "project_id": "prj_1",
            "claimant_id": held[0].claimant_id,
            "provider_id": "prv_1",
            "service_id": "svc_1",
            "service_kind": "testing",
            "amount": 12_000_000,
            "signed_on": today,
            "starts_on": today,
            "ends_on": today + timedelta(days=30),
            "vouchers": tuple(VoucherUse(voucher_id=v.voucher_id, amount=v.amount) for v in held),
            "document_digest": "",
            "on": today,
            "pack": self.measures.pack,
            "pack_digest": self.measures.digest,
            **changed,
        }
        contract = ContractSubmitted(**facts)
        await self.tell(contract)
        return contract

    async def look(self, voucher_id: str) -> Voucher:
        """Read a voucher from the log."""
        state = (await self.do(lambda tx: tx.load(voucher, f"voucher-{voucher_id}"))).state
        assert isinstance(state, Voucher)
        return state

    async def history(self, stream: str) -> list[tuple[str, dict[str, Any]]]:
        """Read a stream: the short name of each fact and what it says."""
        statement = sa.text("SELECT type, data FROM events WHERE stream = :stream ORDER BY version")
        async with self.engine.connect() as connection:
            rows = (await connection.execute(statement, {"stream": stream})).all()
        return [(kind.removeprefix("cxq.issuance.").rpartition(".v")[0], data) for kind, data in rows]

    async def names(self, stream: str) -> list[str]:
        """Name the facts of a stream."""
        return [name for name, _ in await self.history(stream)]

    async def year_of(self, claimant_id: str, year: int = 2026) -> tuple[int, int]:
        """Read what the deciding row says of a claimant's year: reserved and spent."""
        statement = sa.select(allowances.c.reserved, allowances.c.spent).where(
            allowances.c.claimant_id == claimant_id, allowances.c.year == year
        )
        async with self.engine.connect() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return (0, 0) if row is None else (row.reserved, row.spent)

    async def is_waited_for(self, voucher_id: str) -> bool:
        """Tell whether the due list has anything to do for a voucher."""
        statement = sa.select(deadlines.c.kind).where(deadlines.c.subject == voucher_id)
        async with self.engine.connect() as connection:
            return (await connection.execute(statement)).first() is not None

    async def quota_of(self, period_id: str) -> tuple[int, int, int, int]:
        """Read what the deciding row says of a period: remaining, issued, returned, claims."""
        statement = sa.select(quotas.c.remaining, quotas.c.issued, quotas.c.returned, quotas.c.claims).where(
            quotas.c.period_id == period_id
        )
        async with self.engine.connect() as connection:
            row = (await connection.execute(statement)).one()
        return row.remaining, row.issued, row.returned, row.claims
