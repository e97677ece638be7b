"""A partner region's list of accepting institutions: proposed by one person, approved by another (art. 19)."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Literal, assert_never

from services.registry.domain.credit_code import is_valid, normalised
from services.registry.domain.row_text import RowFault, texts_of
from shared.events.registry.recognition import (
    AcceptingInstitution,
    MutualListApproved,
    MutualListDropped,
    MutualListProposed,
    Region,
)
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import Reason, refuse, refuse_unless
from shared.procedures.approvals import four_eyes

ARTICLE = "19"
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "credit_code": ("credit_code", "统一社会信用代码"),
    "name": ("name", "名称", "单位名称", "机构名称"),
    "services": ("services", "服务内容", "服务类别"),
}
"""The columns of a partner's file, each with the headings it may have."""
_LENGTHS = {"name": (2, 200), "services": (1, 500)}


@message
class ProposeEdition:
    edition_id: str
    region: Region
    first_day: date
    institutions: tuple[AcceptingInstitution, ...]
    proposed_by: str
    on: date


@message
class ApproveEdition:
    """`institutions` are those that were kept when the edition was proposed."""

    edition_id: str
    institutions: tuple[AcceptingInstitution, ...]
    approved_by: str
    on: date


@message
class DropEdition:
    edition_id: str
    dropped_by: str
    on: date


@message
class Editions:
    """A region's list: the edition that waits for approval, and the first day of the latest approved one."""

    waiting: MutualListProposed | None = None
    latest_first_day: date | None = None


type Command = ProposeEdition | ApproveEdition | DropEdition
type Event = MutualListProposed | MutualListApproved | MutualListDropped
type Kind = Literal["added", "removed", "changed"]


@message
class Difference:
    """An institution on which two editions differ; `before` is None for a new one, `after` for one that is gone."""

    kind: Kind
    before: AcceptingInstitution | None
    after: AcceptingInstitution | None


def read_institution(cells: Mapping[str, str], *, formula: bool = False) -> AcceptingInstitution | RowFault:
    """Read the cells of a row by column; the first thing that is wrong refuses it."""
    said = texts_of(cells, COLUMNS, _LENGTHS, formula=formula)
    if isinstance(said, RowFault):
        return said
    code = normalised(said["credit_code"])
    if not is_valid(code):
        return RowFault(code="row-credit-code-invalid", column="credit_code")
    return AcceptingInstitution(credit_code=code, name=said["name"], services=said["services"])


def digest_of_list(institutions: Sequence[AcceptingInstitution]) -> str:
    """Digest a list, whatever its order: SHA-256 in hexadecimal."""
    rows = [asdict(each) for each in sorted(institutions, key=lambda each: each.credit_code)]
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def differences(
    before: Sequence[AcceptingInstitution], after: Sequence[AcceptingInstitution]
) -> tuple[Difference, ...]:
    """Say what an edition changes, by credit code."""
    old, new = ({each.credit_code: each for each in edition} for edition in (before, after))
    found: list[Difference] = []
    for code in sorted(old.keys() | new.keys()):
        was, now = old.get(code), new.get(code)
        if was == now:
            continue
        kind: Kind = "changed" if was and now else ("added" if now else "removed")
        found.append(Difference(kind=kind, before=was, after=now))
    return tuple(found)


def decide(command: Command, state: Editions) -> list[Event]:
    """Say what happens, or refuse and say which article refuses."""
    match command:
        case ProposeEdition():
            return [_proposed(command, state)]
        case ApproveEdition():
            return [_approved(command, _waiting(state, command.edition_id))]
        case DropEdition():
            waiting = _waiting(state, command.edition_id)
            return [
                MutualListDropped(
                    edition_id=waiting.edition_id, region=waiting.region, dropped_by=command.dropped_by, on=command.on
                )
            ]
    assert_never(command)


def evolve(state: Editions, event: Event) -> Editions:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    match event:
        case MutualListProposed():
            return Editions(waiting=event, latest_first_day=state.latest_first_day)
        case MutualListApproved(first_day=first_day):
            return Editions(latest_first_day=first_day)
        case MutualListDropped():
            return Editions(latest_first_day=state.latest_first_day)
    assert_never(event)


mutual_list: Decider[Command, Event, Editions] = Decider(decide, evolve, initial=Editions())


def _proposed(command: ProposeEdition, state: Editions) -> MutualListProposed:
    refuse_unless(
        Reason(code="edition-waits-for-approval", article=ARTICLE, value=state.waiting.edition_id, kind="state")
        if state.waiting is not None and state.waiting.first_day >= command.on
        else None,
        _day_is_over(command.first_day, command.on),
        Reason(code="edition-not-after-the-latest", article=ARTICLE, value=command.first_day,
               limit=state.latest_first_day)
        if state.latest_first_day is not None and command.first_day <= state.latest_first_day
        else None,
    )  # fmt: skip
    return MutualListProposed(
        edition_id=command.edition_id,
        region=command.region,
        first_day=command.first_day,
        institutions=len(command.institutions),
        list_digest=digest_of_list(command.institutions),
        proposed_by=command.proposed_by,
        on=command.on,
    )


def _approved(command: ApproveEdition, waiting: MutualListProposed) -> MutualListApproved:
    refuse_unless(
        four_eyes(proposed_by=waiting.proposed_by, approved_by=command.approved_by, article=ARTICLE),
        _day_is_over(waiting.first_day, command.on),
    )
    return MutualListApproved(
        edition_id=waiting.edition_id,
        region=waiting.region,
        first_day=waiting.first_day,
        institutions=command.institutions,
        list_digest=digest_of_list(command.institutions),
        proposed_by=waiting.proposed_by,
        approved_by=command.approved_by,
        on=command.on,
    )


def _waiting(state: Editions, edition_id: str) -> MutualListProposed:
    if state.waiting is None or state.waiting.edition_id != edition_id:
        raise refuse("edition-not-waiting", article=ARTICLE, value=edition_id, kind="state")
    return state.waiting


def _day_is_over(first_day: date, today: date) -> Reason | None:
    """Object to a list that would have been in force on a day that has begun: what was accepted then stays so."""
    if first_day > today:
        return None
    return Reason(code="edition-not-ahead", article=ARTICLE, value=first_day, limit=today)
