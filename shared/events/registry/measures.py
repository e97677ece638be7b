"""How the rules change: a value of a parameter, proposed by one person and announced by another (reading 10)."""

from datetime import date

from shared.events.definition import event

type ParameterValue = int | bool | tuple[str, ...]
"""In the parameter's unit: money in fen, a share in per cent; codes are snake_case words."""


@event("registry.measure-change-proposed", key="parameter")
class MeasureChangeProposed:
    """An officer has proposed a new value of a parameter, in force from a day to come; nothing has changed yet.

    `article` and `quote` are the words it rests on; why it is proposed stays with the office.
    """

    change_id: str
    parameter: str
    pack: str
    value: ParameterValue
    first_day: date
    article: str
    quote: str
    reason_digest: str
    proposed_by: str
    on: date


@event("registry.measure-change-approved", key="parameter")
class MeasureChangeApproved:
    """Another person has approved a change, and so announced it: from its first day on the value governs.

    What was begun before that day stays under the value of its own day (reading 10).
    """

    change_id: str
    parameter: str
    pack: str
    value: ParameterValue
    first_day: date
    article: str
    quote: str
    proposed_by: str
    approved_by: str
    on: date


@event("registry.measure-change-withdrawn", key="parameter")
class MeasureChangeWithdrawn:
    """A change will not come into force; `announced` says whether it had been approved."""

    change_id: str
    parameter: str
    announced: bool
    withdrawn_by: str
    on: date
