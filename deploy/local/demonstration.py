"""One voucher's whole life, played through REST and events only, with a line and a check mark for each step."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import httpx

from deploy.local.cast import Cast, gather_cast
from deploy.local.house import House
from deploy.local.visitor import Answer, UnexpectedAnswerError, Visitor, patiently
from shared.kernel.calendar import business_date, start_of
from shared.kernel.money import format_yuan, yuan

QUOTA = yuan(200_000)
CAP = yuan(50_000)
CONTRACT, INVOICED, PAID = yuan(120_000), yuan(90_000), yuan(80_000)
EVIDENCE = ("contract", "invoice", "bank_receipt", "bookkeeping_voucher", "result_report", "use_record")
_PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"


@dataclass(slots=True)
class Story:
    """What the steps share: the house, its people, and what happened so far."""

    house: House
    say: Callable[[str], None]
    client: httpx.AsyncClient
    cast: Cast
    vouchers: dict[str, str] = field(default_factory=dict)
    period_id: str = ""
    contract_id: str = ""
    redemption_id: str = ""

    @property
    def today(self) -> date:
        """The day in Beijing, by the services' clock."""
        return business_date(self.house.now())

    def told(self, text: str) -> None:
        """Tick a step off."""
        self.say(f"✓ {text}")

    def advance_to(self, day: date) -> None:
        """Move every service's clock into a day, five minutes past its midnight in Beijing."""
        ahead = start_of(day) + timedelta(minutes=5) - self.house.now()
        if ahead > timedelta():
            self.house.advance(ahead)
            self.say(f"  … the clock moves to {day:%Y-%m-%d}")


async def demonstrate(house: House, say: Callable[[str], None] = print) -> bool:
    """Play the story on running services; False when a step does not come out as the regulation has it."""
    async with httpx.AsyncClient(timeout=15) as client:
        try:
            story = Story(house, say, client, await gather_cast(house, client, say))
            for step in (
                _open_periods,
                _claim_and_be_refused,
                _register_contracts,
                _let_one_expire_unregistered,
                _complete_while_issuance_is_down,
                _redeem,
                _review_and_publish,
                _disburse,
                _let_one_expire_unused,
                _gather_records,
            ):
                await step(story)
            await _rebuild_and_compare(story)
            await _lose_and_republish_the_log(story)
        except UnexpectedAnswerError as error:
            say(f"✗ {error}")
            return False
    return True


async def _open_periods(story: Story) -> None:
    earlier = await _approved_period(story, "较早的周期", yuan(150_000), opens_in=timedelta())
    await _is_open(story, earlier)
    for _ in range(3):
        (await story.cast.company.do("issuance", "/v1/claims", _claim(earlier, CAP))).expect(201)
    story.told("an earlier period has given the first company 150,000.00 元 of its 200,000.00 元 for the year")
    story.period_id = await _approved_period(story, "演示周期", QUOTA, opens_in=timedelta(seconds=2))
    early = await story.cast.company.do("issuance", "/v1/claims", _claim(story.period_id, CAP))
    early.expect(409, 422).refused("period-not-open-yet")
    story.told(
        f"two officers open a period of {format_yuan(QUOTA)}; a claim before its hour is refused ({_cited(early)})"
    )
    await _is_open(story, story.period_id)
    story.told("the period opens by the server's clock")


async def _approved_period(story: Story, name: str, quota: int, *, opens_in: timedelta) -> str:
    cast, opens_at = story.cast, story.house.now() + opens_in
    plan = {
        "name": f"{name} {story.today:%Y-%m-%d}",
        "quota": {"amount": quota},
        "opens_at": opens_at.isoformat(),
        "closes_at": (opens_at + timedelta(days=30)).isoformat(),
    }
    proposed = (await cast.officer.do("issuance", "/v1/periods", plan)).expect(201)
    period_id = str(proposed.body["period_id"])
    path = f"/v1/periods/{period_id}/approval"
    (await cast.officer.do("issuance", path, version=proposed.version)).expect(403).refused("four-eyes")
    (await cast.approver.do("issuance", path, version=proposed.version)).expect(200)
    return period_id


async def _is_open(story: Story, period_id: str) -> None:
    await story.cast.officer.until("issuance", f"/v1/periods/{period_id}", lambda period: period["phase"] == "open")


def _claim(period_id: str, amount: int) -> dict[str, Any]:
    return {"period_id": period_id, "amount": {"amount": amount}}


