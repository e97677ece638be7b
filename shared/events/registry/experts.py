"""Who judges."""

from datetime import date

from shared.events.definition import event


@event("registry.expert-enrolled", key="expert_id")
class ExpertEnrolled:
    """An expert may be drawn for reviews, but never to judge the own employer (art. 15(4))."""

    expert_id: str
    principal: str
    employer_id: str | None
    on: date
