"""What PostgreSQL promises the line of claims, in memory: tables, locks and the one statement; each step is whole."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

import asyncpg

from services.issuance import claimants as standings
from services.issuance.domain.claimant import Claimant
from services.issuance.domain.classes import UNDIVIDED, Parts, ReleaseParts, as_of, class_release
from services.issuance.intake import answers, book, latch, ownership, writing
from services.issuance.intake.answers import Kept
from shared.events.codec import decode, encode, stored_type
from shared.events.issuance.periods import PeriodPaused, PeriodResumed, QuotaClass
from shared.events.issuance.quotas import QuotaReturned
from shared.events.issuance.vouchers import VoucherCancelled, VoucherClaimed

type Row = tuple[Any, ...]


@dataclass(slots=True)
class Entry:
    """One event of the log; its position is its place in it."""

    stream: str
    version: int
    fact: Any


@dataclass(slots=True)
class Quota:
    """The deciding row of a period, in fen."""

    quota: int
    remaining: int
    issued: int = 0
    returned: int = 0
    claims: int = 0
    paused: bool = False
    revision: int = 0
    classes: tuple[QuotaClass, ...] = ()
    parts: Parts = UNDIVIDED


@dataclass(slots=True)
class Tables:
    """The tables that a batch of claims reads and writes."""

    period_id: str
    quota: Quota
    log: list[Entry] = field(default_factory=list)
    claimants: dict[str, tuple[Claimant, int]] = field(default_factory=dict)
    counted: dict[tuple[str, int], int] = field(default_factory=dict)
    holdings: dict[str, str] = field(default_factory=dict)
    kept: dict[str, Kept] = field(default_factory=dict)
    writer: object = None
    address: str = ""
    _revisions: int = 0

    def append(self, stream: str, fact: object, version: int | None = None) -> int:
        """Append a fact at the end, or at `version` of its stream; UniqueViolationError when that is taken."""
        last = self.version_of(stream)
        if version is not None and version != last + 1:
            raise asyncpg.UniqueViolationError(f"{stream} has a version {version}")
        self.log.append(Entry(stream, last + 1, fact))
        return len(self.log)

    def version_of(self, stream: str) -> int:
        """Give the last version of a stream; 0 when there is none."""
        return max((entry.version for entry in self.log if entry.stream == stream), default=0)

    def next_revision(self) -> int:
        """Number a change of a row that batches rest on."""
        self._revisions += 1
        return self._revisions

    # What other transactions do meanwhile, each whole.

    def give_back(self, voucher_id: str) -> None:
        """Cancel a voucher; its money returns to the year and to the period."""
        claimed = next(e.fact for e in self.log if e.stream == f"voucher-{voucher_id}")
        self.append(
            f"voucher-{voucher_id}",
            VoucherCancelled(
                voucher_id=voucher_id,
                period_id=self.period_id,
                claimant_id=claimed.claimant_id,
                year=claimed.year,
                amount=claimed.amount,
                released=claimed.amount,
                on=claimed.on,
            ),
        )
        self.counted[claimed.claimant_id, claimed.year] -= claimed.amount
        del self.holdings[voucher_id]
        self.quota.remaining += claimed.amount
        self.quota.returned += claimed.amount
        self.quota.revision = self.next_revision()
        returned = QuotaReturned(period_id=self.period_id, voucher_id=voucher_id, amount=claimed.amount, on=claimed.on)
        self.append(f"period-{self.period_id}", returned)

    def turn_pause(self, at: datetime) -> None:
        """Pause the period, or resume it."""
        self.quota.paused = not self.quota.paused
        self.quota.revision = self.next_revision()
        fact = (
            PeriodPaused(period_id=self.period_id, reason="?", paused_by="officer-li", at=at)
            if self.quota.paused
            else PeriodResumed(period_id=self.period_id, reason="?", resumed_by="officer-li", at=at)
        )
        self.append(f"period-{self.period_id}", fact)

    def release(self, at: datetime) -> None:
        """Write down what classes have left whose time is over, as the due list does."""
        parts = as_of(self.quota.parts, self.quota.classes, at)
        if parts != self.quota.parts:
            self.quota.parts = parts
            self.quota.revision = self.next_revision()
        stream = f"classes-{self.period_id}"
        told = class_release.fold([entry.fact for entry in self.log if entry.stream == stream])
        release = ReleaseParts(period_id=self.period_id, classes=self.quota.classes, released=parts.released, at=at)
        for fact in class_release.decide(release, told):
            self.append(stream, fact)

    def renew_standing(self, claimant_id: str, *, eligible: bool) -> None:
        """Judge a claimant anew."""
        claimant, _ = self.claimants[claimant_id]
        self.claimants[claimant_id] = replace(claimant, eligible=eligible), self.next_revision()

    # What the line of claims says.

    def answer(self, connection: object, statement: str, arguments: Sequence[Any]) -> list[Row]:  # noqa: PLR0911 (a statement each)
        """Do what a statement of the intake says, whole or not at all."""
        match statement:
            case ownership._HOLD:
                return [self._hold(connection, arguments[1])]
            case ownership._EVICT:
                return self._evict(connection)
            case book._PERIOD:
                return self._period()
            case standings._STANDINGS:
                return self._standings(arguments[0])
            case book._YEARS:
                return [(name, year, fen) for (name, year), fen in self.counted.items() if name in arguments[0]]
            case answers._ANSWERS:
                asked = enumerate(arguments[0], start=1)
                return [(number, *self._kept(self.kept[name])) for number, name in asked if name in self.kept]
            case latch._WON:
                won = sorted(name for name, kept in self.kept.items() if kept.position)
                return [(name,) for name in won if name > arguments[1]][: arguments[2]]
            case writing._WRITE:
                return [self._write(Written(*arguments))]
            case _:
                raise AssertionError(f"nobody here knows this statement: {statement}")

    def _kept(self, kept: Kept) -> Kept:
        """Find the fact of what was granted."""
        if not kept.position:
            return kept
        fact = self.log[kept.position - 1].fact
        return kept._replace(type=stored_type(fact), data=encode(fact).decode())

    def _hold(self, connection: object, address: str) -> Row:
        if self.writer is None:
            self.writer = connection
        if self.writer is connection:
            self.address = address
        return self.writer is connection, self.address

    def _evict(self, connection: object) -> list[Row]:
        held, self.writer = self.writer, None
        if held is not None and held is not connection:
            held.cut()  # type: ignore[attr-defined]
        return []

    def _period(self) -> list[Row]:
        quota = self.quota
        return [
            _Named(
                type=stored_type(entry.fact),
                data=encode(entry.fact).decode(),
                version=entry.version,
                remaining=quota.remaining,
                owed=0,
                waiting=0,
                claims=quota.claims,
                revision=quota.revision,
                class_rests=list(quota.parts.rests) or None,
                class_released=list(quota.parts.released) or None,
            )
            for entry in self.log
            if entry.stream == f"period-{self.period_id}"
        ]

    def _standings(self, names: Sequence[str]) -> list[Row]:
        return [
            (name, found.kind, "[]", found.eligible, revision, None, None, found.district, None)
            for name, (found, revision) in self.claimants.items()
            if name in names
        ]

    def _write(self, batch: "Written") -> Row:
        """Write a batch as write_claims.sql promises to."""
        texts = (batch.asking, batch.bodies, batch.payloads, batch.metadatas)
        if any("\\u0000" in text for text in texts):
            raise asyncpg.UntranslatableCharacterError("unsupported Unicode escape sequence")
        names = _texts(batch.keys)
        if known := [number for number, name in enumerate(names, start=1) if name in self.kept]:
            return "known", None, None, known
        now = [self.claimants[name][1] if name in self.claimants else -1 for name in _texts(batch.asking)]
        if changed := _unlike(now, batch.standings):
            return "stale_claimant", None, None, changed
        whose = list(zip(_texts(batch.holders), batch.years, strict=True))
        if changed := _unlike([self.counted.get(year, 0) for year in whose], batch.held):
            return "stale_allowance", None, None, changed
        if batch.granted and not self._is_current(batch):
            return "stale_period", None, None, None
        position = self._grant(batch, whose) if batch.granted else 0
        self._keep(batch, names, position - batch.granted - (batch.end_type is not None) + 1)
        return "written", position, self.quota.revision, None

    def _is_current(self, batch: "Written") -> bool:
        quota = self.quota
        return quota.revision == batch.revision and not quota.paused and quota.remaining >= batch.taken

    def _grant(self, batch: "Written", whose: Sequence[tuple[str, int]]) -> int:
        """Post the awards and append them; say where the last event stands."""
        period = f"period-{batch.period}"
        if batch.end_version is not None and batch.end_version != self.version_of(period) + 1:
            raise asyncpg.UniqueViolationError(f"{period} has a version {batch.end_version}")
        self.quota.remaining -= batch.taken
        self.quota.issued += batch.taken
        self.quota.claims += batch.granted
        if batch.rests is not None and batch.released is not None:
            self.quota.parts = Parts(rests=tuple(batch.rests), released=tuple(batch.released))
        parts = self.quota.parts
        assert min(parts.rests, default=0) >= 0 <= self.quota.remaining - sum(parts.rests), "quotas_parts"
        self.quota.revision = self.next_revision()
        for year, fen, ceiling in zip(whose, batch.added, batch.ceilings, strict=True):
            if fen:
                self.counted[year] = self.counted.get(year, 0) + fen
                assert self.counted[year] <= ceiling, "allowances_within_ceiling"
        self.holdings |= dict(zip(_texts(batch.vouchers), _texts(batch.owners), strict=True))
        for voucher_id, payload in zip(_texts(batch.vouchers), _texts(batch.payloads), strict=True):
            self.append(f"voucher-{voucher_id}", decode(batch.event_type, payload), 1)
        if batch.end_type is not None and batch.end_payload is not None:
            self.append(period, decode(batch.end_type, batch.end_payload), batch.end_version)
        return len(self.log)

    def _keep(self, batch: "Written", names: Sequence[str], first: int) -> None:
        requests = _texts(batch.requests)
        for number in range(batch.granted):
            self.kept[names[number]] = Kept(requests[number], 0, "", None, first + number, "", "")
        told = zip(batch.statuses, _texts(batch.headers), _texts(batch.bodies), strict=True)
        for number, (status, head, body) in enumerate(told, start=batch.granted):
            self.kept[names[number]] = Kept(requests[number], status, head, body.encode(), 0, "", "")

    def claimed(self) -> list[tuple[int, VoucherClaimed]]:
        """List the grants of the log with their positions."""
        return [(at, e.fact) for at, e in enumerate(self.log, start=1) if isinstance(e.fact, VoucherClaimed)]


@dataclass(frozen=True, slots=True)
class Written:
    """What the one statement is told, in its order."""

    period: str
    revision: int
    taken: int
    granted: int
    rests: Sequence[int] | None
    released: Sequence[int] | None
    asking: str
    standings: Sequence[int]
    holders: str
    years: Sequence[int]
    held: Sequence[int]
    added: Sequence[int]
    ceilings: Sequence[int]
    vouchers: str
    owners: str
    event_type: str
    payloads: str
    metadatas: str
    end_type: str | None
    end_payload: str | None
    end_version: int | None
    keys: str
    requests: str
    statuses: Sequence[int]
    headers: str
    bodies: str
    at: datetime


class _Named(tuple[Any, ...]):  # noqa: SLOT001 (its columns are kept beside it)
    """A row whose columns are read by name as well as in their order."""

    _names: dict[str, Any]

    def __new__(cls, **columns: Any) -> Self:
        row = super().__new__(cls, columns.values())
        row._names = columns
        return row

    def __getitem__(self, column: Any) -> Any:
        return self._names[column] if isinstance(column, str) else super().__getitem__(column)


def _texts(listed: str) -> list[str]:
    return listed.split("\x1f") if listed else []


def _unlike(now: Sequence[int], before: Sequence[int]) -> list[int]:
    return [number for number, (one, other) in enumerate(zip(now, before, strict=True), start=1) if one != other]
