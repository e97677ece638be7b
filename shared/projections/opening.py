"""Records of the topics, opened for one read model in one pass: what it does not need is not read."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, ClassVar

import msgspec

from shared.bus.envelope import Envelope, context_of, from_wire, metadata_of
from shared.events.definition import EVENT_TYPES, TYPE_OF, UPCASTERS, Recorded
from shared.projections.birth import Newborn
from shared.projections.projection import PoisonEventError, Projection
from shared.projections.runner import subscription_for

type Told = Recorded[Any] | Newborn
"""An event that matters; where all it does is begin a row, the row."""


class Opened(msgspec.Struct, gc=False, kw_only=True):
    """A record by its place in the log; as it stands here, one of an event that does not matter."""

    position: int
    prevposition: int

    def told(self) -> Told | None:
        """Give the event if it matters; `PoisonEventError` when this code cannot read it."""
        return None


class _Beginning(Opened, gc=False, kw_only=True):
    """An event that begins a row and does nothing else."""

    instant: ClassVar[str]
    time: datetime
    data: Any

    def told(self) -> Told | None:
        setattr(self.data, self.instant, self.time)
        newborn: Newborn = self.data
        return newborn


class _Whole(Opened, gc=False, kw_only=True):
    """An event that matters, in the version that this code writes."""

    stored: ClassVar[str]
    source: str
    subject: str
    time: datetime
    version: int
    key: str
    hash: str
    actor: str
    businessdate: str
    correlationid: str
    causationid: str | None = None
    traceparent: str | None = None
    data: Any

    def told(self) -> Told | None:
        return Recorded(
            context_of(self.source),
            self.position,
            self.subject,
            self.version,
            self.stored,
            self.data,
            self.key,
            metadata_of(self.actor, self.correlationid, self.businessdate, self.causationid, self.traceparent),
            self.time,
            self.hash,
        )


class _Other(Opened, gc=False, kw_only=True):
    """An event that matters, and is not what this code writes: an older version, or one that it cannot read."""

    envelope: Envelope
    projection: str

    def told(self) -> Told | None:
        try:
            return self.envelope.opened()
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise PoisonEventError(self.projection, self.envelope.id, self.envelope.type, reason) from error


def opener_for(projection: Projection) -> Callable[[bytes | None], Opened]:
    """Make what opens a record for a read model; it raises NotAnEnvelopeError when the record is none of ours."""
    decoder: msgspec.json.Decoder[Opened] = msgspec.json.Decoder(reduce(or_, _shapes(projection)))
    read = decoder.decode
    wanted = subscription_for(projection).wanted() or frozenset()

    def open_record(value: bytes | None) -> Opened:
        try:
            return read(value or b"")
        except msgspec.DecodeError:
            envelope = from_wire(value)
        place = {"position": envelope.position, "prevposition": envelope.prevposition}
        if envelope.type.rpartition(".v")[0] not in wanted:
            return Opened(**place)
        return _Other(**place, envelope=envelope, projection=projection.name)

    return open_record


def _shapes(projection: Projection) -> Iterator[type[msgspec.Struct]]:
    """Say for each type of event in the topics what is to be read of it; which of them a record is, its tag tells."""
    births = {birth.of: birth for birth in projection.births}
    for cls in projection.rows:
        stored = TYPE_OF[cls].stored
        if (birth := births.get(cls)) is not None:
            yield _tagged(_Beginning, stored, birth.newborn(), {"instant": birth.recorded_at})
        else:
            yield _tagged(_Whole, stored, cls, {"stored": stored})
    wanted = {TYPE_OF[cls].name for cls in projection.rows}
    for stored in {*EVENT_TYPES, *UPCASTERS}:
        name = stored.rpartition(".v")[0]
        if name.split(".")[1] in projection.contexts and name not in wanted:
            yield msgspec.defstruct(Opened.__name__, [], bases=(Opened,), tag_field="type", tag=stored)


def _tagged(shape: type[Opened], stored: str, data: type[Any], constants: dict[str, Any]) -> type[msgspec.Struct]:
    return msgspec.defstruct(
        shape.__name__, [("data", data)], bases=(shape,), namespace=constants, tag_field="type", tag=stored,
        gc=False, kw_only=True,
    )  # fmt: skip
