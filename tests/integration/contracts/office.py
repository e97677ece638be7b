"""The contracts office at work on a real database, with a clock that stands where the test puts it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from services.contracts.app import CONTEXT
from services.contracts.domain.contract import State, contract
from services.contracts.projections import PROJECTIONS
from services.contracts.use_cases.answering_projects import confirm
from services.contracts.use_cases.completing_contracts import complete
from services.contracts.use_cases.keeping_texts import ProjectTexts
from services.contracts.use_cases.proposing_projects import propose
from services.contracts.use_cases.submitting_contracts import stream, submit
from shared.audit import Count
from shared.events.contracts import NewProductPurchase, VoucherUse
from shared.events.issuance.vouchers import VoucherClaimed, VoucherCommitmentRefused, VoucherCommitted, WhyNot
from shared.events.registry.claimants import ClaimantRegistered
from shared.events.registry.facilities import ServiceOffered
from shared.events.registry.providers import ProviderListed
from shared.events.registry.standing import PartySanctioned
from shared.kernel.ids import new_id
from shared.kernel.money import yuan
from shared.measures.reader import Measures
from shared.procedures.due_list import DueList
from shared.projections.rows import load_rows, save_rows
from shared.settings import Settings
from shared.store.transaction import Cause, Transaction, read_log, transaction
from tests.standing import StandingClock, recorded

MARCH_2, MARCH_5, MARCH_10 = date(2026, 3, 2), date(2026, 3, 5), date(2026, 3, 10)
APRIL_30, JUNE_10 = date(2026, 4, 30), date(2026, 6, 10)
ONE_DAY = timedelta(days=1)
MEASURES = Measures.load()
TEXTS = ProjectTexts(title="热稳定性测试", description="测量三种配方的分解温度")


@dataclass(frozen=True, slots=True)
class Pair:
    """A claimant and a provider who know each other's service; the ids are fresh, so tests do not meet."""

    claimant_id: str
    provider_id: str
    service_id: str


