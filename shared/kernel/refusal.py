"""A refusal on the merits: expected, explained, citable, and complete."""

from dataclasses import dataclass
from typing import Literal

type Conflict = Literal["rule", "state"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One rule that was not met.

    `code` is stable and kebab-case; `article` cites the Measures ("12", "15(2)") or the FAQ ("faq 6"); `value` is what
    failed and `limit` what it is held against; `parameter` names the measure whose value decided, where there is one.
    `within` says which part of it, where a command has several: `(0, "amount")` is the first one's amount. Texts for
    people, in both languages, belong to the catalogue of the HTTP layer, by code, as does what `within` begins from.
    """

    code: str
    article: str
    value: object = None
    limit: object = None
    parameter: str = ""
    kind: Conflict = "rule"
    within: tuple[int | str, ...] = ()


class Refused(Exception):  # noqa: N818 (a refusal is an outcome, not an error)
    """The rules do not allow the command; every reason is said at once, not only the first."""

    def __init__(self, *reasons: Reason) -> None:
        if not reasons:
            raise ValueError("a refusal names at least one reason")
        super().__init__(", ".join(f"{reason.code} (art. {reason.article})" for reason in reasons))
        self.reasons = reasons


def refuse(
    code: str,
    *,
    article: str,
    value: object = None,
    limit: object = None,
    parameter: str = "",
    kind: Conflict = "rule",
) -> Refused:
    """Make the common refusal with one reason; `kind="state"` is a conflict with what already happened."""
    return Refused(Reason(code=code, article=article, value=value, limit=limit, parameter=parameter, kind=kind))


def refuse_unless(*reasons: Reason | None) -> None:
    """Raise one refusal that carries every reason given; do nothing when there is none."""
    failed = tuple(reason for reason in reasons if reason is not None)
    if failed:
        raise Refused(*failed)
