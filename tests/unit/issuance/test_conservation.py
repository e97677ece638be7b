"""Whatever happens to a voucher, in whatever order it is heard: no fen is lost, none counted twice."""

from datetime import timedelta

from hypothesis import given as for_all
from hypothesis import strategies as st

from services.issuance.domain.allowance import posting
from services.issuance.domain.voucher import (
    LIVE,
    CancelVoucher,
    Command,
    CommitVoucher,
    Event,
    ExpireUnregistered,
    ExpireUnused,
    LapseVoucher,
    RedeemVoucher,
    ReleaseCommitment,
    RevokeVoucher,
    Stage,
    UseVoucher,
    Voucher,
    voucher,
)
from shared.events.issuance import (
    VoucherCancelled,
    VoucherClaimed,
    VoucherExpired,
    VoucherLapsed,
    VoucherRedeemed,
)
from shared.kernel.refusal import Refused
from tests.unit.issuance.facts import CLAIMANT, CLAIMED, FACE, MARCH_1, VALID

MOVING = (VoucherClaimed, VoucherCancelled, VoucherExpired, VoucherLapsed, VoucherRedeemed)


def _command(name: str, contract_id: str, day: int, paid: int) -> Command:
    on = MARCH_1 + timedelta(days=day)
    commands: dict[str, Command] = {
        "cancel": CancelVoucher(on=on),
        "commit": CommitVoucher(contract_id=contract_id, claimant_id=CLAIMANT, amount=FACE, on=on, valid_until=VALID),
        "release": ReleaseCommitment(contract_id=contract_id, on=on),
        "use": UseVoucher(contract_id=contract_id, on=on),
        "expire-unregistered": ExpireUnregistered(on=on),
        "expire-unused": ExpireUnused(contract_id=contract_id, on=on),
        "lapse": LapseVoucher(contract_id=contract_id, cause="refused", on=on),
        "redeem": RedeemVoucher(contract_id=contract_id, redemption_id="rdm_1", paid=paid, on=on),
        "revoke": RevokeVoucher(sanction_id="snc_1", on=on),
    }
    return commands[name]


NAMES = ("cancel", "commit", "release", "use", "expire-unregistered", "expire-unused", "lapse", "redeem", "revoke")
COMMANDS = st.builds(
    _command,
    st.sampled_from([*NAMES, "commit", "commit", "use", "redeem"]),
    st.sampled_from(["ctr_1", "ctr_2"]),
    st.integers(0, 20),
    st.integers(0, FACE + 1),
)


def _lived(commands: list[Command]) -> list[Event]:
    history: list[Event] = [CLAIMED]
    for command in commands:
        try:
            history += voucher.decide(command, voucher.fold(history))
        except Refused:
            continue
    return history


@for_all(st.lists(COMMANDS, max_size=12))
def test_reserved_spent_and_released_always_sum_to_the_face_value(commands: list[Command]) -> None:
    history = _lived(commands)
    moved = [posting(event) for event in history if isinstance(event, MOVING)]
    reserved, spent = sum(move.reserved for move in moved), sum(move.spent for move in moved)
    released = sum(move.released for move in moved)
    state = voucher.fold(history)
    assert isinstance(state, Voucher)
    assert reserved + spent + released == FACE
    assert min(reserved, spent, released) >= 0
    assert reserved == (FACE if state.stage in LIVE or state.stage is Stage.REVOKED else 0)
    assert (spent, released) == (state.paid, state.released)


@for_all(st.lists(COMMANDS, max_size=12))
def test_what_is_heard_twice_has_one_effect(commands: list[Command]) -> None:
    twice = [command for command in commands for _ in range(2)]
    assert _lived(twice) == _lived(commands)


@for_all(st.lists(COMMANDS, max_size=12))
def test_a_voucher_is_paid_at_most_once(commands: list[Command]) -> None:
    assert sum(isinstance(event, VoucherRedeemed) for event in _lived(commands)) <= 1
