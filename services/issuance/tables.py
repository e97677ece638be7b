"""What issuance keeps beside its log: the sums that decide, and its copy of who may claim."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.database import metadata
from shared.procedures.acting import withheld_users
from shared.procedures.acting_by_channel import channel_authorisations, closed_channels
from shared.procedures.duties import appointed_users

ISSUANCE = metadata()

quotas = sa.Table(
    "quotas",
    ISSUANCE,
    sa.Column("period_id", sa.Text, primary_key=True),
    sa.Column("quota", sa.BigInteger, nullable=False),
    sa.Column("remaining", sa.BigInteger, nullable=False),
    sa.Column("issued", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("returned", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("claims", sa.Integer, nullable=False, server_default="0"),
    sa.Column("closed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("paused", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("revision", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("classes", JSONB(none_as_null=True)),
    sa.Column("class_rests", ARRAY(sa.BigInteger)),
    sa.Column("class_released", ARRAY(sa.BigInteger)),
    sa.Column("entries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("waiting", sa.Integer, nullable=False, server_default="0"),
    sa.Column("owed", sa.BigInteger, nullable=False, server_default="0"),
    sa.CheckConstraint("quota > 0", name="quota_positive"),
    sa.CheckConstraint("remaining >= 0", name="never_oversold"),
    sa.CheckConstraint("remaining = quota - issued + returned", name="conserved"),
    sa.CheckConstraint("0 <= owed AND owed <= remaining AND (owed = 0 OR waiting > 0)", name="owed_to_those_who_wait"),
    sa.CheckConstraint("issued >= 0 AND returned >= 0 AND returned <= issued AND claims >= 0", name="counts"),
)
"""One row a period from its first approval on: what it has left, in fen, and how many claims it has granted (art. 12).

Nobody takes from a row that is `closed` (over, withdrawn, or its approval void) or `paused`. Every change of a row
gives it a new `revision` (a trigger does), here and in `claimants`: a claim is written only where it is what was seen.
`entries` counts the places that entries were given, `waiting` those on the reserve list now, and `owed` is the part of
`remaining` that came back while somebody waited there: it is theirs, and no claim takes it.
Where the quota is divided, `class_rests` is what each of the `classes` of the plan has left of its own and
`class_released` what it left for everybody, both in the order of the plan; a check that the revision of quota classes
adds sees to it that no rest is negative and all of them together are there.
"""

entries = sa.Table(
    "entries",
    ISSUANCE,
    sa.Column("entry_id", sa.Text, primary_key=True),
    sa.Column("period_id", sa.Text, nullable=False),
    sa.Column("claimant_id", sa.Text, nullable=False),
    sa.Column("principal", sa.Text, nullable=False),
    sa.Column("way", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("or_less", sa.Boolean, nullable=False),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("drawn", sa.Integer),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Index("entries_waiting_idx", "period_id", "way", "place", postgresql_where=sa.text("stage = 'waiting'")),
    sa.Index("entries_drawn_idx", "period_id", "drawn", unique=True, postgresql_where=sa.text("drawn IS NOT NULL")),
    sa.Index("entries_own_idx", "claimant_id", "period_id", "place"),
    sa.Index("entries_one_idx", "period_id", "claimant_id", unique=True, postgresql_where=sa.text("stage = 'waiting'")),
    sa.CheckConstraint("way IN ('window', 'draw', 'reserve')", name="way"),
    sa.CheckConstraint("stage IN ('waiting', 'served', 'withdrawn', 'ended')", name="stage"),
)
"""Every entry and how far it has come; of a claimant one waits in a period. Changed only by who holds the quota's row.

`principal` is who asked for the claimant; `drawn` is the place in the draw, once there was one.
"""

draw_seeds = sa.Table(
    "draw_seeds",
    ISSUANCE,
    sa.Column("period_id", sa.Text, primary_key=True),
    sa.Column("seed", sa.Text, nullable=False),
)
"""The seed of each draw to come; the log has only its digest until the draw is held."""

allowances = sa.Table(
    "allowances",
    ISSUANCE,
    sa.Column("claimant_id", sa.Text, primary_key=True),
    sa.Column("year", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("ceiling", sa.BigInteger, nullable=False),
    sa.Column("reserved", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("spent", sa.BigInteger, nullable=False, server_default="0"),
    sa.CheckConstraint("reserved >= 0 AND spent >= 0", name="never_negative"),
    sa.CheckConstraint("reserved + spent <= ceiling", name="within_allowance"),
)
"""One row a claimant and year of claim, in fen; `ceiling` is the allowance that held at the last granted claim."""

kept_claims = sa.Table(
    "kept_claims",
    ISSUANCE,
    sa.Column("name", sa.Uuid, primary_key=True),
    sa.Column("request", sa.Uuid),
    sa.Column("position", sa.BigInteger),
    sa.Column("status", sa.SmallInteger),
    sa.Column("headers", JSONB(none_as_null=True)),
    sa.Column("body", sa.LargeBinary),
    sa.Column("recorded_at", sa.DateTime(timezone=True)),
    sa.CheckConstraint("(position IS NULL) <> (recorded_at IS NULL)", name="in_the_log_or_here"),
    sa.CheckConstraint(
        "CASE WHEN request IS NULL THEN position IS NULL ELSE position IS NOT NULL OR body IS NOT NULL END",
        name="whole",
    ),
)
"""What every key of a claim stands for, once it stands for something; nothing in it ever changes.

