"""What the registry keeps of a provider's services beside its log: who acts, who serves, what is used and booked."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, ExcludeConstraint

from services.registry.tables import REGISTRY

provider_departments = sa.Table(
    "provider_departments",
    REGISTRY,
    sa.Column("provider_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("contact", sa.Text, nullable=False),
    sa.Column("phone", sa.Text, nullable=False),
    sa.Column("salt", sa.Text, nullable=False),
)
"""Responsible departments, each naming a row (art. 9(1)); contact and phone are personal, `salt` is of the digest."""

facility_former_descriptions = sa.Table(
    "facility_former_descriptions",
    REGISTRY,
    sa.Column("facility_id", sa.Text, primary_key=True),
    sa.Column("until", sa.Date, primary_key=True),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("site", sa.Text, nullable=False),
    sa.Column("service_norms", sa.Text, nullable=False),
    sa.Column("price_standard", sa.Text, nullable=False),
)
"""What the public read of a facility before the day `until` and after the row before; `facilities` has the rest."""

facility_proofs = sa.Table(
    "facility_proofs",
    REGISTRY,
    sa.Column("facility_id", sa.Text, primary_key=True),
    sa.Column("document_id", sa.Text, primary_key=True),
    sa.Column("right", sa.Text, nullable=False),
    sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
)
"""Documents that show the right to operate a facility (art. 6(2)), for its provider and the office."""

delegations = sa.Table(
    "delegations",
    REGISTRY,
    sa.Column("delegation_id", sa.Text, primary_key=True),
    sa.Column("provider_id", sa.Text, nullable=False, index=True),
    sa.Column("agency_id", sa.Text, nullable=False, index=True),
    sa.Column("duties", ARRAY(sa.Text), nullable=False),
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("valid_until", sa.Date, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("accepted_on", sa.Date),
    sa.Column("ended_on", sa.Date),
)
"""Duties handed to service agencies: in force from acceptance and the first day on, to the last day or the end."""

service_people = sa.Table(
    "service_people",
    REGISTRY,
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("provider_id", sa.Text, nullable=False, index=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("position", sa.Text, nullable=False),
    sa.Column("qualifications", ARRAY(sa.Text), nullable=False),
    sa.Column("facility_ids", ARRAY(sa.Text), nullable=False),
    sa.Column("active_from", sa.Date, nullable=False),
    sa.Column("active_until", sa.Date),
    sa.Column("salt", sa.Text, nullable=False),
)
"""Who serves at which facilities, both days inclusive (art. 6(3)); personal, and `salt` belongs to the digest."""

usage_records = sa.Table(
    "usage_records",
    REGISTRY,
    sa.Column("usage_id", sa.Text, primary_key=True),
    sa.Column("provider_id", sa.Text, nullable=False, index=True),
    sa.Column("facility_id", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("record_id", sa.Text),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("first_day", sa.Date, nullable=False),
    sa.Column("last_day", sa.Date, nullable=False),
    sa.Column("minutes", sa.Integer, nullable=False),
    sa.Column("external_minutes", sa.Integer, nullable=False),
    sa.Column("corrected_on", sa.Date),
    sa.UniqueConstraint("provider_id", "source", "record_id"),
    ExcludeConstraint(
        (sa.column("facility_id"), "="),
        (sa.column("source"), "="),
        (sa.text("daterange(first_day, last_day, '[]')"), "&&"),
        name="usage_records_no_overlap",
        using="gist",
    ),
    sa.CheckConstraint("0 <= external_minutes AND external_minutes <= minutes", name="external"),
)
"""Machine time as it stands (art. 11): a sender's `record_id` is taken once, with the digest of what it first said."""

bookings = sa.Table(
    "bookings",
    REGISTRY,
    sa.Column("booking_id", sa.Text, primary_key=True),
    sa.Column("facility_id", sa.Text, nullable=False),
    sa.Column("provider_id", sa.Text, nullable=False, index=True),
    sa.Column("claimant_id", sa.Text, nullable=False, index=True),
    sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("takes_slot", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("late", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("machine_minutes", sa.Integer, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("salt", sa.Text, nullable=False),
    ExcludeConstraint(
        (sa.column("facility_id"), "="),
        (sa.text("tstzrange(starts_at, ends_at)"), "&&"),
        name="bookings_no_overlap",
        using="gist",
        where=sa.text("takes_slot"),
    ),
)
"""Bookings as they stand; a slot is one booking's until it gives it back. Purpose and reason are for both parties."""