async def _claim_and_be_refused(story: Story) -> None:
    cast = story.cast

    async def claim(who: Visitor, amount: int) -> Answer:
        return await who.do("issuance", "/v1/claims", _claim(story.period_id, amount))

    over = (await claim(cast.team, CAP + 1)).expect(422).refused("face-value-out-of-range")
    story.told(f"a claim of {format_yuan(CAP + 1)} is refused for its face value ({_cited(over)})")
    for name, who in (("company", cast.company), ("certified", cast.certified), ("team", cast.team)):
        voucher = (await claim(who, CAP)).expect(201).body
        story.vouchers[name] = voucher["voucher_id"]
    story.told(f"two companies and a student team claim {format_yuan(CAP)} each and get places 1, 2 and 3")
    spent = (await claim(cast.company, yuan(10_000))).expect(409, 422).refused("allowance-exceeded")
    story.told(f"the first company's next claim is refused for its annual allowance ({_cited(spent)})")
    last = (await claim(cast.certified, CAP)).expect(201)
    key = cast.certified.keys[-1]
    gone = (await claim(cast.team, yuan(10_000))).expect(409).refused("quota-exhausted")
    story.told(f"the quota is gone; the next claim is refused ({_cited(gone)})")
    again = await cast.certified.do("issuance", "/v1/claims", _claim(story.period_id, CAP), key=key)
    if again.response.content != last.response.content or "idempotency-replayed" not in again.response.headers:
        raise UnexpectedAnswerError("a repeated claim should be answered byte for byte as before")
    story.told("the last claim, sent again with its key, gets the same answer and no second voucher")


async def _register_contracts(story: Story) -> None:
    cast = story.cast
    story.contract_id = await _registered(story, cast.certified, "certified")
    story.told(f"a contract of {format_yuan(CONTRACT)} is proposed, confirmed, signed, and registered with one voucher")
    await _registered(story, cast.team, "team")
    story.told("the team's contract is registered with its voucher too")


async def _registered(story: Story, claimant: Visitor, voucher: str) -> str:
    provider, today = story.cast.provider, story.today
    proposal = {
        "provider_id": provider.party,
        "service_id": story.cast.service_id,
        "planned_amount": {"amount": CONTRACT},
        "title": "新型电解液的热稳定性测试",
        "description": "在 25-80 ℃ 区间测量三种配方的分解温度与产气量",
        "declarations": {"no_statutory_testing": True, "no_municipal_funding": True},
    }
    proposed = await _when_known(lambda: claimant.do("contracts", "/v1/projects", proposal))
    project = proposed.expect(201).body["project_id"]
    confirmation = {"claimant_verified": True, "project_verified": True}
    path = f"/v1/projects/{project}/confirmation"
    (await provider.do("contracts", path, confirmation, version=proposed.version)).expect(200)
    submission = {
        "project_id": project,
        "amount": {"amount": CONTRACT},
        "signed_on": f"{today}",
        "starts_on": f"{today}",
        "ends_on": f"{today + timedelta(days=60)}",
        "vouchers": [{"voucher_id": story.vouchers[voucher], "amount": {"amount": CAP}}],
        "voucher_clause": True,
        "document_digest": hashlib.sha256(_PDF).hexdigest(),
    }
    too_much = submission | {"amount": {"amount": yuan(99_999)}}
    (await provider.do("contracts", "/v1/contracts", too_much)).expect(422).refused("voucher-share-exceeded")
    submitted = (await provider.do("contracts", "/v1/contracts", submission, prefer="wait=10")).expect(201, 202)
    contract_id = str(submitted.body["contract_id"])
    shown = await provider.until(
        "contracts", f"/v1/contracts/{contract_id}", lambda contract: contract["state"] != "submitted"
    )
    if shown.body["state"] != "registered":
        raise UnexpectedAnswerError(f"the contract should be registered, but: {shown.body}")
    return contract_id


async def _when_known(act: Callable[[], Awaitable[Answer]]) -> Answer:
    """Act once contracts has heard of the parties that the registry has just told of."""

    def heard(answer: Answer) -> bool:
        codes = {error["code"] for error in answer.body.get("errors", [])}
        return not codes & {"claimant-not-registered", "provider-not-listed", "service-not-offered"}

    return await patiently(act, heard)


async def _let_one_expire_unregistered(story: Story) -> None:
    path = f"/v1/vouchers/{story.vouchers['company']}"
    voucher = (await story.cast.company.read("issuance", path)).expect(200).body
    last_day = date.fromisoformat(voucher["register_by"])
    story.advance_to(last_day)
    await asyncio.sleep(1.5)  # long enough for a sweep that would come a day too early
    if (await story.cast.company.read("issuance", path)).body["state"] != "claimed":
        raise UnexpectedAnswerError(f"the voucher should be good until the end of {last_day}")
    story.house.advance(start_of(last_day + timedelta(days=1)) + timedelta(hours=1, minutes=5) - story.house.now())
    await story.cast.company.until("issuance", path, lambda voucher: voucher["state"] == "expired")
    totals = await _totals(story, "company", lambda year: year["released"]["amount"] == 4 * CAP)
    story.told(
        f"the first company's four vouchers, unregistered, expire on {story.today}, day 16 (art. 15(2)), "
        f"and {format_yuan(totals['released']['amount'])} return to its allowance"
    )


