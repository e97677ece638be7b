"""The tables every context's database has: the log, idempotency records, deadlines, positions, documents."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA, JSONB

from shared.database import metadata

KERNEL = metadata()

log_head = sa.Table(
    "log_head",
    KERNEL,
    sa.Column("singleton", sa.Boolean, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("hash", BYTEA, nullable=False),
)

events = sa.Table(
    "events",
    KERNEL,
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("stream", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("data", JSONB, nullable=False),
    sa.Column("metadata", JSONB, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("hash", BYTEA, nullable=False),
    sa.UniqueConstraint("stream", "version"),
)

idempotency = sa.Table(
    "idempotency",
    KERNEL,
    sa.Column("principal", sa.Text, primary_key=True),
    sa.Column("operation", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("request_hash", BYTEA, nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False),
    sa.Column("headers", JSONB, nullable=False),
    sa.Column("body", BYTEA, nullable=False),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
)

deadlines = sa.Table(
    "deadlines",
    KERNEL,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("retry_at", sa.DateTime(timezone=True)),
    sa.Column("failure", sa.Text),
    sa.Index(None, "due_at"),
)
"""What waits, and until when; `retry_at` and `failure` tell of a handler that did not succeed."""

relay_positions = sa.Table(
    "relay_positions",
    KERNEL,
    sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("next_offset", sa.BigInteger, nullable=False),
)
"""Per partition of the context's topic: the last position published. Partition -1 is the whole log's checkpoint."""

consumer_positions = sa.Table(
    "consumer_positions",
    KERNEL,
    sa.Column("consumer", sa.Text, primary_key=True),
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("next_offset", sa.BigInteger, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.Text, nullable=False, server_default=""),
)

parked_events = sa.Table(
    "parked_events",
    KERNEL,
    sa.Column("consumer", sa.Text, primary_key=True),
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("record", BYTEA, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("parked_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "consumer", "key"),
)

documents = sa.Table(
    "documents",
    KERNEL,
    sa.Column("document_id", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False, index=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
)
"""Evidence files by id; the bytes lie in document storage, `digest` is their SHA-256 in hexadecimal."""

announced_changes = sa.Table(
    "announced_changes",
    KERNEL,
    sa.Column("change_id", sa.Text, primary_key=True),
    sa.Column("pack", sa.Text, nullable=False),
    sa.Column("parameter", sa.Text, nullable=False),
    sa.Column("value", JSONB, nullable=False),
    sa.Column("first_day", sa.Date, nullable=False),
    sa.Column("article", sa.Text, nullable=False),
    sa.Column("quote", sa.Text, nullable=False),
)
"""Local copy in every context: changes of the rules that two people have approved and nobody has withdrawn."""
