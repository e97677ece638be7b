"""What issuance needs to know of a claimant: kind, certificates, bans. The registry owns the rest."""

from collections.abc import Collection, Mapping
from dataclasses import field
from datetime import date

from shared.events.registry.claimants import Certificate, ClaimantKind
from shared.events.registry.standing import Measure
from shared.kernel.decider import message

BARRING: frozenset[Measure] = frozenset({"disqualify", "delist"})
"""The measures of art. 17 that take the right to claim; suspending disbursement concerns payments only."""


@message
class Ban:
    """A sanction that bars from claiming, until a day (inclusive) or until lifted."""

    sanction_id: str
    until: date | None


@message
class Authorisation:
    """A channel that may claim for the claimant, from one day to another; both are included (art. 15(1))."""

    channel_id: str
    principal: str
    valid_from: date
    valid_until: date


@message
class Claimant:
    """A registered claimant."""

    claimant_id: str
    kind: ClaimantKind
    certificates: tuple[Certificate, ...]
    bans: tuple[Ban, ...]
    eligible: bool = True
    """False while the registry finds that a rule of art. 7 fails; what waits for a person bars nobody (art. 15(1))."""
    withheld: Mapping[str, bool] = field(default_factory=dict)
    """Who may not act for it any more, by principal: True for those who may still look."""
    district: str | None = None
    """The division code of an enterprise's district of registration; None where it is not known, or not in Beijing."""

    channels: tuple[Authorisation, ...] = ()
    """The channels it lets claim."""

    def channel_on(self, principal: str, day: date) -> str | None:
        """Name the channel that a principal may claim as on a day."""
        names = (
            given.channel_id
            for given in self.channels
            if given.principal == principal and given.valid_from <= day <= given.valid_until
        )
        return next(names, None)

    def is_certified(self, day: date, kinds: Collection[str]) -> bool:
        """Tell whether a certificate of one of these kinds is valid on a day; both its days are included."""
        for certificate in self.certificates:  # asked twice for every claim: a loop costs a third of a generator
            if certificate.kind in kinds and certificate.valid_from <= day <= certificate.valid_until:
                return True
        return False

    def ban_on(self, day: date) -> Ban | None:
        """Name the ban in force on a day, the longest if there are several."""
        if not self.bans:
            return None
        bans = [ban for ban in self.bans if ban.until is None or day <= ban.until]
        return max(bans, key=lambda ban: ban.until or date.max, default=None)