async def _complete_while_issuance_is_down(story: Story) -> None:
    provider, path = story.cast.provider, f"/v1/contracts/{story.contract_id}"
    registered = (await provider.read("contracts", path)).expect(200)
    story.house.kill("issuance")
    completion = {"ended_on": f"{story.today}", "invoiced": {"amount": INVOICED}, "paid": {"amount": PAID}}
    done = (await provider.do("contracts", f"{path}/completion", completion, version=registered.version)).expect(200)
    if done.body["completed"]["actual"]["amount"] != PAID:
        raise UnexpectedAnswerError(f"the actual amount should be the lower one: {done.body}")
    story.told(f"issuance is killed with -9; contracts goes on: the service cost {format_yuan(PAID)} instead")
    voucher = f"/v1/vouchers/{story.vouchers['certified']}"
    await story.cast.certified.until("issuance", voucher, lambda voucher: voucher["state"] == "used")
    story.told("issuance is back and has caught up: the voucher is used and waits for its redemption")


async def _redeem(story: Story) -> None:
    provider = story.cast.provider
    found = await provider.until(
        "redemption", "/v1/redemptions", lambda page: bool(page["items"]), contract_id=story.contract_id
    )
    story.redemption_id = found.body["items"][0]["redemption_id"]
    evidence = []
    for kind in EVIDENCE:
        stored = await provider.do(
            "redemption", "/v1/documents", files={"file": (f"{kind}.pdf", _PDF, "application/pdf")}
        )
        evidence.append({"kind": kind, "document_id": stored.expect(201).body["document_id"]})
    number = hashlib.sha256(story.contract_id.encode()).hexdigest()[:20].upper()
    complete = {"evidence": evidence, "invoices": [{"number": number, "amount": {"amount": INVOICED}}]}
    path = f"/v1/redemptions/{story.redemption_id}"
    opened = (await provider.read("redemption", path)).expect(200)
    partial = complete | {"evidence": evidence[:-1]}
    missing = await provider.do("redemption", f"{path}/application", partial, version=opened.version)
    missing.expect(422).refused("evidence-missing")
    applied = (await provider.do("redemption", f"{path}/application", complete, version=opened.version)).expect(200)
    payable = applied.body["payable"]["amount"]
    if payable != PAID // 2:
        raise UnexpectedAnswerError(f"half of {PAID} should be payable, not {payable}")
    story.told(
        f"the provider applies; without the use record it is refused ({_cited(missing)}); "
        f"the 50 % cap leaves {format_yuan(payable)} of {format_yuan(CAP)} (art. 12)"
    )


async def _review_and_publish(story: Story) -> None:
    officer, path = story.cast.officer, f"/v1/redemptions/{story.redemption_id}"

    async def step(what: str, body: dict[str, Any]) -> Answer:
        version = (await officer.read("redemption", path)).expect(200).version
        return (await officer.do("redemption", f"{path}/{what}", body, version=version)).expect(200)

    await step("formal-check", {"outcome": "accepted"})
    drawn = await step("panel", {"seed": f"closing figures of {story.today}"})
    payable = drawn.body["payable"]["amount"]
    for expert_id in drawn.body["experts"]:
        opinion = {"score": 86, "amount": {"amount": payable}, "reasons": "测试报告完整，金额与发票一致"}
        expert = story.cast.expert(expert_id)
        (await expert.do("redemption", f"{path}/opinions", opinion)).expect(200)
    notice = (await step("conclusion", {})).body["notice"]
    story.told(
        f"three experts, drawn by a published seed, approve; the result is on public notice to {notice['until']}"
    )
    version = (await officer.read("redemption", path)).version
    early = await officer.do("redemption", f"{path}/disbursement-order", version=version)
    early.expect(409).refused("redemption-not-in-this-stage")
    story.advance_to(date.fromisoformat(notice["until"]) + timedelta(days=1))
    await officer.until("redemption", path, lambda redemption: redemption["stage"] == "payable")
    story.told("after five working days without an objection it is payable, and not before (art. 15(5))")


