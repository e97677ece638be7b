"""What the registry keeps beside its log: names, codes, members and other texts, and what must be unique."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB

from shared.database import metadata

REGISTRY = metadata()

claimants = sa.Table(
    "claimants",
    REGISTRY,
    sa.Column("claimant_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("principal", sa.Text, nullable=False),
    sa.Column("credit_code", sa.Text, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("school", sa.Text),
    sa.Column("profile", JSONB, nullable=False),
    sa.Column("certificates", JSONB, nullable=False),
    sa.Column("salt", sa.Text, nullable=False),
    sa.UniqueConstraint("school", "name"),
)
"""Who has registered, in full; `profile` is what was declared, `salt` belongs to its digest in the log;
`certificates` are those of today, with their numbers.

A credit code and a team of a school are registered once. `principal` is who registered; who acts for it today is in
`claimant_users`.
"""

claimant_users = sa.Table(
    "claimant_users",
    REGISTRY,
    sa.Column("principal", sa.Text, primary_key=True),
    sa.Column("claimant_id", sa.Text, nullable=False, index=True),
    sa.Column("role", sa.Text, nullable=False),
)
"""Who acts for which claimant today, and who only looks: a principal belongs to one claimant at most."""

claimant_invitations = sa.Table(
    "claimant_invitations",
    REGISTRY,
    sa.Column("invitation_id", sa.Text, primary_key=True),
    sa.Column("claimant_id", sa.Text, nullable=False),
    sa.Column("principal", sa.Text, index=True),
    sa.Column("token_hash", sa.Text),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
)
"""Invitations nobody has answered; of a one-time token only the hash (SHA-256, hex) is known here."""

claimant_profiles = sa.Table(
    "claimant_profiles",
    REGISTRY,
    sa.Column("claimant_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("salt", sa.Text, nullable=False),
    sa.Column("profile", JSONB, nullable=False),
    sa.Column("changed_by", sa.Text, nullable=False),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
)
"""Everything a claimant ever said of itself, from 1; the newest is also in `claimants`. Nothing is overwritten."""

certificate_revocations = sa.Table(
    "certificate_revocations",
    REGISTRY,
    sa.Column("claimant_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("number", sa.Text, primary_key=True),
    sa.Column("counts_from", sa.Date, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("salt", sa.Text, nullable=False),
)
"""Certificates that count no more from a day on, by their number as it is compared, and why."""

eligibility_reviews = sa.Table(
    "eligibility_reviews",
    REGISTRY,
    sa.Column("claimant_id", sa.Text, primary_key=True),
    sa.Column("rule", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("article", sa.Text, nullable=False),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("opened_by", sa.Text),
    sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("salt", sa.Text),
    sa.Column("closed_by", sa.Text),
    sa.Column("closed_at", sa.DateTime(timezone=True)),
)
"""Rules of art. 7 that wait for an officer (`open`), and what became of them: `pass`, `fail`, or `dropped`."""
sa.Index(
    "eligibility_reviews_open",
    eligibility_reviews.c.claimant_id,
    eligibility_reviews.c.rule,
    unique=True,
    postgresql_where=eligibility_reviews.c.state == sa.literal_column("'open'"),
)

related_party_declarations = sa.Table(
    "related_party_declarations",
    REGISTRY,
    sa.Column("claimant_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("parties", JSONB, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("salt", sa.Text, nullable=False),
    sa.Column("declared_by", sa.Text, nullable=False),
    sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
)
"""Whom a claimant names as related to it, each time completely; the newest counts."""

claimant_bank_accounts = sa.Table(
    "claimant_bank_accounts",
    REGISTRY,
    sa.Column("claimant_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("bank", sa.Text, nullable=False),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("changed_by", sa.Text, nullable=False),
    sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
)
"""Accounts for finance to see and for nothing else: in no event and no log. The newest counts, none is overwritten."""

access_records = sa.Table(
    "access_records",
    REGISTRY,
    sa.Column("record_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("principal", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("operation", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False, index=True),
    sa.Column("fields", ARRAY(sa.Text), nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
)
"""Who was shown which personal or confidential fields of whom, when, and by which operation; only ever added to."""

providers = sa.Table(
    "providers",
    REGISTRY,
    sa.Column("provider_id", sa.Text, primary_key=True),
    sa.Column("principal", sa.Text, nullable=False),
    sa.Column("credit_code", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("district", sa.Text, nullable=False),
    sa.Column("capabilities", JSONB, nullable=False),
    sa.Column("third_party_testing", sa.Boolean, nullable=False),
    sa.Column("salt", sa.Text, nullable=False),
    sa.Column("closed", sa.Boolean, nullable=False, server_default=sa.false()),
)
"""Institutions listed or applying. `closed` came to nothing or has left by its own notice: it may apply anew."""
sa.Index("providers_open_principal", providers.c.principal, unique=True, postgresql_where=~providers.c.closed)
sa.Index("providers_open_credit_code", providers.c.credit_code, unique=True, postgresql_where=~providers.c.closed)

provider_exits = sa.Table(
    "provider_exits",
    REGISTRY,
    sa.Column("provider_id", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("salt", sa.Text, nullable=False),
)
"""Why a provider leaves (art. 6 last paragraph), for itself and the office; `salt` belongs to the digest in the log."""

running_contracts = sa.Table(
    "running_contracts",
    REGISTRY,
    sa.Column("contract_id", sa.Text, primary_key=True),
    sa.Column("provider_id", sa.Text, nullable=False, index=True),
)
"""Local copy: which contracts were submitted and are not over; a provider leaves after them."""

condition_checks = sa.Table(
    "condition_checks",
    REGISTRY,
    sa.Column("provider_id", sa.Text, primary_key=True),
    sa.Column("condition", sa.Text, primary_key=True),
    sa.Column("remark", sa.Text, nullable=False),
)
"""What the officer wrote beside each condition of art. 6, for the applicant and the office."""

objections = sa.Table(
    "objections",
    REGISTRY,
    sa.Column("objection_id", sa.Text, primary_key=True),
    sa.Column("provider_id", sa.Text, nullable=False, index=True),
    sa.Column("objector", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("answer", sa.Text),
)
"""Objections in writing; who objected is never shown to the public."""

facilities = sa.Table(
    "facilities",
    REGISTRY,
    sa.Column("facility_id", sa.Text, primary_key=True),
    sa.Column("provider_id", sa.Text, nullable=False, index=True),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("site", sa.Text, nullable=False),
    sa.Column("service_norms", sa.Text, nullable=False),
    sa.Column("price_standard", sa.Text, nullable=False),
    sa.Column("withdrawn", sa.Boolean, nullable=False, server_default=sa.false()),
)
"""The public description of each facility; an asset number is open once a provider."""
sa.Index(
    "facilities_open_number",
    facilities.c.provider_id,
    facilities.c.number,
    unique=True,
    postgresql_where=~facilities.c.withdrawn,
)

facility_index = sa.Table(
    "facility_index",
    REGISTRY,
    sa.Column("facility_id", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("grams", ARRAY(sa.Text), nullable=False),
    sa.Index("facility_index_grams", "grams", postgresql_using="gin"),
)
"""By what a facility is found and compared: the digest of its description, the characters and pairs of its name.

