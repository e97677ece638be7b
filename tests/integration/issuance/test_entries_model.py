"""The reserve list, act by act in any order, beside a plain one: who is served, what is owed, what is refused."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from services.issuance.app import DUE
from services.issuance.use_cases.cancelling import cancel_voucher
from shared.events.issuance.periods import QuotaClass
from shared.procedures.due_list import DueList
from shared.settings import Settings
from tests.integration.issuance.entering import Entrants, reserve
from tests.integration.issuance.machine import OfficeMachine, run_machine
from tests.integration.issuance.office import CONTEXT
from tests.integration.issuance.plain_model import PlainEntry
from tests.integration.issuance.rules import returning_to_quota
from tests.integration.issuance.stories import judged

UNIT = 1_000_000
QUOTA, OF_TEAMS = 5 * UNIT, 2 * UNIT
HALF_AN_HOUR = timedelta(minutes=30)
"""Until when a part of the quota is the teams' own: sooner than a list that has money is looked at again."""
ALLOWANCE = 20_000_000
AMOUNTS = st.sampled_from([UNIT, UNIT, 2 * UNIT, 3 * UNIT, 1])
COMPANIES = 5


@dataclass(slots=True)
class _Paper:
    """The list as anybody would keep it on paper; money in fen."""

    remaining: int = QUOTA
    rest: int = OF_TEAMS
    """What is left of that for the team alone; nothing once its time is over."""
    owed: int = 0
    team: str = ""
    line: list[PlainEntry] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    stages: dict[str, str] = field(default_factory=dict)
    is_due: bool = False

    def reach(self, company: str) -> int:
        """Say how much there is for a company, what is owed included."""
        return self.remaining if company == self.team else self.remaining - self.rest

    def spend(self, company: str, amount: int) -> int:
        """Give out money, the team's own first; say how much of it was everybody's."""
        own = min(amount, self.rest) if company == self.team else 0
        self.rest -= own
        self.remaining -= amount
        self.held[company] = self.held.get(company, 0) + amount
        return amount - own

    def end_class(self) -> None:
        """Let the team's time be over: what it has left is owed to who waits, else everybody's."""
        if self.line and self.rest:
            self.owed += self.rest
            self.is_due = True
        self.rest = 0

    def serve(self) -> None:
        """Serve the first, as long as there is enough for it, if there is a reason to look at all."""
        while self.is_due and self.line:
            first = self.line[0]
            reach = self.reach(first.company)
            amount = min(first.amount, reach or first.amount) if first.or_less else first.amount
            against = first.company in self.failing, self.held.get(first.company, 0) + amount > ALLOWANCE
            if not any(against) and amount > reach:
                break
            self.line.pop(0)
            if any(against):
                self.stages[first.entry_id] = "claimant-not-eligible" if against[0] else "allowance-exceeded"
            else:
                self.stages[first.entry_id] = "served"
                self.owed = max(self.owed - self.spend(first.company, amount), 0)
        self.is_due = False
        if not self.line:
            self.owed = 0