@dataclass(slots=True)
class Office:
    """What a test does with the office."""

    settings: Settings
    engine: AsyncEngine
    owner: AsyncEngine
    clock: StandingClock = field(default_factory=StandingClock)
    _heard: int = 0

    def id(self, prefix: str) -> str:
        """Make a fresh id."""
        return new_id(prefix, self.clock.now())

    async def do[R](self, use_case: Callable[[Transaction], Awaitable[R]]) -> R:
        """Run a use case in a transaction of its own."""
        cause = Cause(actor="test", correlation_id="test")
        async with transaction(self.engine, CONTEXT.name, self.clock, cause, MEASURES) as tx:
            return await use_case(tx)

    async def hear(self, fact: Any) -> None:
        """Let the office learn of a fact of another context: react, and bring its copies up to date."""
        self._heard += 1
        event = recorded(self._heard, fact, self.clock.now())

        async def learn(tx: Transaction) -> None:
            if type(fact) in CONTEXT.reactions:
                await CONTEXT.reactions[type(fact)](tx, event)
            for projection in CONTEXT.projections:
                rows = await load_rows(tx.connection, projection.table, projection.touches(event))
                projection.fold(rows, [event])
                await save_rows(tx.connection, projection.table, rows)

        await self.do(learn)

    async def sweep(self) -> int:
        """Work off what is due."""
        due = DueList(self.engine, CONTEXT.name, self.clock, MEASURES, CONTEXT.deadlines, on_commit=lambda: None)
        return await due.sweep()

    async def meet(self) -> Pair:
        """Have a claimant registered and a provider listed that offers a testing service."""
        pair = Pair(self.id("clm"), self.id("prv"), self.id("svc"))
        today = MARCH_2
        await self.hear(
            ClaimantRegistered(
                claimant_id=pair.claimant_id,
                kind="enterprise",
                principal="company",
                certificates=(),
                profile_digest="",
                on=today,
                pack="",
                pack_digest="",
            )
        )
        await self.hear(
            ProviderListed(
                provider_id=pair.provider_id,
                kind="municipal",
                principal="institute",
                capabilities=("testing",),
                third_party_testing=False,
                on=today,
            )
        )
        await self.hear(
            ServiceOffered(
                service_id=pair.service_id,
                facility_id="fac_1",
                provider_id=pair.provider_id,
                kind="testing",
                unit_price=10_000,
                on=today,
            )
        )
        return pair

    async def ban(self, party_id: str, *, until: date | None = None, measure: str = "disqualify") -> str:
        """Have a party sanctioned and give the sanction's id."""
        sanction_id = self.id("snc")
        await self.hear(
            PartySanctioned(
                sanction_id=sanction_id,
                party_id=party_id,
                party_kind="claimant",
                measure=measure,  # type: ignore[arg-type]
                proposed_by="a",
                approved_by="b",
                until=until,
                on=MARCH_2,
            )
        )
        return sanction_id

    async def propose(self, pair: Pair, *, relation_declared: bool = False) -> str:
        """Propose a project and give its id."""
        project_id = self.id("prj")
        await self.do(
            lambda tx: propose(
                tx,
                project_id=project_id,
                claimant_id=pair.claimant_id,
                provider_id=pair.provider_id,
                service_id=pair.service_id,
                planned_amount=yuan(120_000),
                texts=TEXTS,
                no_statutory_testing=True,
                no_municipal_funding=True,
                relation_declared=relation_declared,
            )
        )
        return project_id

    async def agree(self, pair: Pair) -> str:
        """Propose a project and have it confirmed on 5 March; give its id."""
        project_id = await self.propose(pair)
        self.clock.set_to(MARCH_5)
        await self.confirm(pair, project_id)
        return project_id

    async def confirm(self, pair: Pair, project_id: str) -> None:
        """Have the provider confirm a project."""
        await self.do(
            lambda tx: confirm(tx, project_id, provider_id=pair.provider_id, confirmed_by="institute", if_match=None)
        )

    async def submit(
        self,
        pair: Pair,
        project_id: str,
        *vouchers: VoucherUse,
        amount: int = yuan(120_000),
        new_products: tuple[NewProductPurchase, ...] = (),
    ) -> str:
        """Submit a contract on 10 March and give its id."""
        self.clock.set_to(MARCH_10)
        contract_id = self.id("ctr")
        await self.do(
            lambda tx: submit(
                tx,
                contract_id=contract_id,
                project_id=project_id,
                provider_id=pair.provider_id,
                amount=amount,
                signed_on=MARCH_5,
                starts_on=MARCH_10,
                ends_on=APRIL_30,
                vouchers=vouchers,
                voucher_clause=True,
                new_products=new_products,
                document_digest="0" * 64,
            )
        )
        return contract_id

    async def claim(self, use: VoucherUse, *, on: date = MARCH_2) -> None:
        """Hear that a voucher was claimed."""
        await self.hear(
            VoucherClaimed(
                voucher_id=use.voucher_id,
                period_id="prd_1",
                claimant_id="clm_1",
                year=2026,
                amount=use.amount,
                allowance=yuan(200_000),
                place=1,
                on=on,
                register_by=on,
                provisional=False,
                pack="",
                pack_digest="",
            )
        )

    async def commit(
        self, contract_id: str, use: VoucherUse, *, valid_until: date = JUNE_10, claimed_on: date = MARCH_2
    ) -> None:
        """Have issuance tell of a voucher's claim and commit it to a contract, in this order."""
        await self.claim(use, on=claimed_on)
        await self.hear(
            VoucherCommitted(
                voucher_id=use.voucher_id,
                period_id="prd_1",
                claimant_id="clm_1",
                year=2026,
                amount=use.amount,
                contract_id=contract_id,
                on=MARCH_10,
                valid_until=valid_until,
                provisional=False,
            )
        )

    async def refuse(self, contract_id: str, *codes: str) -> None:
        """Have issuance refuse the vouchers of a contract."""
        reasons = tuple(WhyNot(code=code, article="15(2)", value="vch_x") for code in codes)
        await self.hear(
            VoucherCommitmentRefused(contract_id=contract_id, claimant_id="clm_1", reasons=reasons, on=MARCH_10)
        )

    async def registered(self, *, amount: int = yuan(120_000)) -> tuple[Pair, str, VoucherUse]:
        """Bring a contract with one voucher to its registration."""
        pair = await self.meet()
        use = self.voucher()
        contract_id = await self.submit(pair, await self.agree(pair), use, amount=amount)
        await self.commit(contract_id, use)
        return pair, contract_id, use

    async def complete(self, pair: Pair, contract_id: str, *, ended_on: date = APRIL_30) -> None:
        """Complete a contract today, at 80,000 yuan."""
        await self.do(
            lambda tx: complete(
                tx,
                contract_id,
                provider_id=pair.provider_id,
                ended_on=ended_on,
                invoiced_amount=yuan(90_000),
                paid_amount=yuan(80_000),
                if_match=None,
            )
        )

    def voucher(self, amount: int = yuan(50_000)) -> VoucherUse:
        """Have a voucher nobody has used."""
        return VoucherUse(voucher_id=self.id("vch"), amount=amount)

    async def state(self, contract_id: str) -> State:
        """Fold a contract."""
        return (await self.do(lambda tx: tx.load(contract, stream(contract_id)))).state

    async def breaches(self, check_id: str) -> list[str]:
        """Run one check of the audit and give what it found, by place."""
        (check,) = [check for check in CONTEXT.checks if check.id == check_id]
        async with self.owner.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            return [breach.where async for breach in check.look(connection, Count())]

    async def sql(self, statement: str, **values: object) -> None:
        """Do something behind everybody's back, as the owner, the log's guard asleep."""
        async with self.owner.begin() as connection:
            await connection.execute(sa.text("ALTER TABLE events DISABLE TRIGGER USER"))
            await connection.execute(sa.text(statement), values)
            await connection.execute(sa.text("ALTER TABLE events ENABLE ALWAYS TRIGGER events_append_only"))

    async def project_lists(self) -> None:
        """Bring the read models up to the log, by the fold their runner uses."""
        async with self.engine.begin() as connection:
            log = await read_log(connection, CONTEXT.name, after=0, limit=1_000_000)
            for projection in PROJECTIONS:
                keys = {key for event in log for key in projection.touches(event)}
                rows = dict.fromkeys(keys)
                projection.fold(rows, log)
                await save_rows(connection, projection.table, rows)
                assert await load_rows(connection, projection.table, keys) == rows
