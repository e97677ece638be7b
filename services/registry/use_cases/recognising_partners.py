"""Tianjin's and Hebei's lists of accepting institutions come in, are compared, and replace the former (art. 19)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

import sqlalchemy as sa

from services.registry.domain.mutual_recognition import (
    ARTICLE,
    ApproveEdition,
    DropEdition,
    Editions,
    Event,
    ProposeEdition,
    mutual_list,
    read_institution,
)
from services.registry.domain.row_text import RowFault
from services.registry.files.reading import FileRow
from services.registry.recognition_tables import mutual_editions, mutual_entries
from shared.events.registry.recognition import AcceptingInstitution, MutualListApproved, Region
from shared.kernel.refusal import refuse
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

ROWS_MAX = 1_000
"""Above any region's list so far, and well below what one event may carry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRefused:
    """Why a row of a partner's file was left out; while there is one, nothing is proposed."""

    row: int
    credit_code: str
    code: str
    column: str


def stream_of_region(region: Region) -> str:
    """Name the stream of a region's list: its editions follow one another."""
    return f"mutual-list-{region}"


def read_list(rows: Sequence[FileRow]) -> tuple[tuple[AcceptingInstitution, ...], tuple[RowRefused, ...]]:
    """Read a partner's file: its institutions, and the rows that name none or one twice."""
    if len(rows) > ROWS_MAX:
        raise refuse("import-too-many-rows", article=ARTICLE, limit=ROWS_MAX)
    good: dict[str, AcceptingInstitution] = {}
    bad: list[RowRefused] = []
    for row in rows:
        found = read_institution(row.cells, formula=row.formula)
        if isinstance(found, AcceptingInstitution) and found.credit_code in good:
            found = RowFault(code="row-institution-twice", column="credit_code")
        if isinstance(found, RowFault):
            code = row.cells.get("credit_code", "")[:40]
            bad.append(RowRefused(row=row.row, credit_code=code, code=found.code, column=found.column))
        else:
            good[found.credit_code] = found
    return tuple(good.values()), tuple(bad)


async def propose(
    tx: Transaction, edition_id: str, region: Region, first_day: date,
    institutions: tuple[AcceptingInstitution, ...], principal: str,
) -> Handled[Event, Editions]:  # fmt: skip
    """Propose an edition; who proposes may be an officer with the partner's file, or the partner itself."""
    command = ProposeEdition(
        edition_id=edition_id, region=region, first_day=first_day, institutions=institutions, proposed_by=principal,
        on=tx.today,
    )  # fmt: skip
    handled = await tx.handle(mutual_list, stream_of_region(region), command)
    await tx.connection.execute(
        sa.insert(mutual_editions).values(
            edition_id=edition_id, region=region, first_day=first_day, proposed_by=principal, proposed_on=tx.today
        )
    )
    rows = [{"edition_id": edition_id, **asdict(each)} for each in institutions]
    await tx.connection.execute(sa.insert(mutual_entries), rows)
    return handled


async def approve(tx: Transaction, edition_id: str, approver: str, *, if_match: int | None) -> Handled[Event, Editions]:
    """Approve an edition as another person; from its first day on it is the region's list."""
    region = await region_of(tx, edition_id)
    institutions = await institutions_of(tx, edition_id)
    command = ApproveEdition(edition_id=edition_id, institutions=institutions, approved_by=approver, on=tx.today)
    handled = await tx.handle(mutual_list, stream_of_region(region), command, if_match=if_match)
    if any(isinstance(event, MutualListApproved) for event in handled.events):
        await _note(tx, edition_id, approved_by=approver, approved_on=tx.today)
    return handled


async def drop(tx: Transaction, edition_id: str, officer: str, *, if_match: int | None) -> Handled[Event, Editions]:
    """Let a proposed edition come to nothing."""
    region = await region_of(tx, edition_id)
    command = DropEdition(edition_id=edition_id, dropped_by=officer, on=tx.today)
    handled = await tx.handle(mutual_list, stream_of_region(region), command, if_match=if_match)
    await _note(tx, edition_id, dropped_by=officer, dropped_on=tx.today)
    return handled


async def region_of(tx: Transaction, edition_id: str) -> Region:
    """Give an edition's region; UnknownSubjectError when there is no such edition."""
    found = await tx.connection.execute(
        sa.select(mutual_editions.c.region).where(mutual_editions.c.edition_id == edition_id)
    )
    region: Region | None = found.scalar_one_or_none()
    if region is None:
        raise UnknownSubjectError(edition_id)
    return region


async def institutions_of(tx: Transaction, edition_id: str | None) -> tuple[AcceptingInstitution, ...]:
    """Give an edition's institutions by credit code; none for no edition."""
    entries = mutual_entries.c
    found = await tx.connection.execute(
        sa.select(entries.credit_code, entries.name, entries.services)
        .where(entries.edition_id == edition_id)
        .order_by(entries.credit_code)
    )
    return tuple(AcceptingInstitution(credit_code=code, name=name, services=text) for code, name, text in found)


async def edition_on(tx: Transaction, region: Region, day: date, *, besides: str = "") -> str | None:
    """Name the edition that is a region's list on a day, or was, or will be; None before the first."""
    editions = mutual_editions.c
    found = await tx.connection.execute(
        sa.select(editions.edition_id)
        .where(
            editions.region == region,
            editions.approved_on.is_not(None),
            editions.first_day <= day,
            editions.edition_id != besides,
        )
        .order_by(editions.first_day.desc())
        .limit(1)
    )
    return found.scalar_one_or_none()


async def _note(tx: Transaction, edition_id: str, **what: object) -> None:
    statement = sa.update(mutual_editions).where(mutual_editions.c.edition_id == edition_id)
    await tx.connection.execute(statement.values(what))
