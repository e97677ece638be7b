"""The read models of money: the journal never changes what it says, and what accounts hold does not depend on order."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given as for_all
from hypothesis import strategies as st

from services.issuance.books import closed, post, reopened
from services.issuance.domain.postings import ACCOUNTS, OUTSTANDING, ledger_lines_of
from services.issuance.projections.exposure import EXPOSURE, NO_CONTRACT, NO_YEAR
from services.issuance.projections.ledger import LEDGER_LINES
from shared.events.definition import TYPE_OF, Recorded
from shared.events.issuance.quotas import QuotaGranted
from shared.projections.projection import Rows
from tests.unit.issuance.facts import CLAIMED, COMMITTED, CONTRACT, FACE, MARCH_1, PERIOD, USED
from tests.unit.issuance.test_conservation import COMMANDS, lived

GRANTED = QuotaGranted(period_id=PERIOD, amount=10 * FACE, on=MARCH_1)
LIVES = st.lists(COMMANDS, max_size=10).map(lived)


def _recorded(facts: Iterable[Any]) -> list[Recorded[Any]]:
    return [
        Recorded(
            context="issuance",
            position=position,
            stream="",
            version=1,
            type=TYPE_OF[type(fact)].stored,
            data=fact,
            key=str(getattr(fact, TYPE_OF[type(fact)].key)),
            metadata={},
            recorded_at=datetime(2026, 3, 1, tzinfo=UTC),
            hash="",
        )
        for position, fact in enumerate(facts, start=1)
    ]


def _exposed(facts: Sequence[Any]) -> dict[tuple[Any, ...], int]:
    rows: Rows = {}
    EXPOSURE.fold(rows, _recorded(facts))
    return {key: row["fen"] for key, row in rows.items() if row is not None}


def _of_another(facts: Sequence[Any]) -> list[Any]:
    return [replace(fact, voucher_id="vch_2", claimant_id="clm_2") for fact in facts]


def _interleaved(one: Sequence[Any], other: Sequence[Any], turns: Sequence[bool]) -> list[Any]:
    left, right, mixed = list(one), list(other), []
    for turn in turns:
        source = left if turn else right
        if source:
            mixed.append(source.pop(0))
    return [*mixed, *left, *right]


@for_all(LIVES, LIVES, st.lists(st.booleans(), max_size=20))
def test_what_accounts_hold_is_the_same_in_whatever_order_claimants_are_heard(
    one: list[Any], other: list[Any], turns: list[bool]
) -> None:
    other = _of_another(other)
    together = _exposed([GRANTED, *one, *other])
    assert _exposed([*_interleaved(one, other, turns), GRANTED]) == together
    assert sum(together.values()) == 0
    assert 0 not in together.values()


@for_all(LIVES)
def test_the_exposure_is_what_the_postings_say(history: list[Any]) -> None:
    books: Counter[Any] = Counter()
    post(books, [GRANTED, *history])
    summed: Counter[Any] = Counter()
    for (period_id, year, _, account), fen in _exposed([GRANTED, *history]).items():
        summed[period_id, None if year == NO_YEAR else year, account] += fen
    assert {key: fen for key, fen in books.items() if fen} == {key: fen for key, fen in summed.items() if fen}
    assert reopened(closed(books)) == Counter({key: fen for key, fen in books.items() if fen})


def test_money_waits_under_its_contract_only_while_it_waits_for_it() -> None:
    assert _exposed([CLAIMED, COMMITTED])[PERIOD, 2026, CONTRACT, "committed"] == FACE
    used = _exposed([CLAIMED, COMMITTED, USED])
    assert used[PERIOD, 2026, CONTRACT, "payable"] == FACE
    assert (PERIOD, 2026, CONTRACT, "committed") not in used
    assert _exposed([CLAIMED])[PERIOD, 2026, NO_CONTRACT, "reserved"] == FACE
    assert all(account in ACCOUNTS for *_, account in used)
    assert sum(fen for (*_, account), fen in used.items() if account in OUTSTANDING) == FACE


@for_all(LIVES)
def test_the_journal_told_twice_or_anew_is_the_same_journal(history: list[Any]) -> None:
    log = _recorded([GRANTED, *history])
    once: Rows = {}
    LEDGER_LINES.fold(once, log)
    twice: Rows = dict(once)
    LEDGER_LINES.fold(twice, [*log, *log])
    backwards: Rows = {}
    LEDGER_LINES.fold(backwards, reversed(log))
    assert once == twice == backwards
    told = [(line.debit, line.credit, line.fen) for event in log for line in ledger_lines_of(event.data)]
    assert [(row["debit"], row["credit"], row["fen"]) for _, row in sorted(once.items()) if row] == told
    assert all(row is not None and row["fen"] > 0 and row["debit"] != row["credit"] for row in once.values())
