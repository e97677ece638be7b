"""What travels: a CloudEvents 1.0 event in structured mode, and the way from a row of the log to it and back."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from shared.events.codec import decode
from shared.events.definition import Recorded

CONTENT_TYPE = b"application/cloudevents+json; charset=UTF-8"
_SOURCE = "/cxq/"


class NotAnEnvelopeError(Exception):
    """A record of the topic is no event of ours: somebody else wrote to it, or it is damaged."""


class About(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The metadata of an event as the log keeps it; every field has its place on the wire."""

    actor: str
    correlation_id: str
    business_date: str
    causation_id: str | None = None
    traceparent: str | None = None


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An event on the wire.

    `position` counts the context's log, `prevposition` is the position before it in the same partition (0: none),
    `version` counts the stream (`subject`), `key` names the owner, `hash` chains the log (hexadecimal SHA-256).
    """

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    dataschema: str
    position: int
    prevposition: int
    version: int
    key: str
    hash: str
    actor: str
    businessdate: str
    correlationid: str
    data: msgspec.Raw
    causationid: str | None = None
    traceparent: str | None = None
    specversion: str = msgspec.field(default_factory=lambda: "1.0")
    datacontenttype: str = msgspec.field(default_factory=lambda: "application/json")

    @property
    def context(self) -> str:
        """The context whose log this event is from."""
        return context_of(self.source)

    def opened(self) -> Recorded[Any]:
        """Read the payload; raises what `codec.decode` raises when this code does not know it."""
        # By place, which is three times as fast as by name, and there are millions of them.
        return Recorded(
            self.context,
            self.position,
            self.subject,
            self.version,
            self.type,
            decode(self.type, self.data),
            self.key,
            metadata_of(self.actor, self.correlationid, self.businessdate, self.causationid, self.traceparent),
            self.time,
            self.hash,
        )


_encode = msgspec.json.Encoder().encode
_read = msgspec.json.Decoder(Envelope).decode
_about = msgspec.json.Decoder(About).decode


def context_of(source: str) -> str:
    """Say the context that a source names."""
    return source.removeprefix(_SOURCE)


def metadata_of(
    actor: str, correlation_id: str, business_date: str, causation_id: str | None, traceparent: str | None
) -> dict[str, Any]:
    """Put the metadata of an event together as `Recorded` has it."""
    about = {"actor": actor, "correlation_id": correlation_id, "business_date": business_date}
    if causation_id:
        about["causation_id"] = causation_id
    if traceparent:
        about["traceparent"] = traceparent
    return about


def schema_of(stored_type: str) -> str:
    """Name the JSON Schema of a stored event type."""
    return f"urn:cxq:events:{stored_type}"


def seal(context: str, row: Mapping[str, Any], prevposition: int) -> Envelope:
    """Put a row of the log into its envelope; `data` and `metadata` are JSON text, `hash` is bytes."""
    about = _about(row["metadata"])
    position = row["position"]
    # By place, in a fifth of the time it takes by name.
    return Envelope(
        f"{context}-{position}",
        f"{_SOURCE}{context}",
        row["type"],
        row["stream"],
        row["recorded_at"].astimezone(UTC),
        schema_of(row["type"]),
        position,
        prevposition,
        row["version"],
        row["key"],
        row["hash"].hex(),
        about.actor,
        about.business_date,
        about.correlation_id,
        msgspec.Raw(row["data"].encode()),
        about.causation_id,
        about.traceparent,
    )


def to_wire(envelope: Envelope) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Write the record's value, which says everything, and its headers: content type, and what an event is and which.

    A header costs every reader of a record more than reading the envelope does; these three are for tools that sort
    records without opening them.
    """
    headers = [("content-type", CONTENT_TYPE), ("ce_id", envelope.id.encode()), ("ce_type", envelope.type.encode())]
    return _encode(envelope), headers


def from_wire(value: bytes | None) -> Envelope:
    """Read a record's value; NotAnEnvelopeError when it is none of ours."""
    try:
        return _read(value or b"")
    except msgspec.DecodeError as error:
        raise NotAnEnvelopeError(str(error)) from error
