"""All of issuance, act by act in any order, beside a plain model of it: money, states and refusals are the same."""

import asyncio
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    initialize,
    invariant,
    multiple,
    rule,
)

from services.issuance.use_cases.cancelling import cancel_voucher
from services.issuance.use_cases.running_periods import pause_period, resume_period
from shared.events.contracts import ContractLapsed, ContractRejected, ContractSubmitted, VoucherUse
from shared.events.issuance.periods import QuotaClass
from shared.events.redemption import (
    FundsDisbursed,
    FundsRecovered,
    RedemptionLapsed,
    RedemptionRefused,
    VoucherPayment,
    VoucherRecovery,
)
from shared.events.registry.claimants import Certificate, ClaimantKind
from shared.events.registry.standing import PartySanctioned, SanctionLifted
from shared.measures.reader import Measures
from shared.settings import Settings
from shared.store.execution import Answer
from shared.store.transaction import UnknownSubjectError
from tests.integration.issuance.agreement import assert_agreed
from tests.integration.issuance.machine import OfficeMachine, run_machine
from tests.integration.issuance.plain_model import (
    ALLOWANCE,
    ALLOWANCE_CERTIFIED,
    CAP,
    Plain,
    PlainClass,
    PlainPeriod,
    PlainVoucher,
)
from tests.integration.issuance.rules import returning_to_quota
from tests.integration.issuance.stories import completed, judged

AMOUNTS = st.sampled_from([CAP, CAP, CAP, CAP, 1_000_000, 1_000_000, 1, 0, CAP + 1])


