"""Whatever is asked of a period, in whatever order: its money is conserved, and its hours and its approval hold."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from hypothesis import given as for_all
from hypothesis import strategies as st

from services.issuance.domain.claimant import Claimant
from services.issuance.domain.claiming import Claim, reasons_against
from services.issuance.domain.period import (
    ClosePeriod,
    Command,
    Event,
    ExhaustPeriod,
    OpenPeriod,
    PausePeriod,
    ResumePeriod,
    ReturnQuota,
    period,
)
from services.issuance.domain.period_phases import Period, Phase
from services.issuance.domain.plan import Plan, Settings
from services.issuance.domain.planning import ApprovePeriod, ChangePlan, ProposePeriod, WithdrawPlan
from services.issuance.projections.period_board import PERIOD_BOARD
from shared.events.definition import TYPE_OF, Recorded
from shared.events.issuance.periods import PeriodApproved, PeriodPlanChanged, PeriodProposed
from shared.events.issuance.vouchers import VoucherClaimed
from shared.kernel.refusal import Refused
from shared.projections.projection import Row, Rows
from tests.unit.issuance.facts import BEFORE, CLAIMANT, CLAIMED, CLOSES, MARCH_1, OPENS, PERIOD, TERMS

CAP = 5_000_000
OFFICERS = ("officer-li", "officer-zhao", "officer-wang")
WHEN = st.sampled_from(
    [BEFORE, OPENS - timedelta(microseconds=1), OPENS, OPENS + timedelta(days=1), CLOSES, CLOSES + timedelta(days=9)]
)
PLANS = st.builds(
    Plan,
    name=st.sampled_from(["甲", "乙"]),
    quota=st.integers(0, 3 * CAP),
    opens_at=st.sampled_from([OPENS, OPENS + timedelta(hours=1)]),
    closes_at=st.just(CLOSES),
    settings=st.builds(Settings, face_value_max=st.none() | st.integers(0, CAP + 1)),
)
DAY = date(2026, 2, 20)


@dataclass(slots=True)
class Story:
    """A period's facts in order, its claims among them, and what they come to on the board."""

    facts: list[Event | VoucherClaimed] = field(default_factory=list)

    @property
    def own(self) -> list[Event]:
        """The facts of the period's own stream."""
        return [fact for fact in self.facts if not isinstance(fact, VoucherClaimed)]

    @property
    def board(self) -> Row:
        """The period as everybody sees it."""
        rows: Rows = {}
        PERIOD_BOARD.fold(rows, (_recorded(number, fact) for number, fact in enumerate(self.facts, start=1)))
        row = rows[(PERIOD,)]
        assert row is not None
        return row

    def ask(self, command: Command) -> None:
        """Have the period decide; what is refused leaves no trace."""
        try:
            self.facts += period.decide(command, period.fold(self.own))
        except Refused:
            return

    def claim(self, amount: int, at: datetime) -> None:
        """Claim by the rules of claims, on what the period has left."""
        state = period.fold(self.own)
        if not isinstance(state, Period):
            return
        left = self.board["remaining"] if state.approved_by is not None else None
        company = Claimant(claimant_id=CLAIMANT, kind="enterprise", certificates=(), bans=())
        asked = Claim(
            claimant=company, period=state, amount=amount, counted=0, remaining=left, at=at, on=MARCH_1, terms=TERMS
        )
        if not reasons_against(asked):
            self.facts.append(replace(CLAIMED, amount=amount))
            if self.board["remaining"] == 0:
                self.ask(ExhaustPeriod(at=at))


def _recorded(number: int, fact: Event | VoucherClaimed) -> Recorded[Event | VoucherClaimed]:
    kind = TYPE_OF[type(fact)]
    return Recorded(
        context="issuance",
        position=number,
        stream="",
        version=number,
        type=kind.stored,
        data=fact,
        key=PERIOD,
        metadata={},
        recorded_at=OPENS,
        hash="",
    )