Pairs rather than the extension pg_trgm: that needs three characters, and most Chinese words have two.
"""

facility_imports = sa.Table(
    "facility_imports",
    REGISTRY,
    sa.Column("import_id", sa.Text, primary_key=True),
    sa.Column("provider_id", sa.Text, nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
)
"""Files of facilities that came, and whether they are worked off."""

facility_import_portions = sa.Table(
    "facility_import_portions",
    REGISTRY,
    sa.Column("import_id", sa.Text, primary_key=True),
    sa.Column("portion", sa.Integer, primary_key=True),
    sa.Column("rows", BYTEA, nullable=False),
)
"""Rows of a file that are not worked off yet: JSON, compressed; gone with the transaction that has done them."""

facility_import_rows = sa.Table(
    "facility_import_rows",
    REGISTRY,
    sa.Column("import_id", sa.Text, primary_key=True),
    sa.Column("row", sa.Integer, primary_key=True),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("facility_id", sa.Text),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("column", sa.Text, nullable=False),
    sa.Index("facility_import_rows_number", "import_id", "number"),
)
"""What became of each row of a file; `code` and `column` say why one was refused."""

services = sa.Table(
    "services",
    REGISTRY,
    sa.Column("service_id", sa.Text, primary_key=True),
    sa.Column("facility_id", sa.Text, nullable=False, index=True),
    sa.Column("provider_id", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("withdrawn", sa.Boolean, nullable=False, server_default=sa.false()),
)
"""The public description of each service; the price is in the log."""

experts = sa.Table(
    "experts",
    REGISTRY,
    sa.Column("expert_id", sa.Text, primary_key=True),
    sa.Column("principal", sa.Text, nullable=False, unique=True),
)
"""Who is enrolled: a principal once."""

measure_change_reasons = sa.Table(
    "measure_change_reasons",
    REGISTRY,
    sa.Column("change_id", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("salt", sa.Text, nullable=False),
)
"""Why a parameter of the rules is to change, for the office; `salt` belongs to the digest in the log."""

sanctions = sa.Table(
    "sanctions",
    REGISTRY,
    sa.Column("sanction_id", sa.Text, primary_key=True),
    sa.Column("party_id", sa.Text, nullable=False, index=True),
    sa.Column("measure", sa.Text, nullable=False),
    sa.Column("grounds", sa.Text, nullable=False),
    sa.Column("salt", sa.Text, nullable=False),
    sa.Column("imposed_on", sa.Date),
    sa.Column("until", sa.Date),
    sa.Column("lifted", sa.Boolean, nullable=False, server_default=sa.false()),
)
"""Measures of art. 17 with their grounds; one without `imposed_on` is proposed only. `until` is inclusive."""
