"""What the registry keeps of a provider's services beside its log: who acts, who serves, what is used and booked."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

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
