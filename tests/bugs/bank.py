"""The mistakes: what is planted where, and which test must notice."""

import re
from dataclasses import dataclass

_CLASSES = "tests/unit/issuance/test_classes.py"
_INTAKE = "tests/integration/issuance/test_intake.py"
_LIVES = "tests/integration/issuance/test_lives.py"
_STORE = "tests/integration/shared/store"
_MIDNIGHT = "tests/integration/issuance/test_midnight.py"
_RESERVE = "tests/integration/issuance/test_entries_reserve.py"
_STATEMENT = "services/issuance/migrations/write_claims.sql"


@dataclass(frozen=True, slots=True)
class Edit:
    """In `file` the text `right`, which is there once however it is broken into lines, becomes `wrong`."""

    file: str
    right: str
    wrong: str

    def planted(self, sound: str) -> str | None:
        """Give the file's text with the mistake; None when its place is not there, or more than once."""
        place = re.compile(r"\s+".join(map(re.escape, self.right.split())))
        found = list(place.finditer(sound))
        if len(found) != 1:
            return None
        return sound[: found[0].start()] + self.wrong + sound[found[0].end() :]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """A mistake: `right` in `file` becomes `wrong`, and so on for `more`; `test` must turn red."""

    name: str
    file: str
    right: str
    wrong: str
    test: str
    more: tuple[Edit, ...] = ()

    @property
    def edits(self) -> tuple[Edit, ...]:
        """All that has to be changed."""
        return (Edit(self.file, self.right, self.wrong), *self.more)


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
        right="places += 1",
        wrong="places += 2",
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
        name="effect-without-its-answer",
        file=_STATEMENT,
        right="WITH ORDINALITY AS a (name, request, number);\n    ELSE",
        wrong="WITH ORDINALITY AS a (name, request, number) WHERE a.number > granted;\n    ELSE",
        test=f"{_INTAKE}::test_a_key_has_one_request_and_one_answer",
    ),
    Bug(
        name="missing-fence",
        file=_STATEMENT,
        right="AND q.revision = quota_revision",
        wrong="",
        test=f"{_INTAKE}::test_a_place_that_another_writer_has_given_meanwhile_is_not_given_again",
    ),
    Bug(
        name="positions-by-sequence",
        file="shared/store/migrations/versions/0001_kernel.py",
        right='for name in ("event_hash.sql", "append_events.sql"):',
        wrong='op.execute("CREATE SEQUENCE log_positions")\n    for name in ("event_hash.sql", "append_events.sql"):',
        test=f"{_STORE}/test_order.py::test_a_reader_that_tails_the_log_misses_nothing_and_sees_nothing_out_of_order",
        more=(
            Edit(
                "shared/store/migrations/append_events.sql",
                "SELECT * INTO STRICT head FROM log_head FOR UPDATE;",
                "SELECT * INTO STRICT head FROM log_head; head.position :="
                " (SELECT min(nextval('log_positions')) FROM generate_series(1, cardinality(streams))) - 1;",
            ),
        ),
    ),
    Bug(
        name="second-transaction",
        file="shared/store/execution.py",
        right="if key is not None: await _record(tx, key, given) except Refused as refusal:",
        wrong="pass\n        except Refused as refusal:",
        test=f"{_STORE}/test_lost_connections.py::test_a_commit_whose_answer_never_comes_is_cleared_up_by_the_same_key",
        more=(
            Edit(
                "shared/store/execution.py",
                "self._on_commit() return given",
                """if key is not None:
            async with self._transaction(cause) as later:
                await _record(later, key, given)
        self._on_commit()
        return given""",
            ),
        ),
    ),
    Bug(
        name="own-silent-connection-keeps-the-period",
        file="services/issuance/intake/ownership.py",
        right="if not row[0] and address and row[1] == address:",
        wrong="if not row[0] and not address:",
        test="tests/simulation/test_every_step.py::test_a_crash_at_any_step_costs_nobody_anything[falls silent]",
    ),
    Bug(
        name="who-changed-a-plan-approves-it",
        file="services/issuance/domain/planning.py",
        right="own = approved_by if approved_by in plan.authors else plan.proposed_by",
        wrong="own = plan.proposed_by",
        test="tests/integration/issuance/test_changes_model.py"
        "::test_whatever_changes_around_vouchers_does_what_the_plain_model_says",
    ),
    Bug(
        name="invented-balances-pass-the-night",
        file="services/issuance/use_cases/proving_balances.py",
        right="if not row.is_claimed:",
        wrong="if False:",
        test="tests/integration/issuance/test_proving.py::test_a_balance_that_is_not_what_the_log_says_is_named",
    ),
    Bug(
        name="clawed-back-is-not-spent",
        file="services/issuance/domain/postings.py",
        right='SPENT: tuple[Account, ...] = ("paid", "clawed_back")',
        wrong='SPENT: tuple[Account, ...] = ("paid",)',
        test="tests/integration/issuance/test_clawing_back.py::test_the_audit_and_the_nightly_proof_agree_with_it",
    ),
    Bug(
        name="more-is-asked-back-than-was-paid",
        file="services/redemption/domain/recovery.py",
        right="if command.amount > left",
        wrong="if command.amount > left * 2",
        test="tests/unit/redemption/test_recovery.py::test_all_that_was_paid_can_be_asked_back_and_not_a_fen_more",
    ),
    Bug(
        name="known-key-forgotten",
        file=_STATEMENT,
        right="IF which IS NOT NULL THEN outcome := 'known';",
        wrong="IF false THEN outcome := 'known';",
        test=f"{_INTAKE}::test_a_key_has_one_request_and_one_answer",
    ),
    Bug(
        name="latch-without-filter",
        file="services/issuance/intake/latch.py",
        right=" or name_of(*name) in self._won:",
        wrong=":",
        test=f"{_INTAKE}::test_the_winner_of_a_sold_out_period_gets_its_answer_again_and_a_stranger_is_told_so",
    ),
    Bug(
        name="latch-outlives-its-connection",
        file="services/issuance/intake/sequencer.py",
        right="self.latch.forget()",
        wrong="pass",
        test="tests/simulation/test_sequencer.py::test_whoever_has_won_is_never_told_that_nothing_is_left",
    ),
    Bug(
        name="no-ownership-check",
        file="services/issuance/use_cases/cancelling.py",
        right=" or claimant_id not in {None, state.claimant_id}:",
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
        file="services/issuance/domain/voucher_payment.py",
        right="unused = held.amount - command.paid",
        wrong="unused = held.amount * (1 - command.paid / held.amount)",
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
        test=f"{_INTAKE}::test_what_is_owed_to_those_who_wait_is_nobody_elses_to_claim",
    ),
    Bug(
        name="entering-after-the-deciding-began",
        file="services/issuance/entry_list.py",
        right="begun=frozenset(way for way, is_begun in by_way.items() if is_begun)",
        wrong="begun=frozenset()",
        test=(
            "tests/integration/issuance/test_entries_window.py"
            "::test_a_crash_between_two_portions_loses_nothing_and_serves_nobody_twice"
        ),
    ),
    Bug(
        name="lots-by-arrival",
        file="shared/procedures/lots.py",
        right='key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest()',
        wrong="key=str",
        test=(
            "tests/integration/issuance/test_entries_draw.py"
            "::test_lots_decide_and_not_the_order_of_arrival_and_the_seed_lay_fast_before"
        ),
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
    Bug(
        name="class-money-for-everybody",
        file="services/issuance/domain/claiming.py",
        right="within_reach = reachable(claim.remaining, parts, classes_of(claim))",
        wrong="within_reach = claim.remaining",
        test=f"{_CLASSES}::test_who_is_in_no_class_takes_the_common_part_and_not_a_fen_more",
    ),
    Bug(
        name="class-released-a-moment-late",
        file="services/issuance/domain/classes.py",
        right="at >= each.until",
        wrong="at > each.until",
        test=f"{_CLASSES}::test_a_claim_at_the_instant_takes_what_the_class_has_left_and_one_before_it_does_not",
    ),
    Bug(
        name="parts-not-carried-on",
        file="services/issuance/intake/book.py",
        right="        page.parts = after.parts\n",
        wrong="",
        test="tests/integration/issuance/test_classes.py"
        "::test_a_claim_is_paid_from_its_own_classes_first_and_says_from_which",
    ),
)
