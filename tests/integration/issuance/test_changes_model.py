"""What may change around vouchers, act by act in any order, beside the plain model: plans, claimants, repayments."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, consumes, rule

from services.issuance.domain.plan import Plan as PeriodPlan
from services.issuance.use_cases.planning_periods import approve_period, change_plan, propose_period, withdraw_plan
from shared.events.contracts import ContractSubmitted
from shared.events.redemption import FundsRecovered, RepaymentReversed
from shared.events.registry.claimants import Certificate, ClaimantCertificatesChanged, ClaimantProfileChanged
from shared.settings import Settings
from tests.integration.issuance.machine import run_machine
from tests.integration.issuance.plain_model import ALLOWANCE, ALLOWANCE_CERTIFIED, CAP, PlainPeriod
from tests.integration.issuance.rules import returning_to_quota
from tests.integration.issuance.test_model import Issuance

ACTS = st.sampled_from(["approve", "approve", "approve", "change", "change", "withdraw"])
OFFICERS = st.sampled_from(["officer-li", "officer-wang", "officer-zhao"])
LATER = st.lists(st.tuples(ACTS, st.sampled_from(["officer-wang", "officer-wang", "officer-zhao"])), max_size=6)
_WAITS, _LASTS = timedelta(days=1), timedelta(days=12)


class ChangingIssuance(Issuance):
    """Issuance, and besides whatever changes around vouchers."""

    periods, claimants, vouchers = Bundle("periods"), Bundle("claimants"), Bundle("vouchers")
    contracts, repayments = Bundle("contracts"), Bundle("repayments")

    @rule(
        target=periods,
        vouchers=st.integers(1, 3),
        who=OFFICERS,
        then=LATER,
        claimant_id=claimants,
        opens=st.booleans(),
    )
    def plan(self, vouchers: int, who: str, then: list[tuple[str, str]], claimant_id: str, *, opens: bool) -> str:
        """Plan a period that opens tomorrow, with a claim after each step of its way: none is granted before then."""
        period_id, now, quota = self.new("prd"), self.office.clock.now(), vouchers * CAP
        proposing = self.office.do(
            lambda tx: propose_period(
                tx,
                period_id=period_id,
                name="?",
                quota=quota,
                opens_at=now + _WAITS,
                closes_at=now + _LASTS,
                proposed_by=who,
            )
        )
        self.live(proposing)
        self.plain.periods[period_id] = PlainPeriod(
            common=quota, opens_at=now + _WAITS, closes_at=now + _LASTS, phase="proposed", hands={who}
        )
        for act, officer in then:
            match act:
                case "approve":
                    self.approve(period_id, officer)
                case "change":
                    self.change(period_id, vouchers, officer)
                case _:
                    self.withdraw(period_id)
            assert self.claim_once(period_id, claimant_id, 1_000_000) is None
        if opens:
            self.days_pass(1)
            self.claim_once(period_id, claimant_id, 1_000_000)
        return period_id

    @rule(period_id=periods, who=OFFICERS)
    def approve(self, period_id: str, who: str) -> None:
        """Approve a plan, as somebody who had no hand in it, before it would be over."""
        plain = self.plain.periods[period_id]
        lawful = plain.phase == "proposed" and who not in plain.hands and self.office.clock.now() < plain.closes_at
        act = self.office.do(lambda tx: approve_period(tx, period_id=period_id, approved_by=who))
        assert bool(self.refused(act)) is not lawful
        plain.phase = "approved" if lawful else plain.phase

    @rule(period_id=periods, vouchers=st.integers(1, 3), who=OFFICERS)
    def change(self, period_id: str, vouchers: int, who: str) -> None:
        """Change a plan before it opens; an approval it had is void."""
        plain, now, quota = self.plain.periods[period_id], self.office.clock.now(), vouchers * CAP + 1
        changed = PeriodPlan(name=self.new("name"), quota=quota, opens_at=now + _WAITS, closes_at=now + _LASTS)
        act = self.office.do(lambda tx: change_plan(tx, period_id=period_id, plan=changed, changed_by=who))
        lawful = self.may_change(plain)
        assert bool(self.refused(act)) is not lawful
        if lawful:
            plain.phase, plain.common, plain.is_paused = "proposed", quota, False
            plain.opens_at, plain.closes_at = changed.opens_at, changed.closes_at
            plain.hands.add(who)

    @rule(period_id=periods)
    def withdraw(self, period_id: str) -> None:
        """Withdraw a plan before it opens."""
        plain = self.plain.periods[period_id]
        act = self.office.do(lambda tx: withdraw_plan(tx, period_id=period_id, reason="?", withdrawn_by="officer-li"))
        lawful = self.may_change(plain)
        assert bool(self.refused(act)) is not lawful
        plain.phase = "withdrawn" if lawful else plain.phase

    def may_change(self, plain: PlainPeriod) -> bool:
        """Tell whether a plan is not open yet: it was not approved, or its hour has not come."""
        if plain.phase == "approved":
            return plain.standing(self.office.clock.now()) == "period-not-open-yet"
        return plain.phase == "proposed"

    @rule(claimant_id=claimants, holds=st.booleans())
    def certify(self, claimant_id: str, *, holds: bool) -> None:
        """Give a claimant a certificate, or take it: a company's allowance and class follow; its vouchers stay."""
        certificate = Certificate(
            kind="national_high_tech", valid_from=self.today, valid_until=self.today + timedelta(days=900)
        )
        certificates = (certificate,) if holds else ()
        fact = ClaimantCertificatesChanged(claimant_id=claimant_id, certificates=certificates, on=self.today)
        self.live(self.office.tell(fact))
        counts = holds and "team" not in self.plain.belongs[claimant_id]
        self.plain.allowance[claimant_id] = ALLOWANCE_CERTIFIED if counts else ALLOWANCE
        self.plain.belong(claimant_id, "certified", belongs=counts)

    @rule(claimant_id=claimants, district=st.sampled_from(["110108", "110105", None]))
    def move(self, claimant_id: str, district: str | None) -> None:
        """Have a company move to another district."""
        fact = ClaimantProfileChanged(
            claimant_id=claimant_id, old_digest="", new_digest="", changed_by="?", on=self.today, district=district
        )
        self.live(self.office.tell(fact))
        self.plain.belong(claimant_id, "district:110108", belongs=district == "110108")

    @rule(voucher_ids=st.lists(vouchers, min_size=1, max_size=3))
    def claim_again(self, voucher_ids: list[str]) -> None:
        """Send granted claims again, whatever has become of voucher, period and claimant: the answer is the same."""
        for voucher_id in voucher_ids:
            plain, (key, told) = self.plain.vouchers[voucher_id], self.answers[voucher_id]
            again = self.live(self.office.ask(plain.period_id, plain.owner, plain.amount, key=key))
            assert (again.status, again.body, again.replayed) == (told.status, told.body, True)

    @rule(
        period_id=periods,
        claimant_id=claimants,
        fen=st.sampled_from([1, 999_999]),
        undone=st.sampled_from([0, 1, 2]),
    )
    def live_to_the_end(self, period_id: str, claimant_id: str, fen: int, undone: int) -> None:
        """Claim, use and pay a voucher, and have some of it come back twice; so many of the two were a mistake."""
        contract = self.submit(period_id, claimant_id, [], 0)
        if isinstance(contract, ContractSubmitted):
            self.complete(contract)
            self.pay(contract, 1_000_000)
            for number in range(2):
                money = self.claw_back(contract, fen)
                if number < undone and isinstance(money, FundsRecovered):
                    self.reverse(money)

    @rule(money=consumes(repayments))
    def reverse(self, money: FundsRecovered) -> None:
        """Take a repayment out that was recorded by mistake, twice told."""
        fact = RepaymentReversed(
            recovery_id=money.recovery_id,
            repayment_id=money.repayment_id,
            redemption_id=money.redemption_id,
            contract_id=money.contract_id,
            claimant_id=money.claimant_id,
            provider_id=money.provider_id,
            recoveries=money.recoveries,
            amount=money.amount,
            reasons_digest="",
            reversed_by="b",
            on=self.today,
        )
        for _ in range(2):
            self.live(self.office.tell(fact))
        for part in money.recoveries:
            self.plain.vouchers[part.voucher_id].came_back -= part.amount


def test_whatever_changes_around_vouchers_does_what_the_plain_model_says(settings: Settings) -> None:
    run_machine(ChangingIssuance, settings, returning_to_quota(), returns=True, examples=16, steps=60)
