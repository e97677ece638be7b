"""The books of issuance: every fen comes from somewhere and goes somewhere."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.issuance.domain.allowance import posting
from services.issuance.domain.budget import Granted, SetGrant, budget
from services.issuance.domain.clawing_back import came_back
from services.issuance.domain.postings import ACCOUNTS, COUNTED, OUTSTANDING, SPENT, Account, Posted, ledger_lines_of
from services.issuance.domain.voucher import Event, voucher
from services.issuance.domain.voucher_stages import LIVE, Stage, Voucher
from services.issuance.reports.ledger_words import TRANSFER_WORDS
from shared.events.issuance.quotas import QuotaGranted, QuotaReturned, QuotaWithdrawn
from shared.events.issuance.vouchers import (
    VoucherCancelled,
    VoucherClawBackReversed,
    VoucherClawedBack,
    VoucherExpired,
    VoucherLapsed,
    VoucherRedeemed,
    VoucherRevoked,
)
from tests.specification import Specification
from tests.unit.issuance.facts import (
    CLAIMED,
    COMMITTED,
    CONTRACT,
    FACE,
    MARCH_1,
    MARCH_17,
    PERIOD,
    REDEMPTION,
    RELEASED,
    USED,
    VOUCHER,
    of_the_voucher,
)
from tests.unit.issuance.test_conservation import COMMANDS, MOVING, lived

QUOTA = 20_000_000
GRANTED = QuotaGranted(period_id=PERIOD, amount=QUOTA, on=MARCH_1)
WITHDRAWN = QuotaWithdrawn(period_id=PERIOD, amount=5_000_000, on=MARCH_1)
RETURNED = QuotaReturned(period_id=PERIOD, voucher_id=VOUCHER, amount=FACE, on=MARCH_17)
CANCELLED = of_the_voucher(VoucherCancelled, released=FACE, on=MARCH_17)
UNREGISTERED = of_the_voucher(VoucherExpired, released=FACE, cause="not_registered", contract_id=None, on=MARCH_17)
UNUSED = replace(UNREGISTERED, cause="not_used", contract_id=CONTRACT)
LAPSED = of_the_voucher(VoucherLapsed, released=FACE, contract_id=CONTRACT, cause="refused", on=MARCH_17)
REVOKED = of_the_voucher(VoucherRevoked, stage="used", contract_id=CONTRACT, sanction_id="snc_1", on=MARCH_17)
REDEEMED = of_the_voucher(
    VoucherRedeemed,
    contract_id=CONTRACT,
    redemption_id=REDEMPTION,
    paid=2_000_000,
    released=1_000_000,
    revoked=False,
    on=MARCH_17,
)
REPAYMENT = {"contract_id": CONTRACT, "redemption_id": REDEMPTION, "recovery_id": "rcv_1", "repayment_id": "rpm_1"}
CLAWED_BACK = of_the_voucher(VoucherClawedBack, **REPAYMENT, recovered=1_500_000, on=MARCH_17)
NOT_CLAWED_BACK = of_the_voucher(VoucherClawBackReversed, **REPAYMENT, recovered=1_500_000, on=MARCH_17)


def balances(facts: Iterable[object]) -> Counter[Account]:
    """Add up what facts debit and credit; accounts at nothing are left out."""
    found: Counter[Account] = Counter()
    for fact in facts:
        for line in ledger_lines_of(fact):  # type: ignore[arg-type]
            found[line.debit] += line.fen
            found[line.credit] -= line.fen
    return Counter({account: fen for account, fen in found.items() if fen})


def test_the_accounts_are_listed_once_each() -> None:
    assert get_args(Account.__value__) == ACCOUNTS
    assert set(OUTSTANDING) < set(COUNTED) < set(ACCOUNTS)
    assert set(SPENT) < set(ACCOUNTS) - set(COUNTED)


FLOWS: list[tuple[Posted, list[tuple[Account, Account, int]]]] = [
    (GRANTED, [("budget", "quota", QUOTA)]),
    (WITHDRAWN, [("quota", "budget", 5_000_000)]),
    (RETURNED, [("returned", "quota", FACE)]),
    (CLAIMED, [("quota", "reserved", FACE)]),
    (COMMITTED, [("reserved", "committed", FACE)]),
    (RELEASED, [("committed", "reserved", FACE)]),
    (USED, [("committed", "payable", FACE)]),
    (CANCELLED, [("reserved", "released", FACE)]),
    (replace(CANCELLED, released=0), [("reserved", "withheld", FACE)]),
    (UNREGISTERED, [("reserved", "lapsed", FACE)]),
    (UNUSED, [("committed", "lapsed", FACE)]),
    (replace(UNUSED, released=0), [("committed", "withheld", FACE)]),
    (LAPSED, [("payable", "lapsed", FACE)]),
    (replace(LAPSED, released=0), [("payable", "withheld", FACE)]),
    (replace(REVOKED, stage="claimed"), [("reserved", "revoked", FACE)]),
    (replace(REVOKED, stage="committed"), [("committed", "revoked", FACE)]),
    (REVOKED, [("payable", "revoked", FACE)]),
    (REDEEMED, [("payable", "paid", 2_000_000), ("payable", "released", 1_000_000)]),
    (replace(REDEEMED, released=0), [("payable", "paid", 2_000_000), ("payable", "withheld", 1_000_000)]),
    (replace(REDEEMED, paid=0, released=FACE), [("payable", "released", FACE)]),
    (replace(REDEEMED, released=0, revoked=True), [("revoked", "paid", 2_000_000)]),
    (CLAWED_BACK, [("paid", "clawed_back", 1_500_000)]),
    (NOT_CLAWED_BACK, [("clawed_back", "paid", 1_500_000)]),
]


@pytest.mark.parametrize(("fact", "flows"), FLOWS)
def test_each_fact_moves_its_money(fact: Posted, flows: Sequence[tuple[Account, Account, int]]) -> None:
    assert [(line.credit, line.debit, line.fen) for line in ledger_lines_of(fact)] == list(flows)


@for_all(st.lists(COMMANDS, max_size=12))
def test_every_posting_balances_and_no_account_of_a_voucher_is_ever_overdrawn(commands: list[object]) -> None:
    history: list[Event] = lived(commands)  # type: ignore[arg-type]
    for length in range(1, len(history) + 1):
        found = balances(history[:length])
        assert sum(found.values()) == 0
        assert found["quota"] == -FACE
        assert all(fen >= 0 for account, fen in found.items() if account != "quota")


@for_all(st.lists(COMMANDS, max_size=12))
def test_the_books_say_what_the_voucher_and_its_allowance_say(commands: list[object]) -> None:
    history: list[Event] = lived(commands)  # type: ignore[arg-type]
    found, state = balances(history), voucher.fold(history)
    assert isinstance(state, Voucher)
    moved = [posting(event) for event in history if isinstance(event, MOVING)]
    assert sum(found[account] for account in COUNTED) == sum(move.reserved for move in moved)
    assert found["paid"] + found["clawed_back"] == sum(move.spent for move in moved) == state.paid
    assert found["clawed_back"] == came_back(state.claw_backs)
    assert found["released"] + found["lapsed"] == sum(move.released for move in moved)
    outstanding = sum(found[account] for account in OUTSTANDING)
    assert outstanding == (FACE if state.stage in LIVE else 0)
    if state.stage is Stage.REVOKED:
        assert found["revoked"] == FACE


def test_finance_has_a_word_of_its_own_for_every_way_money_moves() -> None:
    moved = {(credit, debit) for _, flows in FLOWS for credit, debit, _ in flows}
    assert set(TRANSFER_WORDS) == moved
    assert len(set(TRANSFER_WORDS.values())) == len(TRANSFER_WORDS)


def test_money_that_comes_back_is_booked_by_a_reverse_entry() -> None:
    forth, back = ledger_lines_of(COMMITTED), ledger_lines_of(RELEASED)
    assert [(one.debit, one.credit, one.fen) for one in forth] == [(one.credit, one.debit, one.fen) for one in back]
    forth, back = ledger_lines_of(replace(GRANTED, amount=5_000_000)), ledger_lines_of(WITHDRAWN)
    assert [(one.debit, one.credit, one.fen) for one in forth] == [(one.credit, one.debit, one.fen) for one in back]


spec = Specification(budget)
SET = SetGrant(period_id=PERIOD, amount=QUOTA, on=MARCH_1)


def test_a_period_is_granted_what_lacks_and_loses_what_is_too_much() -> None:
    spec.given().when(SET).then(GRANTED)
    spec.given(GRANTED).when(SET).then_nothing()
    spec.given(GRANTED).when(replace(SET, amount=QUOTA - 5_000_000)).then(WITHDRAWN)
    spec.given(GRANTED, WITHDRAWN).when(SET).then(replace(GRANTED, amount=5_000_000))
    spec.given(GRANTED).when(replace(SET, amount=0)).then(replace(WITHDRAWN, amount=QUOTA))


@for_all(st.lists(st.integers(0, QUOTA), max_size=6))
def test_whatever_changes_the_quota_account_holds_the_last_grant(amounts: list[int]) -> None:
    history: list[QuotaGranted | QuotaWithdrawn] = []
    for amount in amounts:
        history += budget.decide(replace(SET, amount=amount), budget.fold(history))
    assert budget.fold(history) == Granted(amount=balances(history)["quota"])
    assert balances(history)["quota"] == (amounts[-1] if amounts else 0)
