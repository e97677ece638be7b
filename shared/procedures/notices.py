"""Public notices: so many working days in the open, and nothing proceeds while an objection is."""

from dataclasses import replace
from datetime import date

from shared.kernel.calendar import Deadline, WorkingDays, working_days_after
from shared.kernel.decider import message
from shared.kernel.refusal import Reason, refuse, refuse_unless


@message
class Notice:
    """A notice as it stands: published `on`, open for objections up to and including `until`."""

    notice_id: str
    on: date
    until: date
    open_objections: tuple[str, ...] = ()
    upheld: bool = False

    def ran_its_length(self, today: date) -> bool:
        """Tell whether the last day of the notice is over."""
        return today > self.until


@message
class RaiseObjection:
    """Object to what a notice announces; the words stay with their owner, the fact has their digest."""

    objection_id: str
    text_digest: str
    on: date


@message
class AnswerObjection:
    """Answer an objection; an upheld one undoes what the notice announced."""

    objection_id: str
    upheld: bool
    answered_by: str
    on: date


def period_of_notice(on: date, working_days_count: int, working_days: WorkingDays) -> Deadline:
    """Name the last day of a notice published on a day, which itself is not counted (art. 14(5), reading 8)."""
    return working_days_after(on, working_days_count, working_days)


def check_objection(notice: Notice, on: date, *, article: str) -> None:
    """Refuse an objection that comes after the notice."""
    if notice.ran_its_length(on):
        raise refuse("notice-is-over", article=article, value=on, limit=notice.until, kind="state")


def objected(notice: Notice, objection_id: str) -> Notice:
    """Fold an objection in."""
    return replace(notice, open_objections=(*notice.open_objections, objection_id))


def check_answer(notice: Notice, objection_id: str, *, article: str) -> None:
    """Refuse the answer to an objection that is not open."""
    if objection_id not in notice.open_objections:
        raise refuse("objection-not-open", article=article, value=objection_id, kind="state")


def answered(notice: Notice, objection_id: str, *, upheld: bool) -> Notice:
    """Fold an answer in; an upheld objection undoes what the notice announced."""
    rest = tuple(other for other in notice.open_objections if other != objection_id)
    return replace(notice, open_objections=rest, upheld=notice.upheld or upheld)


def check_conclusion(notice: Notice, on: date, *, article: str) -> None:
    """Refuse to go on before the notice has run its full length, or while an objection is open."""
    refuse_unless(
        None
        if notice.ran_its_length(on)
        else Reason(code="notice-still-running", article=article, value=on, limit=notice.until, kind="state"),
        Reason(code="objection-open", article=article, value=tuple(notice.open_objections), kind="state")
        if notice.open_objections
        else None,
    )