async def _disburse(story: Story) -> None:
    officer, approver, path = story.cast.officer, story.cast.approver, f"/v1/redemptions/{story.redemption_id}"
    payable = (await officer.read("redemption", path)).expect(200)
    if payable.body["payable_from"] is not None:
        order = await officer.do("redemption", f"{path}/disbursement-order", version=payable.version)
        order.expect(409).refused("fourth-quarter-carries-over")
        story.told(f"in the fourth quarter nothing is paid: it is carried over to {payable.body['payable_from']}")
        story.advance_to(date.fromisoformat(payable.body["payable_from"]))
    ordered = await officer.do("redemption", f"{path}/disbursement-order", version=payable.version)
    paid = await approver.do("redemption", f"{path}/disbursement", version=ordered.expect(200).version)
    amount = paid.expect(200).body["vouchers"][0]["paid"]["amount"]
    voucher = f"/v1/vouchers/{story.vouchers['certified']}"
    redeemed = await story.cast.certified.until("issuance", voucher, lambda voucher: voucher["state"] == "redeemed")
    if (amount, redeemed.body["released"]["amount"]) != (PAID // 2, CAP - PAID // 2):
        raise UnexpectedAnswerError(f"40,000 元 paid and 10,000 元 released were to come of it, not {redeemed.body}")
    await _totals(story, "certified", lambda year: year["spent"]["amount"] == PAID // 2)
    released = format_yuan(redeemed.body["released"]["amount"])
    story.told(f"two officers pay {format_yuan(amount)}; {released} of the voucher return to the allowance (art. 12)")


async def _let_one_expire_unused(story: Story) -> None:
    path = f"/v1/vouchers/{story.vouchers['team']}"
    voucher = (await story.cast.team.read("issuance", path)).expect(200).body
    story.advance_to(date.fromisoformat(voucher["valid_until"]) + timedelta(days=1))
    await story.cast.team.until("issuance", path, lambda voucher: voucher["state"] == "expired")
    story.told(
        f"the team's voucher, registered but never used, expires after three months, on {story.today} (art. 15(2))"
    )


async def _gather_records(story: Story) -> None:
    cast, year = story.cast, story.today.year
    proposed = await cast.officer.do("appraisal", "/v1/appraisal-rounds", {"year": year})
    if proposed.status == 409:  # noqa: PLR2004 (an earlier run has opened this year's round)
        listed = (await cast.officer.read("appraisal", "/v1/appraisal-rounds")).expect(200)
        round_id = next(item["round_id"] for item in listed.body["items"] if item["year"] == year)
    else:
        round_id = proposed.expect(201).body["round_id"]
        path = f"/v1/appraisal-rounds/{round_id}/approval"
        (await cast.approver.do("appraisal", path, version=proposed.version)).expect(200)

    def has_paid(page: dict[str, Any]) -> bool:
        own = [item for item in page["items"] if item["provider_id"] == cast.provider.party]
        return bool(own) and own[0]["vouchers_paid"]["amount"] >= PAID // 2

    records = f"/v1/appraisal-rounds/{round_id}/service-records"
    await cast.officer.until("appraisal", records, has_paid, limit=200)
    story.told(
        f"the appraisal round of {year} has gathered the provider's record from the other contexts' events (art. 11)"
    )


async def _totals(story: Story, name: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait until the year's totals of a claimant are as they should be, and give them."""
    who: Visitor = getattr(story.cast, name)
    voucher = (await who.read("issuance", f"/v1/vouchers/{story.vouchers[name]}")).expect(200).body
    year = voucher["year"]

    def settled(page: dict[str, Any]) -> bool:
        return any(item["year"] == year and holds(item) for item in page["items"])

    shown = await who.until("issuance", f"/v1/claimants/{who.party}/annual-totals", settled)
    return next(item for item in shown.body["items"] if item["year"] == year)


@asynccontextmanager
async def _unchanged(story: Story, what: str) -> AsyncIterator[None]:
    """Compare balances and annual totals of all three claimants before and after."""

    async def looked() -> list[Any]:
        pages = []
        for who in (story.cast.company, story.cast.certified, story.cast.team):
            vouchers = (await who.read("issuance", "/v1/vouchers", limit=200)).expect(200).body["items"]
            totals = (await who.read("issuance", f"/v1/claimants/{who.party}/annual-totals")).expect(200).body["items"]
            pages += [vouchers, totals]
        return pages

    before = await looked()
    yield
    if await looked() != before:
        raise UnexpectedAnswerError(f"balances and annual totals should be the same after {what}")


async def _rebuild_and_compare(story: Story) -> None:
    async with _unchanged(story, "a rebuild"):
        for projection in ("voucher_balances", "annual_totals"):
            await story.house.command("rebuild", "issuance", projection)
    story.told("voucher_balances and annual_totals are rebuilt from the log: the same as before, to the last fen")


async def _lose_and_republish_the_log(story: Story) -> None:
    async with _unchanged(story, "a republication"):
        await story.house.command("republish", "issuance", "--fresh")
        await story.house.command("rebuild", "issuance", "voucher_balances")
    story.told("Kafka's log of issuance is deleted and published anew from the store: nothing is lost")


def _cited(answer: Answer) -> str:
    return f"art. {answer.body['rule']['article']}: {answer.body['code']}"
