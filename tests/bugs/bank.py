"""The mistakes: what is planted where, and which test must notice."""

from dataclasses import dataclass

_INTAKE = "tests/integration/issuance/test_intake.py"
_LIVES = "tests/integration/issuance/test_lives.py"
_MIDNIGHT = "tests/integration/issuance/test_midnight.py"
_RESERVE = "tests/integration/issuance/test_entries_reserve.py"
_STATEMENT = "services/issuance/migrations/write_claims.sql"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """A mistake: in `file` the text `right`, which is there once, becomes `wrong`; `test` must turn red."""

    name: str
    file: str
    right: str
    wrong: str
    test: str


BUGS = (
    Bug(
        name="lost-update",
        file=_STATEMENT,
        right="WHERE coalesce(y.counted, 0) <> h.counted;",
        wrong="WHERE false;",
        test=f"{_INTAKE}::test_what_a_year_gave_back_can_be_claimed_at_once",
    ),
    Bug(
        name="sequence-order",
        file="services/issuance/intake/sequencer.py",
        right="self.line.popleft() for _ in",
        wrong="self.line.pop() for _ in",
        test=f"{_INTAKE}::test_places_follow_the_order_of_arrival",
    ),
    Bug(
        name="places-by-sequence",
        file="services/issuance/domain/arrivals.py",
        right="        places += 1\n",
        wrong="        places += 2\n",
        test="tests/unit/issuance/test_arrivals.py::test_the_first_come_is_the_first_served_and_places_go_on_from_the_last",
    ),
    Bug(
        name="utc-date",
        file="services/issuance/intake/intake.py",
        right="on=business_date(at),",
        wrong="on=at.date(),",
        test=f"{_MIDNIGHT}::test_claims_across_new_years_midnight_in_beijing_count_in_their_own_years",
    ),
    Bug(
        name="second-transaction",
        file=_STATEMENT,
        right="WHERE a.status IS NOT NULL;",
        wrong="WHERE a.status IS NOT NULL AND a.number > granted;",
        test=f"{_INTAKE}::test_a_key_has_one_request_and_one_answer",
    ),
    Bug(
        name="missing-fence",
        file=_STATEMENT,
        right="    IF which IS NOT NULL THEN\n        outcome := 'known';",
        wrong="    IF false THEN\n        outcome := 'known';",
        test=f"{_INTAKE}::test_a_key_has_one_request_and_one_answer",
    ),
    Bug(
        name="latch-without-filter",
        file="services/issuance/intake/latch.py",
        right=" or name in self._won:",
        wrong=":",
        test=f"{_INTAKE}::test_the_winner_of_a_sold_out_period_gets_its_answer_again_and_a_stranger_is_told_so",
    ),
    Bug(
        name="latch-outlives-its-connection",
        file="services/issuance/intake/sequencer.py",
        right="        self.latch.forget()\n",
        wrong="",
        test="tests/simulation/test_sequencer.py::test_whoever_has_won_is_never_told_that_nothing_is_left",
    ),
    Bug(
        name="no-ownership-check",
        file="services/issuance/use_cases/cancelling.py",
        right=" or state.claimant_id != claimant_id:",
        wrong=":",
        test="tests/integration/issuance/test_model.py::test_issuance_does_what_the_plain_model_says",
    ),
    Bug(
        name="paid-stays-reserved",
        file="services/issuance/domain/allowance.py",
        right="Posting(reserved=-(paid + released), spent=paid",
        wrong="Posting(reserved=-released, spent=paid",
        test=f"{_LIVES}::test_what_is_paid_is_spent_and_the_rest_released_whichever_message_comes_first",
    ),
    Bug(
        name="float-money",
        file="services/issuance/domain/voucher.py",
        right="    unused = held.amount - command.paid\n",
        wrong="    unused = held.amount * (1 - command.paid / held.amount)\n",
        test=f"{_LIVES}::test_what_is_paid_is_spent_and_the_rest_released_whichever_message_comes_first",
    ),
    Bug(
        name="overtaking-on-the-reserve-list",
        file="services/issuance/use_cases/serving_entries.py",
        right="turn.quota.remaining, strictly=True",
        wrong="turn.quota.remaining, strictly=False",
        test=f"{_RESERVE}::test_nobody_overtakes_the_first_whose_amount_is_not_there_yet",
    ),
    Bug(
        name="owed-money-claimed",
        file="services/issuance/intake/book.py",
        right="q.remaining - q.owed AS remaining",
        wrong="q.remaining AS remaining",
        test=f"{_RESERVE}::test_what_was_never_issued_is_everybodys_and_what_is_owed_is_not",
    ),
    Bug(
        name="entering-after-the-deciding-began",
        file="services/issuance/entry_list.py",
        right="begun=frozenset(way for way, is_begun in by_way.items() if is_begun)",
        wrong="begun=frozenset()",
        test="tests/integration/issuance/test_entries_window.py"
        "::test_a_crash_between_two_portions_loses_nothing_and_serves_nobody_twice",
    ),
    Bug(
        name="lots-by-arrival",
        file="shared/procedures/lots.py",
        right='key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest()',
        wrong="key=str",
        test="tests/integration/issuance/test_entries_draw.py"
        "::test_lots_decide_and_not_the_order_of_arrival_and_the_seed_lay_fast_before",
    ),
    Bug(
        name="token-for-two-users",
        file="services/issuance/waiting_room/tokens.py",
        right="(said.ticket_id, said.period_id, said.claimant_id, said.principal) != asked:",
        wrong="(said.ticket_id, said.period_id, said.claimant_id) != asked[:3]:",
        test="tests/unit/issuance/test_waiting_room.py::test_a_token_is_good_for_no_other_claim",
    ),
    Bug(
        name="token-under-any-key",
        file="services/issuance/waiting_room/tokens.py",
        right="(said.ticket_id, said.period_id, said.claimant_id, said.principal) != asked:",
        wrong="(said.period_id, said.claimant_id, said.principal) != asked[1:]:",
        test="tests/unit/issuance/test_waiting_room.py::test_a_token_is_good_for_no_other_claim",
    ),
    Bug(
        name="line-that-nobody-holds",
        file="services/issuance/waiting_room/room.py",
        right="c.period_id == period_id).with_for_update())).first()",
        wrong="c.period_id == period_id))).first()",
        test="tests/integration/issuance/test_waiting_room.py"
        "::test_companies_that_come_at_once_get_places_without_gaps_each_in_its_distance",
    ),
)
