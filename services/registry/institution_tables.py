"""What the registry keeps of agencies, laboratories and design centres: names, papers, remarks and profiles."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.registry.tables import REGISTRY

affiliations = sa.Table(
    "affiliations",
    REGISTRY,
    sa.Column("party_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("principal", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("credit_code", sa.Text, nullable=False, index=True),
    sa.Column("organisation", sa.Text, nullable=False),
    sa.Column("through", sa.Text, nullable=False),
    sa.Column("submission", JSONB, nullable=False),
    sa.Column("documents", ARRAY(sa.Text), nullable=False),
    sa.Column("accreditations", JSONB),
    sa.Column("salt", sa.Text, nullable=False),
    sa.Column("closed", sa.Boolean, nullable=False, server_default=sa.false()),
)
"""Agencies and laboratories that have joined or apply (faq 4, 5, 7), with all they said; `salt` belongs to its digest.

A laboratory's code is its `organisation`'s, and `through` its agency or field centre; `accreditations` are
those the office recorded last, with their numbers, if it ever did. `closed` came to nothing or is over.
"""
_AGENCY, _LABORATORY = affiliations.c.kind != "laboratory", affiliations.c.kind == "laboratory"
for _column in (affiliations.c.principal, affiliations.c.credit_code):
    sa.Index(
        f"affiliations_open_{_column.name}",
        affiliations.c.kind,
        _column,
        unique=True,
        postgresql_where=sa.and_(~affiliations.c.closed, _AGENCY),
    )
sa.Index(
    "affiliations_open_laboratory",
    affiliations.c.credit_code,
    affiliations.c.name,
    unique=True,
    postgresql_where=sa.and_(~affiliations.c.closed, _LABORATORY),
)

affiliation_remarks = sa.Table(
    "affiliation_remarks",
    REGISTRY,
    sa.Column("party_id", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("remarks", JSONB, nullable=False),
    sa.Column("salt", sa.Text, nullable=False),
)
"""What was written at a step of an affiliation, by condition or under "reason"; `version` is the step's."""

referral_profiles = sa.Table(
    "referral_profiles",
    REGISTRY,
    sa.Column("agency_id", sa.Text, primary_key=True),
    sa.Column("profile", JSONB, nullable=False),
    sa.Column("salt", sa.Text, nullable=False),
)
"""How a referral agency presents itself, and how it is reached (faq 4)."""

agency_occasions = sa.Table(
    "agency_occasions",
    REGISTRY,
    sa.Column("occasion_id", sa.Text, primary_key=True),
    sa.Column("agency_id", sa.Text, nullable=False, index=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
)
"""What a training or a promotion event of a referral agency was about, and where."""

evaluation_words = sa.Table(
    "evaluation_words",
    REGISTRY,
    sa.Column("agency_id", sa.Text, primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("assessment", sa.Text, nullable=False),
    sa.Column("salt", sa.Text, nullable=False),
)
"""What the office says of a service agency's year (faq 5), as last proposed; public once it is approved."""

design_centres = sa.Table(
    "design_centres",
    REGISTRY,
    sa.Column("design_centre_id", sa.Text, primary_key=True),
    sa.Column("laboratory_id", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("salt", sa.Text),
    sa.Column("delisted", sa.Boolean, nullable=False, server_default=sa.false()),
)
"""Laboratories that can offer industrial design (faq 3), listed once at a time; `reason` is why one was taken off."""
sa.Index(
    "design_centres_listed_laboratory",
    design_centres.c.laboratory_id,
    unique=True,
    postgresql_where=~design_centres.c.delisted,
)
