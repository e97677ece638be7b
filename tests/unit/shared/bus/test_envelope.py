"""Envelopes, read by the CloudEvents SDK, which knows nothing of ours."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from shared.bus.envelope import CONTENT_TYPE, Envelope, NotAnEnvelopeError, from_wire, seal, to_wire
from shared.events.codec import encode
from shared.events.contracts import ContractCompleted, ProjectConfirmed
from shared.events.definition import Recorded
from shared.store.transaction import Cause

DAY = date(2026, 3, 2)
CONFIRMED = ProjectConfirmed(
    project_id="prj_7", claimant_id="clm_1", provider_id="prv_1", confirmed_by="provider-1", on=DAY
)
AT = datetime(2026, 3, 2, 1, 2, 3, 456789, tzinfo=UTC)
ROW: dict[str, Any] = {
    "position": 42,
    "stream": "project-7",
    "version": 3,
    "type": "cxq.contracts.project-confirmed.v1",
    "data": encode(CONFIRMED).decode(),
    "metadata": Cause(actor="provider-1", correlation_id="talk-1", causation_id="registry-5", traceparent="00-ab")
    .metadata(DAY)
    .decode(),
    "key": "clm_1",
    "recorded_at": AT,
    "hash": bytes(range(32)),
}
EXTENSIONS = {
    "position": 42,
    "prevposition": 40,
    "version": 3,
    "key": "clm_1",
    "hash": bytes(range(32)).hex(),
    "actor": "provider-1",
    "businessdate": "2026-03-02",
    "correlationid": "talk-1",
    "causationid": "registry-5",
    "traceparent": "00-ab",
}


def test_the_sdk_reads_what_we_write() -> None:
    value, headers = to_wire(seal("contracts", ROW, 40))
    read = from_structured(KafkaMessage(headers=dict(headers), key=b"clm_1", value=value), JSONFormat(), CloudEvent)
    assert read.get_id() == "contracts-42"
    assert read.get_source() == "/cxq/contracts"
    assert read.get_type() == "cxq.contracts.project-confirmed.v1"
    assert read.get_subject() == "project-7"
    assert read.get_time() == AT
    assert read.get_specversion() == "1.0"
    assert read.get_datacontenttype() == "application/json"
    assert read.get_dataschema() == "urn:cxq:events:cxq.contracts.project-confirmed.v1"
    assert read.get_data() == json.loads(ROW["data"])
    assert {name: read.get_extension(name) for name in EXTENSIONS} == EXTENSIONS


def test_we_read_what_the_sdk_writes() -> None:
    attributes = {
        "id": "contracts-42",
        "source": "/cxq/contracts",
        "type": ROW["type"],
        "specversion": "1.0",
        "subject": "project-7",
        "time": AT,
        "datacontenttype": "application/json",
        "dataschema": "urn:cxq:events:cxq.contracts.project-confirmed.v1",
    }
    theirs = CloudEvent(attributes=attributes | EXTENSIONS, data=json.loads(ROW["data"]))
    assert from_wire(JSONFormat().write(theirs)).opened() == seal("contracts", ROW, 40).opened()


def test_the_headers_say_which_event_it_is_and_of_what_type_as_the_envelope_does() -> None:
    value, headers = to_wire(seal("contracts", ROW, 40))
    body = json.loads(value)
    assert dict(headers) == {
        "content-type": CONTENT_TYPE,
        "ce_id": body["id"].encode(),
        "ce_type": body["type"].encode(),
    }


def test_an_event_comes_back_as_it_was_recorded() -> None:
    value, _ = to_wire(seal("contracts", ROW, 40))
    assert from_wire(value).opened() == Recorded(
        context="contracts",
        position=42,
        stream="project-7",
        version=3,
        type="cxq.contracts.project-confirmed.v1",
        data=CONFIRMED,
        key="clm_1",
        metadata=json.loads(ROW["metadata"]),
        recorded_at=AT,
        hash=bytes(range(32)).hex(),
    )
    assert isinstance(from_wire(value).opened().data, ProjectConfirmed)


def test_what_is_not_known_is_left_out() -> None:
    bare = Cause(actor="clock", correlation_id="talk-1").metadata(DAY).decode()
    value, _ = to_wire(seal("contracts", ROW | {"metadata": bare}, 0))
    assert not {"causationid", "traceparent"} & json.loads(value).keys()
    assert from_wire(value).opened().metadata == json.loads(bare)


def test_an_old_version_travels_as_it_was_stored_and_is_lifted_by_the_reader() -> None:
    old = {
        "contract_id": "ctr_1",
        "claimant_id": "clm_1",
        "provider_id": "prv_1",
        "vouchers": [{"voucher_id": "vch_1", "amount": 100}],
        "amount": 300,
        "actual_amount": 250,
        "ended_on": "2026-03-01",
        "redeem_by": "2026-04-01",
        "provisional": False,
        "on": "2026-03-02",
    }
    stored = "cxq.contracts.contract-completed.v1"
    value, _ = to_wire(seal("contracts", ROW | {"type": stored, "data": json.dumps(old)}, 40))
    assert json.loads(value)["data"] == old
    opened = from_wire(value).opened()
    assert opened.type == stored
    assert isinstance(opened.data, ContractCompleted)
    assert opened.data.paid_amount == 250


def test_metadata_without_a_place_on_the_wire_is_not_lost_silently() -> None:
    with pytest.raises(ValueError, match="shoe_size"):
        seal("contracts", ROW | {"metadata": ROW["metadata"][:-1] + ',"shoe_size":43}'}, 40)


@pytest.mark.parametrize("value", [None, b"", b"hello", b"{}", b'{"specversion":"1.0","id":"x"}'])
def test_a_foreign_record_is_told_apart(value: bytes | None) -> None:
    with pytest.raises(NotAnEnvelopeError):
        from_wire(value)


def test_a_later_attribute_does_not_disturb() -> None:
    value, _ = to_wire(seal("contracts", ROW, 40))
    assert isinstance(from_wire(value[:-1] + b',"later":1}'), Envelope)