def _act(story: Story, act: str, plan: Plan, who: str, at: datetime, amount: int) -> None:
    row = story.board if story.facts else {"claims": 0, "issued": 0, "returned": 0}
    commands: dict[str, Command] = {
        "propose": ProposePeriod(period_id=PERIOD, plan=plan, proposed_by=who, at=at, on=DAY, terms=TERMS),
        "change": ChangePlan(plan=plan, changed_by=who, claims=row["claims"], at=at, on=DAY, terms=TERMS),
        "withdraw": WithdrawPlan(reason="改期", withdrawn_by=who, claims=row["claims"], at=at, on=DAY),
        "approve": ApprovePeriod(approved_by=who, at=at, on=DAY),
        "open": OpenPeriod(at=at),
        "pause": PausePeriod(reason="维护", paused_by=who, at=at),
        "resume": ResumePeriod(reason="恢复", resumed_by=who, at=at),
        "close": ClosePeriod(issued=row["issued"], vouchers=row["claims"], at=at),
        "return": ReturnQuota(voucher_id="vch_1", amount=min(amount, row["issued"] - row["returned"]), on=DAY),
    }
    if act == "claim":
        story.claim(amount, at)
    elif act != "return" or row["issued"] > row["returned"]:
        story.ask(commands[act])


ACTS = st.tuples(
    st.sampled_from(
        ["propose", "change", "withdraw", "approve", "approve", "open", "pause", "resume", "close", "return"]
        + ["claim"] * 5
    ),
    PLANS,
    st.sampled_from(OFFICERS),
    WHEN,
    st.integers(1, CAP),
)
BEGUN = (
    ("propose", Plan(name="甲", quota=2 * CAP, opens_at=OPENS, closes_at=CLOSES), "officer-li", BEFORE, 1),
    ("approve", Plan(name="甲", quota=2 * CAP, opens_at=OPENS, closes_at=CLOSES), "officer-wang", BEFORE, 1),
)


def _told(acts: list[tuple[str, Plan, str, datetime, int]], *, begun: bool) -> Story:
    story = Story()
    for act in [*(BEGUN if begun else ()), *acts]:
        _act(story, *act)
    return story


@for_all(acts=st.lists(ACTS, max_size=15), begun=st.booleans())
def test_a_period_hands_out_no_more_than_it_has_and_loses_nothing(
    acts: list[tuple[str, Plan, str, datetime, int]], *, begun: bool
) -> None:
    story = _told(acts, begun=begun)
    if not story.facts:
        return
    row, state = story.board, period.fold(story.own)
    assert isinstance(state, Period)
    assert row["quota"] == state.quota
    assert row["remaining"] == row["quota"] - row["issued"] + row["returned"]
    assert row["remaining"] >= 0
    assert row["issued"] == sum(fact.amount for fact in story.facts if isinstance(fact, VoucherClaimed))
    assert (row["phase"], row["paused_since"] is not None) == (state.phase.value, state.pause is not None)


@for_all(acts=st.lists(ACTS, max_size=15), begun=st.booleans())
def test_every_claim_falls_into_an_approved_period_that_is_not_paused_and_stays_within_its_cap(
    acts: list[tuple[str, Plan, str, datetime, int]], *, begun: bool
) -> None:
    facts = _told(acts, begun=begun).facts
    for number, fact in enumerate(facts):
        if isinstance(fact, VoucherClaimed):
            before = period.fold([each for each in facts[:number] if not isinstance(each, VoucherClaimed)])
            assert isinstance(before, Period)
            assert (before.approved_by is None, before.pause) == (False, None)
            assert before.phase in {Phase.APPROVED, Phase.OPEN}
            assert 0 < fact.amount <= before.face_value_max <= CAP


@for_all(st.lists(ACTS, max_size=15))
def test_no_plan_is_approved_by_who_had_a_hand_in_it_and_none_changes_once_somebody_holds_a_voucher(
    acts: list[tuple[str, Plan, str, datetime, int]],
) -> None:
    authors: set[str] = set()
    claims = 0
    for fact in _told(acts, begun=True).facts:
        match fact:
            case PeriodProposed(proposed_by=who):
                authors = {who}
            case PeriodApproved(approved_by=who):
                assert who not in authors
            case VoucherClaimed():
                claims += 1
            case PeriodPlanChanged(changed_by=who):
                authors.add(who)
                assert claims == 0
            case _:
                pass
