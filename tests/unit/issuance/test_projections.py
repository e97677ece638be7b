"""What the read models of issuance make of the log, in whatever order it reaches them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count, pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.issuance.domain.classes import Parts
from services.issuance.projections.annual_totals import ANNUAL_TOTALS
from services.issuance.projections.ledger import LEDGER_LINES
from services.issuance.projections.period_board import PERIOD_BOARD, classes_on
from services.issuance.projections.voucher_balances import VOUCHER_BALANCES
from shared.events.definition import TYPE_OF, Recorded
from shared.events.issuance.periods import PeriodClosed, PeriodExhausted, PeriodOpened, PeriodPaused, QuotaClass
from shared.events.issuance.quotas import ClassQuotaReleased, QuotaReturned
from shared.events.issuance.vouchers import (
    ClassPart,
    VoucherCancelled,
    VoucherClaimed,
    VoucherClawBackReversed,
    VoucherClawedBack,
    VoucherExpired,
    VoucherLapsed,
    VoucherRedeemed,
    VoucherRevoked,
)
from shared.projections.projection import Projection, Row, RowKey, Rows
from tests.unit.issuance.facts import (
    ANNOUNCED,
    APPROVED,
    CHANGED,
    CLAIMANT,
    CLAIMED,
    CLOSES,
    COMMITTED,
    CONTRACT,
    FACE,
    MARCH_17,
    OPENS,
    PERIOD,
    PROPOSED,
    REDEMPTION,
    RELEASED,
    USED,
    VOUCHER,
    of_the_voucher,
)

_positions = count(1)
REVOKED = of_the_voucher(VoucherRevoked, stage="claimed", contract_id=None, sanction_id="snc_1", on=MARCH_17)
EXPIRED = of_the_voucher(VoucherExpired, released=FACE, cause="not_registered", contract_id=None, on=MARCH_17)
CANCELLED = of_the_voucher(VoucherCancelled, released=FACE, on=MARCH_17)
LAPSED = of_the_voucher(VoucherLapsed, released=FACE, contract_id=CONTRACT, cause="refused", on=MARCH_17)
REDEEMED = of_the_voucher(
    VoucherRedeemed,
    contract_id=CONTRACT,
    redemption_id=REDEMPTION,
    paid=2_000_000,
    released=1_000_000,
    revoked=False,
    on=MARCH_17,
)


def _recorded(fact: object) -> Recorded[Any]:
    kind = TYPE_OF[type(fact)]
    return Recorded(
        context="issuance",
        position=next(_positions),
        stream="",
        version=1,
        type=kind.stored,
        data=fact,
        key=str(getattr(fact, kind.key)),
        metadata={},
        recorded_at=OPENS,
        hash="",
    )


def _row(projection: Projection, facts: Sequence[object], *key: object) -> Row:
    rows: Rows = {}
    projection.fold(rows, map(_recorded, facts))
    row = rows[key]
    assert row is not None
    return row


def test_a_voucher_shows_its_contract_and_what_was_paid_and_released() -> None:
    row = _row(VOUCHER_BALANCES, [CLAIMED, COMMITTED, USED, REDEEMED], VOUCHER)
    assert (row["state"], row["paid"], row["released"], row["contract_id"]) == (
        "redeemed",
        2_000_000,
        1_000_000,
        CONTRACT,
    )


def test_a_voucher_shows_what_was_clawed_back_of_what_was_paid_and_a_mistake_no_more() -> None:
    repaid = {"contract_id": CONTRACT, "redemption_id": REDEMPTION, "recovery_id": "rcv_1", "repayment_id": "rpm_1"}
    back = of_the_voucher(VoucherClawedBack, **repaid, recovered=700_000, on=MARCH_17)
    reverse = of_the_voucher(VoucherClawBackReversed, **repaid, recovered=700_000, on=MARCH_17)
    other = replace(back, repayment_id="rpm_2", recovered=300_000)
    life = [CLAIMED, COMMITTED, USED, REDEEMED]
    before = _row(VOUCHER_BALANCES, life, VOUCHER)
    assert before["clawed_back"] == 0
    assert _row(VOUCHER_BALANCES, [*life, back, other], VOUCHER) == before | {"clawed_back": 1_000_000}
    assert _row(VOUCHER_BALANCES, [*life, back, other, reverse], VOUCHER) == before | {"clawed_back": 300_000}


def test_a_released_commitment_shows_the_voucher_as_it_was() -> None:
    assert _row(VOUCHER_BALANCES, [CLAIMED, COMMITTED, RELEASED], VOUCHER) == _row(VOUCHER_BALANCES, [CLAIMED], VOUCHER)


def test_each_end_shows_its_name_and_what_returned() -> None:
    shown = {end: _row(VOUCHER_BALANCES, [CLAIMED, end], VOUCHER) for end in (CANCELLED, EXPIRED, LAPSED, REVOKED)}
    assert {end: (row["state"], row["released"]) for end, row in shown.items()} == {
        CANCELLED: ("cancelled", FACE),
        EXPIRED: ("expired", FACE),
        LAPSED: ("lapsed", FACE),
        REVOKED: ("revoked", 0),
    }


def test_a_year_reserves_spends_and_releases() -> None:
    other = VoucherClaimed(
        voucher_id="vch_2",
        period_id=PERIOD,
        claimant_id=CLAIMANT,
        year=2026,
        amount=500,
        allowance=20_000_000,
        place=2,
        on=date(2026, 3, 1),
        register_by=MARCH_17,
        provisional=False,
        pack="",
        pack_digest="",
    )
    assert _row(ANNUAL_TOTALS, [CLAIMED, other, REDEEMED], CLAIMANT, 2026) == {
        "claimant_id": CLAIMANT,
        "year": 2026,
        "claims": 2,
        "reserved": 500,
        "spent": 2_000_000,
        "released": 1_000_000,
    }


def test_what_an_end_does_not_release_stays_reserved_in_the_year() -> None:
    for end in (CANCELLED, EXPIRED, LAPSED):
        kept = replace(end, released=0)
        year = _row(ANNUAL_TOTALS, [CLAIMED, kept], CLAIMANT, 2026)
        assert (year["reserved"], year["spent"], year["released"]) == (FACE, 0, 0)
        shown = _row(VOUCHER_BALANCES, [CLAIMED, kept], VOUCHER)
        assert (shown["released"], shown["ended_on"]) == (0, MARCH_17)
    year = _row(ANNUAL_TOTALS, [CLAIMED, replace(REDEEMED, released=0)], CLAIMANT, 2026)
    assert (year["reserved"], year["spent"], year["released"]) == (1_000_000, 2_000_000, 0)


@for_all(st.lists(st.booleans(), max_size=12))
def test_the_board_is_the_same_whichever_of_periods_and_claims_comes_first(turns: list[bool]) -> None:
    period = [
        PROPOSED,
        APPROVED,
        CHANGED,
        ANNOUNCED,
        CHANGED,
        replace(APPROVED, approved_by="officer-sun"),
        replace(ANNOUNCED, quota=CHANGED.quota),
        PeriodOpened(period_id=PERIOD, at=OPENS),
        PeriodPaused(period_id=PERIOD, reason="系统维护", paused_by="officer-li", at=OPENS),
        PeriodExhausted(period_id=PERIOD, at=OPENS),
        QuotaReturned(period_id=PERIOD, voucher_id=VOUCHER, amount=FACE, on=MARCH_17),
        PeriodClosed(period_id=PERIOD, issued=2 * FACE, vouchers=2, at=CLOSES),
    ]
    claims = [CLAIMED, CLAIMED]
    ordered: list[object] = []
    left, right = list(period), list(claims)
    for turn in turns:
        source = left if turn else right
        if source:
            ordered.append(source.pop(0))
    row = _row(PERIOD_BOARD, [*ordered, *left, *right], PERIOD)
    assert row == _row(PERIOD_BOARD, [*period, *claims], PERIOD)
    assert (row["phase"], row["remaining"], row["claims"]) == ("closed", CHANGED.quota - FACE, 2)
    assert (row["pause_reason"], row["changed_by"], row["approved_by"]) == ("系统维护", "officer-zhao", "officer-sun")


@pytest.mark.parametrize(("at", "phase"), [(OPENS - timedelta(microseconds=1), "approved"), (OPENS, "open")])
def test_the_board_shows_no_period_open_before_its_hour_whose_entries_gave_something_back(
    at: datetime, phase: str
) -> None:
    returned = QuotaReturned(period_id=PERIOD, voucher_id=VOUCHER, amount=FACE, on=MARCH_17)
    facts = [_recorded(fact) for fact in (PROPOSED, APPROVED, PeriodExhausted(period_id=PERIOD, at=at), returned)]
    rows: Rows = {}
    PERIOD_BOARD.fold(rows, [*facts[:-1], facts[-1]._replace(recorded_at=at)])
    row = rows[PERIOD,]
    assert row is not None
    assert row["phase"] == phase


TEAMS = QuotaClass(name="团队", who="team", amount=3 * FACE, until=CLOSES)
HOLDERS = QuotaClass(name="证书", who="certified", amount=2 * FACE)


@for_all(st.permutations(range(5)))
def test_the_board_shows_what_classes_have_left_whatever_comes_first(order: list[int]) -> None:
    facts = [
        replace(CHANGED, quota=10 * FACE, classes=(TEAMS, HOLDERS)),
        replace(CLAIMED, parts=(ClassPart(name="团队", amount=FACE),)),
        replace(CLAIMED, parts=(ClassPart(name="团队", amount=400), ClassPart(name="证书", amount=600))),
        replace(CLAIMED, parts=()),
        ClassQuotaReleased(period_id=PERIOD, name="团队", amount=2 * FACE - 400, at=CLOSES),
    ]
    row = SimpleNamespace(**_row(PERIOD_BOARD, [facts[number] for number in order], PERIOD))
    assert classes_on(row) == (
        (TEAMS, HOLDERS),
        Parts(rests=(0, 2 * FACE - 600), released=(2 * FACE - 400, 0)),
    )
    assert row.remaining == 7 * FACE


def test_a_board_without_classes_has_nothing_to_say_of_them_and_a_new_plan_has_the_last_word() -> None:
    row = _row(PERIOD_BOARD, [PROPOSED, APPROVED, CLAIMED], PERIOD)
    assert (row["classes"], row["class_issued"], row["class_released"]) == (None, None, None)
    assert classes_on(SimpleNamespace(**row)) == ((), Parts())
    divided = replace(CHANGED, classes=(TEAMS,))
    row = _row(PERIOD_BOARD, [PROPOSED, divided], PERIOD)
    assert classes_on(SimpleNamespace(**row)) == ((TEAMS,), Parts(rests=(3 * FACE,), released=(0,)))
    assert _row(PERIOD_BOARD, [PROPOSED, divided, CHANGED], PERIOD)["classes"] is None


LIFE = (CLAIMED, COMMITTED, RELEASED, COMMITTED, USED, REDEEMED)


@for_all(st.sets(st.integers(1, 11)), st.lists(st.booleans(), max_size=12))
def test_what_is_not_looked_for_was_not_there(cuts: set[int], turns: list[bool]) -> None:
    other = [replace(fact, voucher_id="vch_2") for fact in LIFE]
    lives: list[list[Any]] = [list(LIFE), other]
    facts = [lives[turn].pop(0) for turn in turns if lives[turn]]
    log = [_recorded(fact) for fact in (*facts, *lives[0], *lives[1])]
    bounds = [0, *sorted(cuts), len(log)]
    for projection in (VOUCHER_BALANCES, LEDGER_LINES):
        whole: Rows = {}
        projection.fold(whole, log)
        stored: dict[RowKey, Row | None] = {}
        for start, end in pairwise(bounds):
            batch = log[start:end]
            touched = [projection.touches(event) for event in batch]
            rows: dict[RowKey, Row | None] = {key: stored.get(key) for key in projection.known_before(batch, touched)}
            assert all(row is not None for row in rows.values()), "it was looked for in vain"
            projection.fold(rows, batch, touched)
            stored |= rows
        assert stored == whole
