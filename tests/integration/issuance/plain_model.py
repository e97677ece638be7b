"""Issuance in a hundred plain lines: what each act comes to (art. 12–17), without log, queue or database."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

CAP = 5_000_000
"""Art. 12: a voucher is worth 50,000 yuan at most."""
ALLOWANCE, ALLOWANCE_CERTIFIED = 20_000_000, 50_000_000
"""Art. 12: 200,000 yuan a year, 500,000 with a certificate."""


@dataclass(slots=True, kw_only=True)
class PlainClass:
    """A class: who belongs to it, and what it has left of its own, until an instant; money in fen."""

    name: str
    who: str
    rest: int
    until: datetime | None
    released: int = 0


@dataclass(slots=True)
class PlainEntry:
    """Somebody who waits to be served; money in fen."""

    entry_id: str
    company: str
    amount: int
    or_less: bool


@dataclass(slots=True, kw_only=True)
class PlainPeriod:
    """A period: money in fen; `common` is what anybody may claim. `phase` is how far its plan has come."""

    common: int
    closes_at: datetime
    opens_at: datetime | None = None
    phase: Literal["proposed", "approved", "withdrawn"] = "approved"
    hands: set[str] = field(default_factory=set)
    """Who has had a hand in the plan."""
    classes: list[PlainClass] = field(default_factory=list)
    issued: int = 0
    returned: int = 0
    claims: int = 0
    is_paused: bool = False

    @property
    def remaining(self) -> int:
        """All that is left."""
        return self.common + sum(each.rest for each in self.classes)

    def standing(self, at: datetime) -> str:
        """Say whether it is open to claims, or name the reason why not."""
        if self.phase != "approved":
            return "period-not-approved" if self.phase == "proposed" else "period-withdrawn"
        if self.opens_at is not None and at < self.opens_at:
            return "period-not-open-yet"
        return "period-closed" if at >= self.closes_at else "open"

    def release(self, at: datetime) -> None:
        """Give to everybody what those classes have left whose time is over."""
        for each in self.classes:
            if each.until is not None and at >= each.until:
                self.common += each.rest
                each.released += each.rest
                each.rest = 0

    def pay(self, amount: int, belongs: set[str]) -> dict[str, int]:
        """Pay a claim of a member of these classes; say what was taken from which."""
        taken: dict[str, int] = {}
        for each in self.classes:
            if each.who in belongs and (fen := min(amount, each.rest)):
                taken[each.name] = fen
                each.rest -= fen
                amount -= fen
        self.common -= amount
        return taken


@dataclass(slots=True, kw_only=True)
class PlainVoucher:
    """A voucher and how far it has come."""

    period_id: str
    owner: str
    year: int
    amount: int
    register_by: date
    state: str = "claimed"
    contract_id: str = ""
    released_from: set[str] = field(default_factory=set)
    revoked_on: date | None = None
    paid: int = 0
    came_back: int = 0


@dataclass(slots=True)
class Plain:
    """The office as anybody would keep it on paper."""

    returns_to_quota: bool
    allowance: dict[str, int] = field(default_factory=dict)
    belongs: dict[str, set[str]] = field(default_factory=dict)
    """The classes of each claimant, by who belongs to them."""
    failing: set[str] = field(default_factory=set)
    bans: dict[str, tuple[str, date | None]] = field(default_factory=dict)
    periods: dict[str, PlainPeriod] = field(default_factory=dict)
    vouchers: dict[str, PlainVoucher] = field(default_factory=dict)
    reserved: dict[tuple[str, int], int] = field(default_factory=dict)
    spent: dict[tuple[str, int], int] = field(default_factory=dict)

    def against_claim(self, period_id: str, claimant_id: str, amount: int, at: datetime, on: date) -> set[str]:
        """Name every reason against a claim."""
        period = self.periods[period_id]
        year = claimant_id, on.year
        held = self.reserved.get(year, 0) + self.spent.get(year, 0)
        mine = self.belongs.get(claimant_id, set())
        own = sum(each.rest for each in period.classes if each.who in mine)
        until = [until for whose, until in self.bans.values() if whose == claimant_id]
        standing = period.standing(at)
        found = {
            "claimant-not-registered": claimant_id not in self.allowance,
            "claimant-not-eligible": claimant_id in self.failing,
            "claimant-banned": any(day is None or on <= day for day in until),
            "face-value-out-of-range": not 0 < amount <= CAP,
            "allowance-exceeded": held + amount > self.allowance.get(claimant_id, held + amount),
            standing: standing != "open",
            "period-paused": period.is_paused and standing != "period-closed",
            "quota-exhausted": amount > period.common + own and period.phase == "approved",
        }
        return {code for code, applies in found.items() if applies}

    def belong(self, claimant_id: str, who: str, *, belongs: bool) -> None:
        """Let a claimant belong to a class from now on, or no longer."""
        mine = self.belongs[claimant_id] - {who}
        self.belongs[claimant_id] = mine | {who} if belongs else mine

    def claim(self, voucher_id: str, voucher: PlainVoucher) -> dict[str, int]:
        """Grant a claim; say what was taken from which class."""
        period = self.periods[voucher.period_id]
        taken = period.pay(voucher.amount, self.belongs.get(voucher.owner, set()))
        period.issued += voucher.amount
        period.claims += 1
        self.vouchers[voucher_id] = voucher
        year = voucher.owner, voucher.year
        self.reserved[year] = self.reserved.get(year, 0) + voucher.amount
        return taken

    def against_commitment(self, uses: dict[str, int], claimant_id: str, on: date) -> set[str]:
        """Name every reason against a contract that these vouchers are to pay."""
        reasons: set[str] = set()
        for voucher_id, amount in uses.items():
            voucher = self.vouchers[voucher_id]
            if voucher.owner != claimant_id:
                reasons.add("voucher-unknown")
                continue
            if voucher.state != "claimed":
                reasons.add("voucher-not-claimed")
            elif on > voucher.register_by:
                reasons.add("registration-too-late")
            if amount != voucher.amount:
                reasons.add("voucher-amount-differs")
        return reasons

    def end(self, voucher_id: str, state: str, *, paid: int = 0, returns: bool = True) -> None:
        """Bring a voucher to its end: what was paid is spent, the rest returns to the year, or stays reserved."""
        voucher = self.vouchers[voucher_id]
        voucher.state, voucher.paid = state, paid
        year = voucher.owner, voucher.year
        released = voucher.amount - paid if returns else 0
        self.reserved[year] -= paid + released
        self.spent[year] = self.spent.get(year, 0) + paid
        if self.returns_to_quota:
            period = self.periods[voucher.period_id]
            period.common += released
            period.returned += released

    def books(self) -> dict[str, int]:
        """Say what accounts hold of the vouchers, in fen; those at nothing are left out."""
        held = Counter[str]()
        for voucher in self.vouchers.values():
            left = voucher.amount - voucher.paid
            match voucher.state:
                case "claimed" | "committed" | "used":
                    account = {"claimed": "reserved", "committed": "committed", "used": "payable"}[voucher.state]
                case "cancelled" | "redeemed":
                    account = "revoked" if voucher.revoked_on is not None else "released"
                case "expired" | "lapsed":
                    account = "lapsed"
                case _:
                    account = "revoked"
            held[account] += left
            held["paid"] += voucher.paid - voucher.came_back
            held["clawed_back"] += voucher.came_back
            held["quota"] -= voucher.amount
        return {account: fen for account, fen in held.items() if fen}

    def revoke(self, claimant_id: str, on: date) -> None:
        """Take all live vouchers of a claimant; what they were worth stays reserved (art. 17)."""
        for voucher in self.vouchers.values():
            if voucher.owner == claimant_id and voucher.state in {"claimed", "committed", "used"}:
                voucher.state, voucher.revoked_on = "revoked", on

    def expire(self, on: date) -> None:
        """Let every voucher that nobody registered in time expire."""
        for voucher_id, voucher in self.vouchers.items():
            if voucher.state == "claimed" and on > voucher.register_by:
                self.end(voucher_id, "expired")