class Issuance(OfficeMachine):
    """Some claimants, some periods, and everything that may befall their vouchers."""

    periods, claimants, vouchers = Bundle("periods"), Bundle("claimants"), Bundle("vouchers")
    contracts, repayments = Bundle("contracts"), Bundle("repayments")

    def __init__(self, runner: asyncio.Runner, url: str, measures: Measures, *, returns: bool) -> None:
        super().__init__(runner, url, measures)
        self.plain = Plain(returns_to_quota=returns)
        self.answers: dict[str, tuple[str, Answer]] = {}
        """Under which key each voucher was claimed, and what was told."""

    @initialize(target=claimants)
    def begin(self) -> Any:
        return multiple(
            self.register(certified=False),
            self.register(certified=True),
            self.register(certified=False, kind="team"),
            self.register(certified=True, district="110108"),
        )

    @initialize(target=periods)
    def open_first_period(self) -> str:
        return self.open_period(6, 40, [("certified", CAP + 1, 8), ("team", CAP, None)])

    @rule(
        target=periods,
        vouchers=st.integers(1, 4),
        days=st.integers(2, 40),
        classes=st.lists(
            st.tuples(
                st.sampled_from(["certified", "team", "district:110108"]),
                st.sampled_from([1, 1_000_000, CAP // 2]),
                st.sampled_from([None, 1, 2]),
            ),
            unique_by=lambda each: each[0],
            max_size=2,
        ),
    )
    def open_another_period(self, vouchers: int, days: int, classes: list[tuple[str, int, int | None]]) -> str:
        return self.open_period(vouchers, days, classes)

    def open_period(self, vouchers: int, days: int, classes: list[tuple[str, int, int | None]]) -> str:
        """Open a period; a class is who belongs to it, its part in fen, and after how many days its rest is free."""
        quota, now = vouchers * CAP + 1_000_000, self.office.clock.now()
        planned = tuple(
            QuotaClass(name=f"{who}!", who=who, amount=fen, until=now + timedelta(days=lasts) if lasts else None)
            for who, fen, lasts in classes
        )
        period_id = self.live(self.office.open_period(quota, days=days, classes=planned))
        self.plain.periods[period_id] = PlainPeriod(
            common=quota - sum(each.amount for each in planned),
            closes_at=now + timedelta(days=days),
            classes=[PlainClass(name=each.name, who=each.who, rest=each.amount, until=each.until) for each in planned],
        )
        return period_id

    def register(self, *, certified: bool, kind: ClaimantKind = "enterprise", district: str | None = None) -> str:
        certificate = Certificate(
            kind="national_high_tech", valid_from=self.today, valid_until=self.today + timedelta(days=900)
        )
        certificates = (certificate,) if certified else ()
        claimant_id = self.live(self.office.register(kind, certificates, district))
        self.plain.allowance[claimant_id] = ALLOWANCE_CERTIFIED if certified else ALLOWANCE
        self.plain.belongs[claimant_id] = {
            who
            for who, holds in (
                ("certified", certified),
                ("team", kind == "team"),
                ("district:110108", district == "110108"),
            )
            if holds
        }
        return claimant_id

    @rule(period_id=periods, amount=AMOUNTS)
    def claim_as_a_stranger(self, period_id: str, amount: int) -> None:
        assert self.claim_once(period_id, self.new("clm"), amount) is None

    @rule(target=vouchers, period_id=periods, claimant_id=claimants, amount=AMOUNTS, times=st.integers(1, 4))
    def claim(self, period_id: str, claimant_id: str, amount: int, times: int) -> Any:
        claimed = [self.claim_once(period_id, claimant_id, amount) for _ in range(times)]
        return multiple(*filter(None, claimed))

    def claim_once(self, period_id: str, claimant_id: str, amount: int) -> str | None:
        now = self.office.clock.now()
        expected = self.plain.against_claim(period_id, claimant_id, amount, now, self.today)
        key = self.new("key")
        asking = self.office.ask(period_id, claimant_id, amount, key=key)
        if expected:
            assert self.refused(asking) == expected
            return None
        answer = self.live(asking)
        told = msgspec.json.decode(answer.body)
        self.answers[told["voucher_id"]] = key, answer
        plain = PlainVoucher(
            period_id=period_id,
            owner=claimant_id,
            year=self.today.year,
            amount=amount,
            register_by=date.fromisoformat(told["register_by"]),
        )
        taken = self.plain.claim(told["voucher_id"], plain)
        ((_, fact),) = self.live(self.office.history(f"voucher-{told['voucher_id']}"))
        assert {part["name"]: part["amount"] for part in fact["parts"]} == taken
        assert told["place"] == self.plain.periods[period_id].claims
        return str(told["voucher_id"])

    @rule(voucher_id=vouchers, by=claimants, is_owner=st.booleans())
    def cancel(self, voucher_id: str, by: str, *, is_owner: bool) -> None:
        plain = self.plain.vouchers[voucher_id]
        by = plain.owner if is_owner else by
        act = self.office.do(lambda tx: cancel_voucher(tx, voucher_id=voucher_id, claimant_id=by))
        if by != plain.owner:
            with pytest.raises(UnknownSubjectError):
                self.live(act)
        elif plain.state != "claimed":
            assert self.refused(act) == {"voucher-not-in-this-state"}
        else:
            assert self.refused(act) == set()
            self.plain.end(voucher_id, "cancelled")

    @rule(
        target=contracts,
        period_id=periods,
        claimant_id=claimants,
        older=st.lists(vouchers, max_size=1),
        off=st.sampled_from([0, 0, 0, 1]),
    )
    def submit(self, period_id: str, claimant_id: str, older: list[str], off: int) -> Any:
        """Claim, and use the voucher at once, perhaps with an older one."""
        named = [name for name in (self.claim_once(period_id, claimant_id, 1_000_000), *older) if name is not None]
        if not named:
            return multiple()
        held = [self.live(self.office.look(voucher_id)) for voucher_id in named]
        uses = {one.voucher_id: one.amount + off for one in held}
        expected = self.plain.against_commitment(uses, held[0].claimant_id, self.today)
        contract_id = self.new("ctr")
        said = tuple(VoucherUse(voucher_id=voucher_id, amount=amount) for voucher_id, amount in uses.items())
        contract = self.live(self.office.submit(contract_id, held, vouchers=said))
        history = self.live(self.office.history(f"contract-{contract_id}"))
        assert {reason["code"] for _, fact in history for reason in fact["reasons"]} == expected
        if expected:
            return multiple()
        for voucher_id in uses:
            plain = self.plain.vouchers[voucher_id]
            plain.state, plain.contract_id = "committed", contract_id
        return contract

    def vouchers_of(self, contract: ContractSubmitted, *states: str) -> list[str]:
        """Name the vouchers that are bound to a contract and in one of these states."""
        return [
            use.voucher_id
            for use in contract.vouchers
            if self.plain.vouchers[use.voucher_id].contract_id == contract.contract_id
            and self.plain.vouchers[use.voucher_id].state in states
        ]

    def told_of(self, contract: ContractSubmitted) -> dict[str, Any]:
        """Give what every fact about a contract says."""
        return {
            "contract_id": contract.contract_id,
            "claimant_id": contract.claimant_id,
            "provider_id": contract.provider_id,
            "vouchers": contract.vouchers,
            "on": self.today,
        }

    @rule(contract=contracts)
    def complete(self, contract: ContractSubmitted) -> None:
        self.live(self.office.tell(completed(contract, self.office)))
        for voucher_id in self.vouchers_of(contract, "committed"):
            self.plain.vouchers[voucher_id].state = "used"

    @rule(contract=contracts, how=st.sampled_from(["rejected", "lapsed", "refused", "not applied for"]))
    def come_to_nothing(self, contract: ContractSubmitted, how: str) -> None:
        match how:
            case "rejected":
                self.reject(contract)
            case "lapsed":
                self.let_contract_lapse(contract)
            case _:
                self.end_redemption(contract, refused=how == "refused")

    def reject(self, contract: ContractSubmitted) -> None:
        self.live(self.office.tell(ContractRejected(**self.told_of(contract), reasons=())))
        for voucher_id in self.vouchers_of(contract, "committed"):
            self.plain.vouchers[voucher_id].state = "claimed"
            self.plain.vouchers[voucher_id].contract_id = ""

    def let_contract_lapse(self, contract: ContractSubmitted) -> None:
        self.live(self.office.tell(ContractLapsed(**self.told_of(contract))))
        for voucher_id in self.vouchers_of(contract, "committed"):
            self.plain.end(voucher_id, "expired")

    def end_redemption(self, contract: ContractSubmitted, *, refused: bool) -> None:
        told = self.told_of(contract) | {"redemption_id": f"rdm-{contract.contract_id}"}
        why: dict[str, Any] = {"cause": "review", "cause_digest": "", "side_at_fault": "neither"}
        self.live(self.office.tell(RedemptionRefused(**told, **why) if refused else RedemptionLapsed(**told)))
        for voucher_id in self.vouchers_of(contract, "committed", "used"):
            self.plain.end(voucher_id, "lapsed")

    @rule(contract=contracts, paid=st.sampled_from([0, 1, 1_000_000]))
    def pay(self, contract: ContractSubmitted, paid: int) -> None:
        payments = tuple(
            VoucherPayment(voucher_id=use.voucher_id, amount=use.amount, paid=min(paid, use.amount))
            for use in contract.vouchers
        )
        told = self.told_of(contract) | {"redemption_id": f"rdm-{contract.contract_id}"}
        del told["vouchers"]
        money = FundsDisbursed(
            **told, payments=payments, total=sum(one.paid for one in payments), ordered_by="a", approved_by="b"
        )
        against = {self.against_payment(contract, use.voucher_id) for use in contract.vouchers} - {""}
        codes = self.refused(self.office.tell(money))
        assert codes <= against
        assert bool(codes) is bool(against)
        if against:
            return  # none of the payments is posted
        for payment in payments:
            plain = self.plain.vouchers[payment.voucher_id]
            if plain.state != "redeemed":
                was_revoked = plain.state == "revoked"
                self.plain.end(payment.voucher_id, "redeemed", paid=payment.paid, returns=not was_revoked)

    @rule(target=repayments, contract=contracts, fen=st.sampled_from([1, 999_999]))
    def claw_back(self, contract: ContractSubmitted, fen: int) -> Any:
        """Have so much of each voucher's payment come back, twice told; the year keeps it as spent (art. 17)."""
        parts = tuple(VoucherRecovery(voucher_id=use.voucher_id, amount=fen) for use in contract.vouchers)
        told = self.told_of(contract) | {"redemption_id": "rdm", "recovery_id": "rcv", "repayment_id": self.new("rpm")}
        del told["vouchers"]
        money = FundsRecovered(
            **told, recoveries=parts, amount=fen * len(parts), received_on=self.today, recorded_by="a"
        )
        vouchers = [self.plain.vouchers[part.voucher_id] for part in parts]
        lawful = all(
            each.state == "redeemed" and each.contract_id == contract.contract_id and each.came_back + fen <= each.paid
            for each in vouchers
        )
        for _ in range(2):
            assert self.refused(self.office.tell(money)) == (set() if lawful else {"clawed-back-above-paid"})
        for each in vouchers if lawful else ():
            each.came_back += fen
        return money if lawful else multiple()

    def against_payment(self, contract: ContractSubmitted, voucher_id: str) -> str:
        """Name the reason against a payment; a voucher that was paid for this contract is not paid again."""
        plain = self.plain.vouchers[voucher_id]
        if plain.contract_id != contract.contract_id or plain.state not in {"committed", "used", "revoked", "redeemed"}:
            return "voucher-not-payable"
        is_late = plain.state == "revoked" and plain.revoked_on is not None and self.today > plain.revoked_on
        return "voucher-revoked" if is_late else ""

    @rule(claimant_id=claimants, days=st.sampled_from([None, 0, 0, 8]), lifted=st.booleans())
    def sanction(self, claimant_id: str, days: int | None, *, lifted: bool) -> None:
        until = None if days is None else self.today + timedelta(days=days)
        fact = PartySanctioned(
            sanction_id=self.new("snc"),
            party_id=claimant_id,
            party_kind="claimant",
            measure="disqualify",
            proposed_by="officer-li",
            approved_by="officer-wang",
            until=until,
            on=self.today,
        )
        self.live(self.office.tell(fact))
        self.plain.bans[fact.sanction_id] = claimant_id, until
        self.plain.revoke(claimant_id, self.today)
        if lifted or days is None:
            self.lift(fact.sanction_id)

    def lift(self, sanction_id: str) -> None:
        claimant_id, _ = self.plain.bans.pop(sanction_id)
        fact = SanctionLifted(sanction_id=sanction_id, party_id=claimant_id, measure="disqualify", on=self.today)
        self.live(self.office.tell(fact))

    @rule(claimant_id=claimants, fails=st.sampled_from([True, False, False]))
    def judge(self, claimant_id: str, *, fails: bool) -> None:
        self.live(self.office.tell(judged(claimant_id, self.office, "fail" if fails else "pass")))
        self.plain.failing = self.plain.failing | {claimant_id} if fails else self.plain.failing - {claimant_id}

    @rule(period_id=periods, claimant_id=claimants, stays=st.sampled_from([True, False, False]))
    def pause(self, period_id: str, claimant_id: str, *, stays: bool) -> None:
        self.turn_pause(period_id)
        assert self.claim_once(period_id, claimant_id, 0) is None
        if not stays:
            self.turn_pause(period_id)

    def turn_pause(self, period_id: str) -> None:
        plain = self.plain.periods[period_id]
        is_over = self.office.clock.now() >= plain.closes_at or plain.phase != "approved"
        if plain.is_paused:
            act = self.office.do(lambda tx: resume_period(tx, period_id=period_id, reason="?", resumed_by="officer-li"))
        else:
            act = self.office.do(lambda tx: pause_period(tx, period_id=period_id, reason="?", paused_by="officer-li"))
        codes = self.refused(act)
        assert bool(codes) is is_over
        plain.is_paused ^= not is_over

    @rule(days=st.sampled_from([1, 1, 8, 15, 16]))
    def days_pass(self, days: int) -> None:
        for period in self.plain.periods.values():
            period.release(self.office.clock.now() + timedelta(days=days))
        self.live(self.office.wait_until(self.office.clock.now() + timedelta(days=days)))
        self.plain.expire(self.today)

    @invariant()
    def money_and_states_are_the_same(self) -> None:
        self.live(assert_agreed(self.engine, self.plain))


@pytest.mark.parametrize("returns", [False, True], ids=["money stays away", "money returns to the quota"])
def test_issuance_does_what_the_plain_model_says(settings: Settings, *, returns: bool) -> None:
    measures = returning_to_quota() if returns else Measures.load()
    run_machine(Issuance, settings, measures, returns=returns, examples=12, steps=50)
