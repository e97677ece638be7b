"""Thousands of facilities at once: kept as a job, worked off in portions, each row with its own outcome (art. 5, 6)."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from services.registry.domain.facility import ChangeFacility, OpenFacility, State, Unopened, facility
from services.registry.domain.facility_row import FacilityDetails, read_row
from services.registry.domain.row_text import RowFault
from services.registry.tables import (
    facilities,
    facility_import_portions,
    facility_import_rows,
    facility_imports,
    facility_index,
)
from services.registry.use_cases.describing_facilities import describe_anew, described, indexed
from services.registry.use_cases.loading_many import load_many
from services.registry.use_cases.owning import Standing, own_provider, standing_of
from services.registry.use_cases.streams import stream_of
from shared.kernel.ids import new_id
from shared.kernel.refusal import Reason, Refused, refuse_unless
from shared.procedures.due import set_deadline
from shared.store.transaction import Transaction, UnknownSubjectError

IMPORT_GOES_ON = "facility-import-goes-on"
PORTION = 500
type Result = Literal["created", "changed", "unchanged", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """A row as it came: its number in the file, its cells by column, and whether one is a formula."""

    row: int
    cells: Mapping[str, str]
    formula: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a row; `code` and `column` say why it was refused."""

    row: int
    number: str
    result: Result
    facility_id: str | None = None
    code: str = ""
    column: str = ""


async def provider_of_import(tx: Transaction, principal: str, provider_id: str | None, *, officer: bool) -> str:
    """Name the provider whose facilities come: the principal's own, or any for an officer; it must be on the list."""
    if officer:
        standing = await standing_of(tx, provider_id or "")
    else:
        standing = await own_provider(tx, principal)
        if provider_id not in {None, standing.provider_id}:
            raise UnknownSubjectError(provider_id)
    refuse_unless(
        None if standing.listed else Reason(code="provider-not-listed", article="6", kind="state"),
        Reason(code="party-barred", article="17", kind="state") if standing.barred else None,
    )
    return standing.provider_id


def portions_of(rows: Sequence[ImportRow]) -> list[bytes]:
    """Pack rows for keeping, 500 to a portion; done before the transaction, because it takes a moment."""
    return [
        zlib.compress(msgspec.json.encode([(row.row, row.cells, row.formula) for row in rows[at : at + PORTION]]), 1)
        for at in range(0, len(rows), PORTION)
    ]


async def keep_import(
    tx: Transaction, import_id: str, provider_id: str, principal: str, portions: Sequence[bytes], rows: int
) -> None:
    """Keep the rows of a file and have them worked off at once, portion by portion."""
    await tx.connection.execute(
        sa.insert(facility_imports).values(
            import_id=import_id, provider_id=provider_id, requested_by=principal, started_at=tx.now, rows=rows
        )
    )
    kept = [{"import_id": import_id, "portion": number, "rows": part} for number, part in enumerate(portions)]
    await tx.connection.execute(sa.insert(facility_import_portions), kept)
    await set_deadline(tx, IMPORT_GOES_ON, import_id, tx.now)


async def go_on_with_import(tx: Transaction, import_id: str) -> None:
    """Work off the next portion of a job; what is left is due at once."""
    job = (
        await tx.connection.execute(
            sa.select(facility_imports.c.provider_id).where(facility_imports.c.import_id == import_id).with_for_update()
        )
    ).one()
    of_job = facility_import_portions.c.import_id == import_id
    portions = (
        await tx.connection.execute(
            sa.select(facility_import_portions.c.portion, facility_import_portions.c.rows)
            .where(of_job)
            .order_by(facility_import_portions.c.portion)
            .limit(2)
        )
    ).all()
    if not portions:
        return
    number, packed = portions[0]
    rows = [
        ImportRow(row=row, cells=cells, formula=formula)
        for row, cells, formula in msgspec.json.decode(zlib.decompress(packed))
    ]
    outcomes = await import_rows(tx, job.provider_id, rows, import_id)
    await tx.connection.execute(
        sa.insert(facility_import_rows),
        [
            {"import_id": import_id, "row": each.row, "number": each.number, "result": each.result,
             "facility_id": each.facility_id, "code": each.code, "column": each.column}
            for each in outcomes
        ],
    )  # fmt: skip
    await tx.connection.execute(
        sa.delete(facility_import_portions).where(of_job, facility_import_portions.c.portion == number)
    )
    if len(portions) > 1:
        await set_deadline(tx, IMPORT_GOES_ON, import_id, tx.now)
    else:
        done = sa.update(facility_imports).where(facility_imports.c.import_id == import_id)
        await tx.connection.execute(done.values(finished_at=tx.now))


async def import_rows(
    tx: Transaction, provider_id: str, rows: Sequence[ImportRow], import_id: str | None = None
) -> list[Outcome]:
    """Open what is new, change what differs, leave what is the same; a row that is refused changes nothing.

    `import_id` is the job the rows belong to: a number that an earlier row of it has named is refused.
    """
    standing = await standing_of(tx, provider_id)
    read = [(row, read_row(row.cells, formula=row.formula)) for row in rows]
    numbers = {found.number for _, found in read if isinstance(found, FacilityDetails)}
    known = await _known(tx, provider_id, numbers)
    differing = [
        known[found.number][0]
        for _, found in read
        if isinstance(found, FacilityDetails) and found.number in known and known[found.number][1] != found.digest
    ]
    states = await _states(tx, differing)
    named = await _named_before(tx, import_id, numbers)
    batch = _Batch(tx, standing, known, states, named)
    outcomes = [batch.take(row, found) for row, found in read]
    await batch.write()
    return outcomes