class ReserveList(OfficeMachine):
    """One period, a few companies, and all that they may do about its money."""

    vouchers, entries = Bundle("vouchers"), Bundle("entries")

    def __init__(self, runner: asyncio.Runner, url: str) -> None:
        super().__init__(runner, url, returning_to_quota())
        self.entrants, self.paper = Entrants(self.office), _Paper()
        self.owners: dict[str, tuple[str, int]] = {}

    def settle(self) -> None:
        """Do what is due, here and on paper."""
        office = self.office
        due = DueList(self.engine, CONTEXT, office.clock, office.measures, DUE, lambda: None)
        while self.live(due.sweep()):
            pass
        self.paper.serve()

    @initialize()
    def begin(self) -> None:
        self.until = self.office.clock.now() + HALF_AN_HOUR
        teams = QuotaClass(name="团队", who="team", amount=OF_TEAMS, until=self.until)
        self.period_id = self.live(self.office.open_period(QUOTA, classes=(teams,), entries=reserve()))
        self.paper.team = self.live(self.office.register("team"))
        self.companies = [self.paper.team, *(self.live(self.office.register()) for _ in range(COMPANIES - 1))]

    def against(self, company: str, amount: int) -> set[str]:
        """Name what stands against asking at all."""
        found = {
            "claimant-not-eligible": company in self.paper.failing,
            "allowance-exceeded": self.paper.held.get(company, 0) + amount > ALLOWANCE,
        }
        return {code for code, applies in found.items() if applies}

    @rule(target=vouchers, who=st.integers(0, COMPANIES - 1), amount=AMOUNTS)
    def claim(self, who: int, amount: int) -> Any:
        company = self.companies[who]
        free = self.paper.reach(company) - self.paper.owed
        expected = self.against(company, amount) | ({"quota-exhausted"} if amount > free else set())
        if expected:
            assert self.refused(self.office.ask(self.period_id, company, amount)) == expected
            return multiple()
        voucher = self.live(self.office.claim(self.period_id, company, amount))
        self.paper.spend(company, amount)
        self.owners[voucher.voucher_id] = company, amount
        return voucher.voucher_id

    @precondition(lambda self: bool(self.paper.line) and self.office.clock.now() < self.until)
    @rule(target=vouchers, who=st.integers(0, COMPANIES - 1), amount=AMOUNTS, enters=st.booleans())
    def the_hour_strikes(self, who: int, amount: int, *, enters: bool) -> Any:
        """Let the team's time be over while others wait, and somebody be quicker than the due list."""
        self.office.clock.at = self.until
        self.paper.end_class()
        if enters:
            self.enter(who, amount, or_less=False)
            return multiple()
        return self.claim(who, amount)

    @rule(voucher_id=vouchers)
    def give_back(self, voucher_id: str) -> None:
        company, amount = self.owners.pop(voucher_id, ("", 0))
        if not company:
            return
        self.live(self.office.do(lambda tx: cancel_voucher(tx, voucher_id=voucher_id, claimant_id=company)))
        self.paper.remaining += amount
        self.paper.held[company] -= amount
        self.paper.owed += amount if self.paper.line else 0
        self.paper.is_due |= bool(self.paper.line)

    @rule(target=entries, who=st.integers(0, COMPANIES - 1), amount=AMOUNTS, or_less=st.booleans())
    def enter(self, who: int, amount: int, *, or_less: bool) -> Any:
        company = self.companies[who]
        free = self.paper.reach(company) - self.paper.owed
        expected = self.against(company, amount)
        expected |= {"quota-not-exhausted"} if amount <= free else set()
        expected |= {"entry-made-already"} if any(one.company == company for one in self.paper.line) else set()
        entering = self.entrants.enter(self.period_id, company, amount, or_less=or_less)
        if expected:
            assert self.refused(entering) == expected
            return multiple()
        entry_id = self.live(entering)
        self.paper.line.append(PlainEntry(entry_id, company, amount, or_less))
        self.paper.stages[entry_id] = "waiting"
        self.paper.is_due |= or_less and self.paper.remaining > 0
        return entry_id

    @rule(entry_id=entries)
    def withdraw(self, entry_id: str) -> None:
        self.settle()
        waiting = [one for one in self.paper.line if one.entry_id == entry_id]
        owner = waiting[0].company if waiting else self.live(self.entrants.look(entry_id)).claimant_id
        codes = self.refused(self.entrants.withdraw(entry_id, owner))
        assert codes == (set() if waiting else {"entry-not-in-this-state"})
        if waiting:
            self.paper.line.remove(waiting[0])
            self.paper.stages[entry_id] = "withdrawn"
            self.paper.is_due |= self.paper.remaining > 0

    @rule(who=st.integers(0, COMPANIES - 1), fails=st.booleans())
    def judge(self, who: int, *, fails: bool) -> None:
        self.settle()
        company = self.companies[who]
        self.live(self.office.tell(judged(company, self.office, "fail" if fails else "pass")))
        self.paper.failing = self.paper.failing | {company} if fails else self.paper.failing - {company}

    @invariant()
    def paper_and_office_agree(self) -> None:
        self.settle()
        paper = self.paper
        names = list(paper.stages)
        assert self.live(self.entrants.stages(*names)) == [paper.stages[name] for name in names]
        assert self.live(self.entrants.waits(self.period_id)) == (len(paper.line), paper.owed)
        assert self.live(self.office.quota_of(self.period_id))[0] == paper.remaining


def test_the_reserve_list_does_what_a_plain_one_does(settings: Settings) -> None:
    run_machine(ReserveList, settings, examples=10, steps=40)
