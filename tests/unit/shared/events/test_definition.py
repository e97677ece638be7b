"""What may call itself an event."""

import re
from dataclasses import FrozenInstanceError, fields
from datetime import date, datetime
from typing import get_type_hints

import pytest

from shared.events import contracts, issuance
from shared.events.codec import CATALOGUE, UnknownEventError, decode, encode, key_of, stored_type
from shared.events.definition import EVENT_TYPES, TYPE_OF, UPCASTERS, EventType, event, upcaster

STORED = re.compile(r"cxq\.[a-z]+\.[a-z]+(-[a-z]+)+\.v[1-9][0-9]*")
KINDS = sorted(EVENT_TYPES.values(), key=lambda kind: kind.stored)
EXHAUSTED = issuance.periods.PeriodExhausted(period_id="prd_1", at=datetime.fromisoformat("2026-03-02T01:30:00Z"))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.stored)
def test_an_event_has_an_explicit_type_a_home_an_owner_and_a_sentence(kind: EventType) -> None:
    assert STORED.fullmatch(kind.stored)
    assert f"{kind.cls.__module__}.".startswith(f"shared.events.{kind.context}.")
    assert get_type_hints(kind.cls)[kind.key] is str
    assert kind.cls.__doc__
    assert not kind.cls.__doc__.startswith(f"{kind.cls.__name__}(")
    assert TYPE_OF[kind.cls] is kind


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.stored)
def test_an_event_counts_money_in_whole_fen_and_says_when_it_happened(kind: EventType) -> None:
    hints = get_type_hints(kind.cls)
    assert float not in hints.values()
    assert date in hints.values() or datetime in hints.values()


def test_every_context_has_a_module_in_the_catalogue() -> None:
    assert {kind.context for kind in KINDS} == {module.__name__.rpartition(".")[2] for module in CATALOGUE}


def test_every_old_version_leads_to_a_current_one() -> None:
    for old in UPCASTERS:
        current = old
        while current in UPCASTERS:
            current = UPCASTERS[current][0]
        assert current in EVENT_TYPES


def test_an_event_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        EXHAUSTED.period_id = "prd_2"  # type: ignore[misc]


def test_two_events_cannot_share_a_name() -> None:
    with pytest.raises(TypeError, match="declared twice"):

        @event("issuance.period-exhausted", key="period_id", version=2)
        class Again:
            """The same."""

            period_id: str


@pytest.mark.parametrize(("key", "partner"), [("claimant_id", ()), ("period_id", ("quota",))])
def test_an_event_cannot_name_fields_it_does_not_have(key: str, partner: tuple[str, ...]) -> None:
    with pytest.raises(TypeError, match="fields it does not have"):

        @event("issuance.period-renamed", key=key, partner=partner)
        class Renamed:
            """Something."""

            period_id: str


def test_an_old_version_is_lifted_in_one_way_only() -> None:
    with pytest.raises(TypeError, match="lifted twice"):
        upcaster("cxq.contracts.contract-completed.v1", to="cxq.contracts.contract-completed.v2")(dict)


def test_a_completed_contract_of_version_1_was_paid_what_it_was_invoiced() -> None:
    names = {field.name for field in fields(contracts.ContractCompleted)}
    old = {name: 7 for name in names if name.endswith("amount")} | {
        "contract_id": "ctr_1",
        "claimant_id": "clm_1",
        "provider_id": "prv_1",
        "vouchers": [],
        "ended_on": "2026-05-01",
        "redeem_by": "2026-06-01",
        "provisional": False,
        "on": "2026-05-02",
    }
    old |= {"actual_amount": 9}
    _, lift = UPCASTERS["cxq.contracts.contract-completed.v1"]
    kept = {name: value for name, value in old.items() if name not in {"invoiced_amount", "paid_amount"}}
    lifted = lift(kept)
    assert (lifted["invoiced_amount"], lifted["paid_amount"]) == (9, 9)
    assert "paid_amount" not in kept


def test_a_type_or_version_this_code_does_not_know_is_said_not_guessed() -> None:
    for unknown in ("cxq.issuance.voucher-sold.v1", "cxq.issuance.voucher-claimed.v9"):
        with pytest.raises(UnknownEventError, match=unknown):
            decode(unknown, "{}")


def test_an_event_knows_its_type_and_its_owner() -> None:
    assert stored_type(EXHAUSTED) == "cxq.issuance.period-exhausted.v1"
    assert key_of(EXHAUSTED) == "prd_1"
    assert encode(EXHAUSTED) == b'{"period_id":"prd_1","at":"2026-03-02T01:30:00Z"}'


@pytest.mark.parametrize(
    "wrong",
    [
        issuance.periods.PeriodExhausted(period_id="prd_1", at=datetime(2026, 3, 2)),  # noqa: DTZ001
        issuance.periods.PeriodExhausted(period_id=7, at=EXHAUSTED.at),  # type: ignore[arg-type]
        issuance.quotas.QuotaReturned(period_id="prd_1", voucher_id="vch_1", amount=0.1 + 0.2, on=date(2026, 3, 2)),  # type: ignore[arg-type]
        issuance.quotas.QuotaReturned(period_id="prd_1", voucher_id="vch_1", amount=5.0, on=date(2026, 3, 2)),  # type: ignore[arg-type]
        issuance.quotas.QuotaReturned(period_id="prd_1", voucher_id="vch_1", amount=5, on=EXHAUSTED.at),
    ],
)
def test_what_could_not_be_read_back_as_it_was_is_not_written(wrong: object) -> None:
    with pytest.raises(TypeError, match="would"):
        encode(wrong)
