"""Redemption's service in one process, with a clock that the test sets and a door for other contexts' facts."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import httpx

from services.redemption.app import CONTEXT
from services.redemption.reactions import REACTIONS
from shared.events.contracts import ContractCompleted, VoucherUse
from shared.events.registry.experts import ExpertEnrolled
from shared.http.local_issuer import LocalIssuer
from shared.kernel.ids import new_id
from shared.kernel.money import yuan
from shared.procedures.due import Together
from shared.runtime import Runtime
from shared.store.transaction import Cause, transaction
from tests.standing import StandingClock, recorded
from tests.unit.redemption.facts import KINDS

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF"


@dataclass
class Office:
    """What the tests act through."""

    runtime: Runtime
    client: httpx.AsyncClient
    issuer: LocalIssuer
    clock: StandingClock
    numbers: int = 0

    async def tell(self, fact: Any) -> None:
        """Deliver a fact of another context."""
        self.numbers += 1
        event = recorded(self.numbers, fact, self.clock.now())
        cause = Cause(actor="test", correlation_id="c")
        async with transaction(self.runtime.engine, "redemption", self.clock, cause, self.runtime.measures) as tx:
            await REACTIONS[type(fact)](tx, event)

    async def strike(self, kind: str, subject: str) -> None:
        """Let a deadline come due."""
        handler = CONTEXT.deadlines[kind]
        assert not isinstance(handler, Together), kind
        cause = Cause(actor="clock", correlation_id="c")
        async with transaction(self.runtime.engine, "redemption", self.clock, cause, self.runtime.measures) as tx:
            await handler(tx, subject)

    async def call(
        self, method: str, path: str, who: str, party: str | None = None, *, principal: str = "", **more: Any
    ) -> httpx.Response:
        """Send a request as somebody, with a fresh idempotency key unless one is given."""
        headers = {
            "Authorization": f"Bearer {self.issuer.issue(who, principal or f'usr-{who}-{party}', party)}",
            "Idempotency-Key": more.pop("key", None) or new_id("key", datetime.now(UTC)),  # noqa: TID251 (a key only)
            "Accept-Language": "en",
        }
        if "version" in more:
            headers["If-Match"] = f'"{more.pop("version")}"'
        return await self.client.request(method, path, headers=headers, **more)


@dataclass
class Case:
    """One completed contract and its redemption."""

    office: Office
    redemption_id: str
    contract_id: str
    claimant_id: str
    provider_id: str
    experts: tuple[str, ...]
    invoice: str

    async def version(self) -> int:
        """Read the version of the redemption."""
        answer = await self.office.call("GET", f"/v1/redemptions/{self.redemption_id}", "officer")
        return int(answer.headers["etag"].strip('"'))

    async def do(self, what: str, who: str, party: str | None = None, **more: Any) -> httpx.Response:
        """Take a step, on the newest version."""
        more.setdefault("version", await self.version())
        return await self.office.call("POST", f"/v1/redemptions/{self.redemption_id}/{what}", who, party, **more)

    async def upload(self, content: bytes = PDF) -> str:
        """Upload a file as the provider."""
        answer = await self.office.call(
            "POST", "/v1/documents", "provider", self.provider_id, files={"file": ("a.pdf", content, "application/pdf")}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["document_id"])

    async def application(self, **changes: Any) -> dict[str, Any]:
        """Write a complete application."""
        evidence = [{"kind": kind, "document_id": await self.upload()} for kind in KINDS]
        invoices = [{"number": self.invoice, "amount": {"amount": yuan(90_000), "currency": "CNY"}}]
        return {"evidence": evidence, "invoices": invoices} | changes

    async def apply(self) -> httpx.Response:
        """Apply."""
        return await self.do("application", "provider", self.provider_id, json=await self.application())

    async def review(self, amount: int) -> None:
        """Pass the formal check, draw the panel and have every expert judge."""
        assert (await self.do("formal-check", "officer", json={"outcome": "accepted"})).status_code == 200
        drawn = await self.do("panel", "officer", json={"seed": "2026-03-20 closing"})
        assert drawn.status_code == 200, drawn.text
        for expert in drawn.json()["experts"]:
            body = {"score": 80, "amount": {"amount": amount, "currency": "CNY"}, "reasons": "sound"}
            assert (await self.do("opinions", "expert", expert, json=body)).status_code == 200


async def completed_case(office: Office, voucher_id: str = "") -> Case:
    """Have a contract of 120,000 元 completed at 80,000 元, one voucher of 50,000 元 in it."""
    now = office.clock.now()
    case = Case(
        office=office, redemption_id="", contract_id=new_id("ctr", now), claimant_id=new_id("clm", now),
        provider_id=new_id("prv", now), experts=tuple(new_id("exp", now) for _ in range(4)),
        invoice=new_id("inv", now).upper().replace("_", "")[:20],
    )  # fmt: skip
    for number, expert in enumerate(case.experts):
        employer = case.provider_id if number == 0 else None
        await office.tell(ExpertEnrolled(expert_id=expert, principal=expert, employer_id=employer, on=date(2026, 1, 5)))
    await office.tell(
        ContractCompleted(
            contract_id=case.contract_id, claimant_id=case.claimant_id, provider_id=case.provider_id,
            vouchers=(VoucherUse(voucher_id=voucher_id or new_id("vch", now), amount=yuan(50_000)),),
            amount=yuan(120_000),
            invoiced_amount=yuan(90_000), paid_amount=yuan(80_000), actual_amount=yuan(80_000),
            ended_on=date(2026, 3, 2), redeem_by=date(2026, 4, 2), provisional=False, on=date(2026, 3, 2),
        )
    )  # fmt: skip
    async with office.runtime.engine.connect() as connection:
        row = await connection.exec_driver_sql(
            "SELECT redemption_id FROM windows WHERE contract_id = $1", (case.contract_id,)
        )
        case.redemption_id = row.scalar_one()
    return case
