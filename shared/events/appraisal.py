"""What appraisal tells the others: the yearly rounds in which providers' openness is judged (art. 11, 14)."""

from datetime import date

from shared.events.definition import event


@event("appraisal.round-proposed", key="round_id")
class RoundProposed:
    """An officer has proposed the appraisal of a year (art. 14(1))."""

    round_id: str
    year: int
    proposed_by: str
    on: date
    pack: str
    pack_digest: str


@event("appraisal.round-opened", key="round_id")
class RoundOpened:
    """A second officer has approved the round: providers' records of the year are gathered."""

    round_id: str
    year: int
    approved_by: str
    on: date
