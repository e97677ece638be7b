"""Whatever happens to a voucher, in whatever order it is heard: no fen is lost, none counted twice."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given as for_all
from hypothesis import strategies as st

from services.issuance.domain.allowance import posting
from services.issuance.domain.clawing_back import ClawBackVoucher, ReverseClawBack, came_back
from services.issuance.domain.voucher import CancelVoucher, Command, Event, ExpireUnregistered, RevokeVoucher, voucher
from services.issuance.domain.voucher_contract import CommitVoucher, ExpireUnused, ReleaseCommitment, UseVoucher
from services.issuance.domain.voucher_payment import LapseVoucher, RedeemVoucher
from services.issuance.domain.voucher_stages import LIVE, Stage, Voucher
from shared.events.issuance.vouchers import (
    VoucherCancelled,
    VoucherClaimed,
    VoucherClawBackReversed,
    VoucherClawedBack,
    VoucherExpired,
    VoucherLapsed,
    VoucherRedeemed,
    VoucherRevoked,
)
from shared.kernel.refusal import Refused
from shared.measures.terms import Terms
from tests.unit.issuance.facts import CLAIMANT, CLAIMED, FACE, MARCH_1, TERMS, VALID

MOVING = (VoucherClaimed, VoucherCancelled, VoucherExpired, VoucherLapsed, VoucherRedeemed)


def _command(name: str, contract_id: str, day: int, paid: int, terms: Terms) -> Command:
    on = MARCH_1 + timedelta(days=day)
    commands: dict[str, Command] = {
        "cancel": CancelVoucher(on=on, terms=terms),
        "commit": CommitVoucher(contract_id=contract_id, claimant_id=CLAIMANT, amount=FACE, on=on, valid_until=VALID),
        "release": ReleaseCommitment(contract_id=contract_id, on=on),
        "use": UseVoucher(contract_id=contract_id, on=on),
        "expire-unregistered": ExpireUnregistered(on=on, terms=terms),
        "expire-unused": ExpireUnused(contract_id=contract_id, on=on, terms=terms),
        "lapse": LapseVoucher(contract_id=contract_id, cause="refused", on=on, terms=terms),
        "lapse-not-applied": LapseVoucher(contract_id=contract_id, cause="not_applied", on=on, terms=terms),
        "redeem": RedeemVoucher(contract_id=contract_id, redemption_id="rdm_1", paid=paid, on=on, terms=terms),
        "revoke": RevokeVoucher(sanction_id="snc_1", on=on),
        "claw-back": ClawBackVoucher(
            contract_id=contract_id,
            redemption_id="rdm_1",
            recovery_id="rcv_1",
            repayment_id=f"rpm_{day % 3}",
            recovered=paid // 2,
            on=on,
        ),
        "reverse": ReverseClawBack(repayment_id=f"rpm_{day % 3}", on=on),
    }
    return commands[name]


NAMES = (
    "cancel",
    "commit",
    "release",
    "use",
    "expire-unregistered",
    "expire-unused",
    "lapse",
    "lapse-not-applied",
    "redeem",
    "revoke",
    "claw-back",
    "reverse",
)
RETURNING = ("cancellation", "expiry", "lapse", "partial_approval")


def _terms(returning: set[str], *, lapse_counts: bool) -> Terms:
    return replace(
        TERMS,
        voucher=replace(TERMS.voucher, returns_to_allowance=tuple(returning)),
        redemption=replace(TERMS.redemption, lapse_counts_in_annual_total=lapse_counts),
    )


RULES = st.builds(_terms, st.sets(st.sampled_from(RETURNING)), lapse_counts=st.booleans())
COMMANDS = st.builds(
    _command,
    st.sampled_from([*NAMES, "commit", "commit", "use", "redeem"]),
    st.sampled_from(["ctr_1", "ctr_2"]),
    st.integers(0, 20),
    st.integers(0, FACE + 1),
    st.just(TERMS) | RULES,
)


def by_the_default(command: Command) -> Command:
    """Give the same command under the rules of the default pack."""
    match command:
        case CancelVoucher() | ExpireUnregistered() | ExpireUnused() | LapseVoucher() | RedeemVoucher():
            return replace(command, terms=TERMS)
        case _:
            return command


def lived(commands: list[Command]) -> list[Event]:
    """Give the facts of a voucher that has heard these commands; what is refused changes nothing."""
    history: list[Event] = [CLAIMED]
    for command in commands:
        try:
            history += voucher.decide(command, voucher.fold(history))
        except Refused:
            continue
    return history


@for_all(st.lists(COMMANDS, max_size=12))
def test_reserved_spent_and_released_always_sum_to_the_face_value(commands: list[Command]) -> None:
    history = lived(commands)
    moved = [posting(event) for event in history if isinstance(event, MOVING)]
    reserved, spent = sum(move.reserved for move in moved), sum(move.spent for move in moved)
    released = sum(move.released for move in moved)
    state = voucher.fold(history)
    assert isinstance(state, Voucher)
    assert reserved + spent + released == FACE
    assert min(reserved, spent, released) >= 0
    assert (spent, released) == (state.paid, state.released)
    assert released in {0, FACE - spent}
    if state.stage in LIVE or state.stage is Stage.REVOKED:
        assert reserved == FACE


@for_all(st.lists(COMMANDS.map(by_the_default), max_size=12))
def test_by_the_default_rules_all_that_a_voucher_leaves_unused_returns_unless_a_sanction_took_it(
    commands: list[Command],
) -> None:
    history = lived(commands)
    state = voucher.fold(history)
    assert isinstance(state, Voucher)
    ended = state.stage not in LIVE and not any(isinstance(event, VoucherRevoked) for event in history)
    assert state.released == (FACE - state.paid if ended else 0)


@for_all(st.lists(COMMANDS, max_size=12))
def test_what_is_heard_twice_has_one_effect(commands: list[Command]) -> None:
    twice = [command for command in commands for _ in range(2)]
    assert lived(twice) == lived(commands)


PAID_AT_ONCE = [_command("commit", "ctr_1", 0, 0, TERMS), _command("redeem", "ctr_1", 1, FACE - 7, TERMS)]


@for_all(st.lists(COMMANDS, max_size=12))
def test_no_more_comes_back_than_was_paid_and_each_repayment_counts_once(commands: list[Command]) -> None:
    history = lived([*PAID_AT_ONCE, *commands])
    state = voucher.fold(history)
    assert isinstance(state, Voucher)
    posted = [event for event in history if isinstance(event, VoucherClawedBack)]
    undone = [event for event in history if isinstance(event, VoucherClawBackReversed)]
    assert len({event.repayment_id for event in posted}) == len(posted)
    assert len({event.repayment_id for event in undone}) == len(undone)
    back = sum(event.recovered for event in posted) - sum(event.recovered for event in undone)
    assert 0 <= came_back(state.claw_backs) == back <= state.paid == FACE - 7


@for_all(st.lists(COMMANDS, max_size=12))
def test_a_voucher_is_paid_at_most_once(commands: list[Command]) -> None:
    assert sum(isinstance(event, VoucherRedeemed) for event in lived(commands)) <= 1
