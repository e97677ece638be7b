"""A window and a draw, act by act in any order, beside plain ones: who is served, by which lot, what is refused."""

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, invariant, multiple, precondition, rule

from shared.events.issuance.periods import EntryTerms, EntryWindow
from shared.measures.reader import Measures
from shared.settings import Settings
from tests.integration.issuance.entering import Entrants
from tests.integration.issuance.machine import OfficeMachine, run_machine
from tests.integration.issuance.plain_model import PlainEntry
from tests.integration.issuance.stories import judged

UNIT = 1_000_000
QUOTA = 6 * UNIT
ALLOWANCE = 20_000_000
AMOUNTS = st.sampled_from([UNIT, UNIT, 2 * UNIT, 3 * UNIT, 1])
COMPANIES = 5
AN_HOUR = timedelta(hours=1)
DRAWN_FOR = timedelta(minutes=10)
NOT_NOW = {"between": "entries-not-taken-yet", "open": "entries-taken-no-more"}
"""Why nobody enters now."""
NOT_YET = {"window": "period-not-open-yet", "between": "period-not-open-yet", "draw": "period-draws"}
"""Why nobody claims now."""

type When = Literal["window", "between", "draw", "open"]


@dataclass(slots=True)
class _Paper:
    """The period as anybody would keep it on paper; money in fen."""

    when: When = "window"
    remaining: int = QUOTA
    asking: list[PlainEntry] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    stages: dict[str, str] = field(default_factory=dict)

    def against(self, company: str, amount: int) -> list[str]:
        """Name what stands against a company that wants so much."""
        fails, exceeds = company in self.failing, self.held.get(company, 0) + amount > ALLOWANCE
        return [*(["claimant-not-eligible"] if fails else []), *(["allowance-exceeded"] if exceeds else [])]

    def spend(self, company: str, amount: int) -> None:
        """Give out money."""
        self.remaining -= amount
        self.held[company] = self.held.get(company, 0) + amount

    def decide_window(self) -> None:
        """Serve all, if there is enough for all."""
        if sum(one.amount for one in self.asking) <= QUOTA:
            self.serve(self.asking)
        else:
            self.stages |= dict.fromkeys((one.entry_id for one in self.asking), "entry-window-oversubscribed")
        self.asking, self.when = [], "between"

    def draw(self, seed: str) -> None:
        """Serve in the order of the lots."""
        self.serve(sorted(self.asking, key=lambda one: hashlib.sha256(f"{seed}:{one.entry_id}".encode()).digest()))
        self.asking, self.when = [], "open"

    def serve(self, line: Iterable[PlainEntry]) -> None:
        """Serve one after the other; who does not fit is passed over."""
        for one in line:
            amount = min(one.amount, self.remaining or one.amount) if one.or_less else one.amount
            against = [*self.against(one.company, amount), *(["quota-exhausted"] if amount > self.remaining else [])]
            self.stages[one.entry_id] = against[0] if against else "served"
            if not against:
                self.spend(one.company, amount)


class WindowAndDraw(OfficeMachine):
    """One period with both, another one that is open, and a few companies."""

    entries = Bundle("entries")

    def __init__(self, runner: asyncio.Runner, url: str) -> None:
        super().__init__(runner, url, Measures.load())
        self.entrants, self.paper = Entrants(self.office), _Paper()

    @initialize()
    def begin(self) -> None:
        now = self.office.clock.now()
        self.until, self.opens_at = now + AN_HOUR, now + 2 * AN_HOUR
        window = EntryWindow(opens_at=now, until=self.until)
        terms = EntryTerms(window=window, draw_minutes=DRAWN_FOR // timedelta(minutes=1))
        self.period_id = self.live(self.entrants.plan(QUOTA, terms, opens_at=self.opens_at))
        self.elsewhere = self.live(self.office.open_period())
        self.companies = [self.live(self.office.register()) for _ in range(COMPANIES)]

    @rule(target=entries, who=st.integers(0, COMPANIES - 1), amount=AMOUNTS, or_less=st.booleans())
    def enter(self, who: int, amount: int, *, or_less: bool) -> Any:
        company = self.companies[who]
        expected = {*self.paper.against(company, amount)}
        expected |= {NOT_NOW[self.paper.when]} if self.paper.when in NOT_NOW else set()
        expected |= {"entry-made-already"} if any(one.company == company for one in self.paper.asking) else set()
        entering = self.entrants.enter(self.period_id, company, amount, or_less=or_less)
        if expected:
            assert self.refused(entering) == expected
            return multiple()
        entry_id = self.live(entering)
        self.paper.asking.append(PlainEntry(entry_id, company, amount, or_less))
        self.paper.stages[entry_id] = "waiting"
        return entry_id

    @rule(entry_id=entries)
    def withdraw(self, entry_id: str) -> None:
        owner = self.live(self.entrants.look(entry_id)).claimant_id
        waiting = [one for one in self.paper.asking if one.entry_id == entry_id]
        codes = self.refused(self.entrants.withdraw(entry_id, owner))
        assert codes == (set() if waiting else {"entry-not-in-this-state"})
        if waiting:
            self.paper.asking.remove(waiting[0])
            self.paper.stages[entry_id] = "withdrawn"

    @rule(who=st.integers(0, COMPANIES - 1), amount=AMOUNTS)
    def claim(self, who: int, amount: int) -> None:
        company = self.companies[who]
        expected = {*self.paper.against(company, amount)}
        expected |= {NOT_YET[self.paper.when]} if self.paper.when in NOT_YET else set()
        expected |= {"quota-exhausted"} if amount > self.paper.remaining else set()
        assert self.refused(self.office.ask(self.period_id, company, amount)) == expected
        if not expected:
            self.paper.spend(company, amount)

    @rule(who=st.integers(0, COMPANIES - 1))
    def claim_elsewhere(self, who: int) -> None:
        company, amount = self.companies[who], ALLOWANCE // 4
        expected = {*self.paper.against(company, amount)}
        assert self.refused(self.office.ask(self.elsewhere, company, amount)) == expected
        if not expected:
            self.paper.held[company] = self.paper.held.get(company, 0) + amount

    @rule(who=st.integers(0, COMPANIES - 1), fails=st.booleans())
    def judge(self, who: int, *, fails: bool) -> None:
        company = self.companies[who]
        self.live(self.office.tell(judged(company, self.office, "fail" if fails else "pass")))
        self.paper.failing = self.paper.failing | {company} if fails else self.paper.failing - {company}

    @precondition(lambda self: self.paper.when != "open")
    @rule()
    def time_passes(self) -> None:
        match self.paper.when:
            case "window":
                self.live(self.office.wait_until(self.until))
                self.paper.decide_window()
            case "between":
                self.live(self.office.wait_until(self.opens_at))
                self.paper.when = "draw"
            case _:
                self.live(self.office.wait_until(self.opens_at + DRAWN_FOR))
                history = self.live(self.office.history(f"period-{self.period_id}"))
                (seed,) = [str(fact["seed"]) for _, fact in history if fact.get("way") == "draw"]
                self.paper.draw(seed)

    @invariant()
    def paper_and_office_agree(self) -> None:
        names = list(self.paper.stages)
        assert self.live(self.entrants.stages(*names)) == [self.paper.stages[name] for name in names]
        assert self.live(self.entrants.waits(self.period_id)) == (0, 0)
        assert self.live(self.office.quota_of(self.period_id))[0] == self.paper.remaining


def test_a_window_and_a_draw_do_what_plain_ones_do(settings: Settings) -> None:
    run_machine(WindowAndDraw, settings, examples=15, steps=30)
