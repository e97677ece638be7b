"""What the registry keeps of products, mutual lists, channels, office users and experts: texts and reasons."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.registry.tables import REGISTRY

new_products = sa.Table(
    "new_products",
    REGISTRY,
    sa.Column("product_id", sa.Text, primary_key=True),
    sa.Column("certificate_number", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("withdrawn", sa.Boolean, nullable=False, server_default=sa.false()),
)
"""The public description of each certified new product (faq 2); a certificate is on the list once."""
sa.Index(
    "new_products_listed_certificate",
    new_products.c.certificate_number,
    unique=True,
    postgresql_where=~new_products.c.withdrawn,
)

new_product_withdrawals = sa.Table(
    "new_product_withdrawals",
    REGISTRY,
    sa.Column("product_id", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("salt", sa.Text, nullable=False),
)
"""Why a product was taken off the list, for the office; `salt` belongs to the digest in the log."""

mutual_editions = sa.Table(
    "mutual_editions",
    REGISTRY,
    sa.Column("edition_id", sa.Text, primary_key=True),
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("first_day", sa.Date, nullable=False),
    sa.Column("proposed_by", sa.Text, nullable=False),
    sa.Column("proposed_on", sa.Date, nullable=False),
    sa.Column("approved_by", sa.Text),
    sa.Column("approved_on", sa.Date),
    sa.Column("dropped_by", sa.Text),
    sa.Column("dropped_on", sa.Date),
    sa.Index(None, "region", "first_day"),
)
"""Every edition of a region's list that ever came in (art. 19); the latest approved and begun one is the list."""

mutual_entries = sa.Table(
    "mutual_entries",
    REGISTRY,
    sa.Column("edition_id", sa.Text, primary_key=True),
    sa.Column("credit_code", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("services", sa.Text, nullable=False),
)
"""The institutions of each edition, as the partner named them."""

channels = sa.Table(
    "channels",
    REGISTRY,
    sa.Column("channel_id", sa.Text, primary_key=True),
    sa.Column("principal", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("closed_on", sa.Date),
)
"""Who may be authorised to act for claimants; a principal is one open channel at most."""
sa.Index("channels_open_principal", channels.c.principal, unique=True, postgresql_where=channels.c.closed_on.is_(None))

channel_authorisations = sa.Table(
    "channel_authorisations",
    REGISTRY,
    sa.Column("authorisation_id", sa.Text, primary_key=True),
    sa.Column("channel_id", sa.Text, nullable=False),
    sa.Column("claimant_id", sa.Text, nullable=False, index=True),
    sa.Column("scopes", ARRAY(sa.Text), nullable=False),
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("valid_until", sa.Date, nullable=False),
    sa.Column("document_id", sa.Text, nullable=False),
    sa.Column("authorised_by", sa.Text, nullable=False),
    sa.Column("authorised_on", sa.Date, nullable=False),
    sa.Column("revoked_by", sa.Text),
    sa.Column("revoked_on", sa.Date),
    sa.Index(None, "channel_id", "claimant_id"),
)
"""What each claimant has let a channel do, with the signed document behind it, for both and for the office."""

office_users = sa.Table(
    "office_users",
    REGISTRY,
    sa.Column("office_user_id", sa.Text, primary_key=True),
    sa.Column("principal", sa.Text, nullable=False),
    sa.Column("office", sa.Text, nullable=False),
    sa.Column("duties", ARRAY(sa.Text), nullable=False),
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("valid_until", sa.Date),
    sa.Column("proposed_by", sa.Text, nullable=False),
    sa.Column("proposed_on", sa.Date, nullable=False),
    sa.Column("approved_by", sa.Text),
    sa.Column("approved_on", sa.Date),
    sa.Column("ended_by", sa.Text),
    sa.Column("ended_on", sa.Date),
    sa.Column("closed", sa.Boolean, nullable=False, server_default=sa.false()),
)
"""Who is or was to work for an office; `closed` was ended or has run out. A principal has one open row at most."""
sa.Index("office_users_open_principal", office_users.c.principal, unique=True, postgresql_where=~office_users.c.closed)

expert_versions = sa.Table(
    "expert_versions",
    REGISTRY,
    sa.Column("expert_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("employers", ARRAY(sa.Text), nullable=False),
    sa.Column("fields", ARRAY(sa.Text), nullable=False),
    sa.Column("load_max", sa.Integer),
    sa.Column("absences", JSONB, nullable=False),
    sa.Column("changed_by", sa.Text, nullable=False),
    sa.Column("changed_on", sa.Date, nullable=False),
)
"""What each expert was from which version of the stream on, and who said so; an older register begins with a change."""
