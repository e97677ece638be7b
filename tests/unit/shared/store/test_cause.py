"""Who, why and when is written beside every event."""

from datetime import UTC, date, datetime

import msgspec
import pytest

from shared.events.definition import Recorded
from shared.events.issuance.periods import PeriodExhausted
from shared.store.execution import IdempotencyKey
from shared.store.transaction import Cause, caused_by

AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


def _recorded(**metadata: str) -> Recorded[PeriodExhausted]:
    return Recorded(
        context="issuance",
        position=7,
        stream="period-prd_1",
        version=3,
        type="cxq.issuance.period-exhausted.v1",
        data=PeriodExhausted(period_id="prd_1", at=AT),
        key="prd_1",
        metadata=metadata,
        recorded_at=AT,
        hash="00",
    )


def test_what_is_not_known_is_not_written() -> None:
    written = msgspec.json.decode(Cause(actor="officer-1", correlation_id="talk").metadata(date(2026, 3, 2)))
    assert written == {"actor": "officer-1", "correlation_id": "talk", "business_date": "2026-03-02"}


def test_an_answer_to_an_event_stays_in_its_conversation_and_names_it() -> None:
    cause = caused_by(_recorded(actor="officer-1", correlation_id="talk", traceparent="00-abc"), "contracts")
    assert cause == Cause(actor="contracts", correlation_id="talk", causation_id="issuance-7", traceparent="00-abc")


def test_an_event_without_a_conversation_begins_one() -> None:
    assert caused_by(_recorded(), "contracts").correlation_id == "issuance-7"


@pytest.mark.parametrize(("one", "other", "same"), [(b"{}", b"{}", True), (b"{}", b"{ }", False)])
def test_a_key_remembers_what_it_was_used_for(one: bytes, other: bytes, *, same: bool) -> None:
    hashes = {
        IdempotencyKey(principal="p", operation="o", key="k", payload=payload).request_hash for payload in (one, other)
    }
    assert (len(hashes) == 1) is same