class _Batch:
    """The rows of one portion, decided one by one and written together."""

    def __init__(
        self, tx: Transaction, standing: Standing, known: Mapping[str, tuple[str, str | None]],
        states: Mapping[str, tuple[State, int]], named: set[str],
    ) -> None:  # fmt: skip
        self._tx, self._standing, self._known, self._states, self._named = tx, standing, known, states, named
        self._new: list[tuple[str, FacilityDetails]] = []
        self._changed: list[tuple[str, FacilityDetails]] = []

    def take(self, row: ImportRow, found: FacilityDetails | RowFault) -> Outcome:
        """Decide on one row."""
        number = row.cells.get("number", "")[:40]
        if isinstance(found, RowFault):
            return Outcome(row=row.row, number=number, result="refused", code=found.code, column=found.column)
        if found.number in self._named:
            return Outcome(row=row.row, number=number, result="refused", code="row-number-twice", column="number")
        self._named.add(found.number)
        facility_id, digest = self._known.get(found.number, (None, None))
        if facility_id is not None and digest == found.digest:
            return Outcome(row=row.row, number=number, result="unchanged", facility_id=facility_id)
        try:
            if facility_id is None:
                return Outcome(row=row.row, number=number, result="created", facility_id=self._open(found))
            self._change(facility_id, found)
        except Refused as refused:
            return Outcome(row=row.row, number=number, result="refused", code=refused.reasons[0].code)
        return Outcome(row=row.row, number=number, result="changed", facility_id=facility_id)

    def _open(self, details: FacilityDetails) -> str:
        facility_id = new_id("fac", self._tx.now)
        command = OpenFacility(
            facility_id=facility_id,
            provider_id=self._standing.provider_id,
            provider_listed=self._standing.listed,
            provider_barred=self._standing.barred,
            kind=details.kind,
            original_value=details.original_value,
            on=self._tx.today,
        )
        self._tx.append(stream_of(facility_id, "fac"), 0, facility.decide(command, Unopened()))
        self._new.append((facility_id, details))
        return facility_id

    def _change(self, facility_id: str, details: FacilityDetails) -> None:
        state, version = self._states[facility_id]
        command = ChangeFacility(
            provider_listed=self._standing.listed,
            provider_barred=self._standing.barred,
            kind=details.kind,
            original_value=details.original_value,
            description_digest=details.digest,
            on=self._tx.today,
        )
        self._tx.append(stream_of(facility_id, "fac"), version, facility.decide(command, state))
        self._changed.append((facility_id, details))

    async def write(self) -> None:
        """Write the descriptions of what was opened and changed."""
        connection, provider_id = self._tx.connection, self._standing.provider_id
        if self._new:
            opened = [described(each, provider_id, details) for each, details in self._new]
            await connection.execute(sa.insert(facilities), opened)
            await connection.execute(sa.insert(facility_index), [indexed(each, what) for each, what in self._new])
        for facility_id, details in self._changed:
            await describe_anew(self._tx, facility_id, provider_id, details)


async def _known(tx: Transaction, provider_id: str, numbers: Iterable[str]) -> dict[str, tuple[str, str | None]]:
    """Find the open facilities with these asset numbers, each with the digest of its description."""
    found = await tx.connection.execute(
        sa.select(facilities.c.number, facilities.c.facility_id, facility_index.c.digest)
        .outerjoin(facility_index, facility_index.c.facility_id == facilities.c.facility_id)
        .where(
            facilities.c.provider_id == provider_id,
            ~facilities.c.withdrawn,
            facilities.c.number == sa.any_(_texts(numbers)),
        )
    )
    return {number: (facility_id, digest) for number, facility_id, digest in found}


async def _states(tx: Transaction, facility_ids: Sequence[str]) -> dict[str, tuple[State, int]]:
    """Fold the streams of many facilities, read at once; each with its version."""
    by_stream = {stream_of(facility_id, "fac"): facility_id for facility_id in facility_ids}
    loaded = await load_many(tx, facility, by_stream)
    return {by_stream[stream]: (each.state, each.version) for stream, each in loaded.items()}


async def _named_before(tx: Transaction, import_id: str | None, numbers: Iterable[str]) -> set[str]:
    if import_id is None:
        return set()
    found = await tx.connection.execute(
        sa.select(facility_import_rows.c.number).where(
            facility_import_rows.c.import_id == import_id,
            facility_import_rows.c.result != "refused",
            facility_import_rows.c.number == sa.any_(_texts(numbers)),
        )
    )
    return set(found.scalars())


def _texts(values: Iterable[str]) -> sa.BindParameter[Any]:
    return sa.bindparam(None, list(values), sa.ARRAY(sa.Text))
