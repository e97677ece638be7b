"""What the registry keeps of products, mutual lists, channels, office users and experts: texts and reasons."""

import sqlalchemy as sa

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
