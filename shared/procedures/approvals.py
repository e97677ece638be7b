"""Four eyes: what one person proposes, another person must approve."""

from shared.kernel.refusal import Reason


def four_eyes(*, proposed_by: str, approved_by: str, article: str) -> Reason | None:
    """Object when a principal approves what it proposed itself; `article` is the one the approval rests on.

    Pure, for use inside any decider: quota, sanctions, funding plans, disbursement.
    """
    if proposed_by != approved_by:
        return None
    return Reason(code="four-eyes", article=article, value=approved_by)
