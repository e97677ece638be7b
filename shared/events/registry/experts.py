"""Who judges, for whom nobody judges, and when."""

from dataclasses import dataclass
from datetime import date

from shared.events.definition import event


@event("registry.expert-enrolled", key="expert_id")
class ExpertEnrolled:
    """An expert may be drawn for reviews, but never to judge the own employer (art. 15(4))."""

    expert_id: str
    principal: str
    employer_id: str | None
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Days on which an expert is not drawn; both are included."""

    first_day: date
    last_day: date


@event("registry.expert-profile-changed", key="expert_id")
class ExpertProfileChanged:
    """From now on these are an expert's employers, fields and the most cases the expert judges at a time.

    The expert never judges a case of any employer; no `load_max` is no limit.
    """

    expert_id: str
    employers: tuple[str, ...]
    fields: tuple[str, ...]
    load_max: int | None
    on: date


@event("registry.expert-absences-changed", key="expert_id")
class ExpertAbsencesChanged:
    """From now on these are the days on which an expert is not drawn."""

    expert_id: str
    absences: tuple[Absence, ...]
    on: date