`name` is whose key it is and which, `request` what was asked under it, each half of a SHA-256. Of a granted claim there
is the `position` of its event, from which its answer is written again; one that was answered before this was so has its
bytes beside it. A refusal has its bytes. A key that was closed before anything came under it has no `request`.
"""

contract_providers = sa.Table(
    "contract_providers",
    ISSUANCE,
    sa.Column("contract_id", sa.Text, primary_key=True),
    sa.Column("provider_id", sa.Text, nullable=False),
)
"""Local copy of who is to be paid for a contract: whose the exposure is."""

ledger_proofs = sa.Table(
    "ledger_proofs",
    ISSUANCE,
    sa.Column("night", sa.Date, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("cursor", JSONB, nullable=False),
    sa.Column("events", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("compared", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("moving", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("differences", sa.Integer, nullable=False, server_default="0"),
    sa.Column("first_differences", JSONB, nullable=False),
    sa.Column("sums", JSONB, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.CheckConstraint("state IN ('running', 'proved', 'differs')", name="state"),
)
"""One row a night: the proof that every balance equals the log up to `position`, and how far it has come.

`sums` are the balances counted from the log, by period, year and account: the closing that later balances start from.
`digest` chains what was read. `moving` counts rows whose subject changed while they were looked at.
"""

claimants = sa.Table(
    "claimants",
    ISSUANCE,
    sa.Column("claimant_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("certificates", JSONB, nullable=False),
    sa.Column("district", sa.Text),
    sa.Column("eligible", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("revision", sa.BigInteger, nullable=False, server_default="0"),
)
"""Local copy of the registry's claimants, as far as a claim is decided by them."""

pseudonym_keys = sa.Table(
    "pseudonym_keys",
    ISSUANCE,
    sa.Column("period_id", sa.Text, primary_key=True),
    sa.Column("key", sa.LargeBinary, nullable=False),
)
"""The secret of each closed period, from which the names in its public order list are made; it is in no event."""

waiting_rooms = sa.Table(
    "waiting_rooms",
    ISSUANCE,
    sa.Column("period_id", sa.Text, primary_key=True),
    sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("spacing", sa.Interval, nullable=False),
    sa.Column("next_slot", sa.DateTime(timezone=True), nullable=False),
    sa.Column("places", sa.Integer, nullable=False, server_default="0"),
    sa.Column("shut", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.CheckConstraint("places >= 0 AND spacing > interval '0'", name="moves_forward"),
)
"""One row a period with a waiting room: how many places were given, and when the next one would let in.

`opens_at` (of the race: the period's, or the end of its draw) and `spacing` are those of the approved plan. From a row
that is `shut` nobody takes a place.
"""

entry_tickets = sa.Table(
    "entry_tickets",
    ISSUANCE,
    sa.Column("ticket_id", sa.Text, primary_key=True),
    sa.Column("period_id", sa.Text, nullable=False),
    sa.Column("claimant_id", sa.Text, nullable=False),
    sa.Column("principal", sa.Text, nullable=False),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("admits_from", sa.DateTime(timezone=True), nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("period_id", "place", name="one_ticket_a_place"),
    sa.Index("entry_tickets_of_claimant", "claimant_id", "period_id", "place"),
)
"""Every place that was given in a waiting room, to which user of which company, and when it may be used."""

spent_challenges = sa.Table(
    "spent_challenges",
    ISSUANCE,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, index=True),
)
"""Answers to challenges that have let somebody in, until they expire by themselves."""

withheld = withheld_users(ISSUANCE)
"""Local copy of the users who may no longer claim for a claimant."""

authorisations = channel_authorisations(ISSUANCE)
closed = closed_channels(ISSUANCE)
"""Local copies: which channels may claim for which claimants, and which channels act for nobody any more."""

appointed = appointed_users(ISSUANCE)
"""Local copy of who is appointed to which duties of the office."""

period_writers = sa.Table(
    "period_writers",
    ISSUANCE,
    sa.Column("period_id", sa.Text, primary_key=True),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("since", sa.DateTime(timezone=True), nullable=False),
)
"""Where the instance was that last became the writer of a period; whether it still is, its advisory lock tells."""

bans = sa.Table(
    "bans",
    ISSUANCE,
    sa.Column("sanction_id", sa.Text, primary_key=True),
    sa.Column("claimant_id", sa.Text, nullable=False, index=True),
    sa.Column("until", sa.Date),
)
"""Local copy of the sanctions that bar a claimant; a lifted one is gone."""
