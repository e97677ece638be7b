"""Every night at two: the proof, page by page, that every balance equals the log (art. 16).

A page is one transaction of the due list, so that nothing else waits for long, and a proof that is interrupted goes on
where it was. Whatever is folded here is folded anew from the log; the read models' own `evolve` says what it makes.
What changes while it is looked at is counted and left to the next night: nobody is accused of being on the move.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance import class_proof
from services.issuance.books import Books, books_now, closed, post, reopened
from services.issuance.contract_money import Waiting, listed, read, wait, waited_between, waiting_now
from services.issuance.deadlines import await_proof, go_on_proving
from services.issuance.domain.postings import Account, ledger_lines_of
from services.issuance.past import stream_of, voucher_of
from services.issuance.projections import annual_totals, voucher_balances
from services.issuance.projections.annual_totals import ANNUAL_TOTALS
from services.issuance.projections.exposure import EXPOSURE
from services.issuance.projections.ledger import LEDGER_LINES, POSTED, moved_between
from services.issuance.projections.period_board import PERIOD_BOARD
from services.issuance.projections.voucher_balances import VOUCHER_BALANCES
from services.issuance.tables import allowances, ledger_proofs, quotas
from shared.events.definition import Recorded
from shared.kernel.calendar import business_date
from shared.projections.projection import Projection, Rows
from shared.projections.reading import reached_by
from shared.projections.rows import load_rows
from shared.store.tables import events, log_head
from shared.store.transaction import Transaction, read_log, read_streams, read_streams_on

EVENTS_AT_ONCE = 1_000
POSITIONS_AT_ONCE = 100_000
YEARS_AT_ONCE = 100
VOUCHERS_AT_ONCE = 2_000
_EVER = 2**62
_SHOWN = 20
_OF_VOUCHERS = (VOUCHER_BALANCES, LEDGER_LINES)
"""The read models whose rows each belong to one voucher, or to one fact of it."""
_log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Proof:
    """A night's proof as far as it has come; `cursor` is where its stage goes on."""

    night: date
    position: int
    stage: str
    cursor: Mapping[str, Any]
    books: Books
    digest: str
    started_at: datetime
    state: str = "running"
    finished_at: datetime | None = None
    events: int = 0
    compared: int = 0
    moving: int = 0
    differences: int = 0
    first_differences: list[str] = field(default_factory=list)

    def differ(self, what: str) -> None:
        """Note a difference; the first twenty are kept in words."""
        self.differences += 1
        if len(self.first_differences) < _SHOWN:
            self.first_differences.append(what)

    def judge(self, what: str, *, same: bool, moving: bool) -> None:
        """Count a row that is as it should be, or else note the difference unless its subject is on the move."""
        if same:
            self.compared += 1
        elif moving:
            self.moving += 1
        else:
            self.compared += 1
            self.differ(what)

    def turn_to(self, stage: str, **cursor: object) -> None:
        """Begin another stage."""
        self.stage, self.cursor = stage, cursor


async def prove_balances(tx: Transaction, _subject: str) -> None:
    """Do the next page of tonight's proof, or begin it; be called again for the next page, or tomorrow at two."""
    proof = await _running(tx.connection) or await _begun(tx)
    await _STAGES[proof.stage](tx.connection, proof)
    if proof.stage == "done":
        proof.state = "differs" if proof.differences else "proved"
        proof.finished_at = tx.now
        _tell(proof)
    await _keep(tx.connection, proof)
    await (await_proof(tx, business_date(tx.now)) if proof.stage == "done" else go_on_proving(tx))


async def _streams(connection: AsyncConnection, proof: Proof) -> None:
    """Read on in the log, stream by stream: post what moves money, and compare what vouchers have become."""
    after = (proof.cursor["stream"], proof.cursor["version"])
    page = await read_streams_on(connection, "issuance", after=after, until=proof.position, limit=EVENTS_AT_ONCE)
    if len(page) == EVENTS_AT_ONCE and voucher_of(page[-1].stream):
        page = [event for event in page if event.stream != page[-1].stream]  # a voucher is looked at whole
    entries: int = proof.cursor["entries"]
    if not page:
        proof.turn_to("vouchers", voucher_id="", entries=entries)
        return
    entries += sum(len(ledger_lines_of(event.data)) for event in page if isinstance(event.data, POSTED))
    post(proof.books, (event.data for event in page if isinstance(event.data, POSTED)))
    for event in page:
        proof.digest = hashlib.sha256(f"{proof.digest}{event.hash}".encode()).hexdigest()
    proof.events += len(page)
    await _compare_vouchers(connection, proof, [event for event in page if voucher_of(event.stream)])
    proof.turn_to("streams", stream=page[-1].stream, version=page[-1].version, entries=entries)


async def _compare_vouchers(connection: AsyncConnection, proof: Proof, page: Sequence[Recorded[Any]]) -> None:
    last = {event.stream: event.position for event in page}
    found: list[tuple[Projection, int, Rows, Rows]] = []
    for projection in _OF_VOUCHERS:
        reached = await reached_by(connection, projection)
        expected: Rows = {}
        projection.fold(expected, page)
        found.append((projection, reached, expected, await load_rows(connection, projection.table, expected)))
    later = await connection.execute(
        sa.select(events.c.stream).distinct().where(events.c.stream.in_(last), events.c.position > proof.position)
    )
    moved = set(later.scalars())
    for projection, reached, expected, rows in found:
        for key, row in expected.items():
            stream = stream_of(row["voucher_id"]) if row is not None else ""
            is_moving = stream in moved or last.get(stream, 0) > reached
            proof.judge(f"{projection.name} {key}", same=rows[key] == row, moving=is_moving)


async def _vouchers(connection: AsyncConnection, proof: Proof) -> None:
    """Look for balances of vouchers that nobody ever claimed: a read model follows the log, so there can be none."""
    shown = voucher_balances.TABLE.c.voucher_id
    claimed = sa.exists().where(events.c.stream == stream_of("") + shown, events.c.version == 1)
    page = sa.select(shown, claimed.label("is_claimed")).where(shown > proof.cursor["voucher_id"])
    rows = (await connection.execute(page.order_by(shown).limit(VOUCHERS_AT_ONCE))).all()
    for row in rows:
        if not row.is_claimed:
            proof.differ(f"{VOUCHER_BALANCES.name} {row.voucher_id}: the log knows no such voucher")
    if rows:
        proof.turn_to("vouchers", voucher_id=rows[-1].voucher_id, entries=proof.cursor["entries"])
    else:
        proof.turn_to("years", claimant_id="", year=0, entries=proof.cursor["entries"])


async def _journal(connection: AsyncConnection, proof: Proof) -> None:
    """Add the journal up, a stretch of positions at a time; at the end it comes to what the log came to."""
    position: int = proof.cursor["position"]
    entries, found = proof.cursor["entries"], proof.cursor["found"]
    sums, waiting = reopened(proof.cursor["sums"]), read(proof.cursor["waiting"])
    until = min(position + POSITIONS_AT_ONCE, proof.position)
    for row in await connection.execute(moved_between(position, until)):
        sums[row.period_id, row.year, row.debit] += row.fen
        sums[row.period_id, row.year, row.credit] -= row.fen
        found += row.lines
    for row in await connection.execute(waited_between(position, until)):
        waiting[row.period_id, row.year, row.contract_id, row.account] += row.fen
    if until < proof.position:
        so_far = {"entries": entries, "found": found, "sums": closed(sums), "waiting": listed(waiting)}
        proof.turn_to("journal", position=until, **so_far)
        return
    behind = await reached_by(connection, LEDGER_LINES) < proof.position
    _compare_books(proof, "the journal", proof.books, sums, moving=behind)
    proof.judge(f"the journal: {found} entries, the log makes {entries}", same=found == entries, moving=behind)
    if sum(proof.books.values()):
        proof.differ(f"all accounts together hold {sum(proof.books.values())} fen")
    proof.turn_to("periods", waiting=listed(waiting))


def _compare_books(proof: Proof, where: str, told: Books, kept: Books, *, moving: bool) -> None:
    for key in sorted(told.keys() | kept.keys(), key=str):
        period_id, year, account = key
        what = f"{where}: {account} of {period_id}, {year}: {kept[key]} fen, the log says {told[key]}"
        proof.judge(what, same=told[key] == kept[key], moving=moving)


async def _years(connection: AsyncConnection, proof: Proof) -> None:
    """Compare claimants' years: the rows that decide, and what is shown of them."""
    after = (proof.cursor["claimant_id"], proof.cursor["year"])
    keys = [(row.claimant_id, row.year) for row in await connection.execute(_next_years(after))]
    if not keys:
        proof.turn_to("journal", position=0, entries=proof.cursor["entries"], found=0, sums=[], waiting=[])
        return
    reached = min([await reached_by(connection, each) for each in (VOUCHER_BALANCES, ANNUAL_TOTALS)])
    decided = {
        (row.claimant_id, row.year): (row.reserved, row.spent)
        for row in await connection.execute(
            sa.select(allowances).where(sa.tuple_(allowances.c.claimant_id, allowances.c.year).in_(keys))
        )
    }
    shown = await load_rows(connection, ANNUAL_TOTALS.table, keys)
    told = await _folded_years(connection, sorted({claimant_id for claimant_id, _ in keys}))
    recent = await connection.execute(sa.select(events.c.key).distinct().where(events.c.position > reached))
    moved = set(recent.scalars())
    for key in keys:
        row = told.get(key)
        counted = (row["reserved"], row["spent"]) if row is not None else (0, 0)
        is_moving = key[0] in moved
        proof.judge(f"allowances {key}", same=decided.get(key, (0, 0)) == counted, moving=is_moving)
        proof.judge(f"annual_totals {key}", same=shown[key] == row, moving=is_moving)
    proof.turn_to("years", claimant_id=keys[-1][0], year=keys[-1][1], entries=proof.cursor["entries"])


def _next_years(after: tuple[str, int]) -> sa.Select[Any]:
    """Select the next years that either table knows."""
    known = []
    for table in (allowances, annual_totals.TABLE):
        key = sa.tuple_(table.c.claimant_id, table.c.year)
        behind = key > sa.tuple_(sa.literal(after[0], sa.Text), sa.literal(after[1], sa.SmallInteger))
        columns = (table.c.claimant_id, table.c.year)
        known.append(sa.select(*columns).where(behind).order_by(*columns).limit(YEARS_AT_ONCE).subquery().select())
    both = sa.union(*known).subquery()
    return sa.select(both.c.claimant_id, both.c.year).order_by(both.c.claimant_id, both.c.year).limit(YEARS_AT_ONCE)


async def _folded_years(connection: AsyncConnection, claimant_ids: Sequence[str]) -> Rows:
    vouchers = VOUCHER_BALANCES.table.c
    own = await connection.execute(sa.select(vouchers.voucher_id).where(vouchers.claimant_id.in_(claimant_ids)))
    streams = [stream_of(voucher_id) for voucher_id in own.scalars()]
    rows: Rows = {}
    ANNUAL_TOTALS.fold(rows, await read_streams(connection, "issuance", streams, until=_EVER))
    return rows


async def _periods(connection: AsyncConnection, proof: Proof) -> None:
    """Compare what the quotas' rows, the board and the exposure hold with the books, brought up to now."""
    reached = await reached_by(connection, EXPOSURE)
    held = await books_now(connection)
    waiting = read(await connection.execute(waiting_now()))
    board_reached = await reached_by(connection, PERIOD_BOARD)
    shown = (await connection.execute(sa.select(PERIOD_BOARD.table))).all()
    rows = (await connection.execute(sa.select(quotas))).all()
    since = await read_log(connection, "issuance", after=proof.position, limit=EVENTS_AT_ONCE)
    head = (await connection.execute(sa.select(log_head.c.position))).scalar_one()
    last = since[-1].position if since else proof.position
    facts = [event.data for event in since if isinstance(event.data, POSTED)]
    now, expected = Counter(proof.books), read(proof.cursor["waiting"])
    post(now, facts)
    wait(expected, facts)
    is_moving = last != head or reached < last
    _compare_books(proof, "the exposure", Counter({k: fen for k, fen in now.items() if fen}), held, moving=is_moving)
    _compare_contracts(proof, expected, waiting, moving=is_moving)
    told: Counter[tuple[str, Account]] = Counter()
    for (period_id, _, account), fen in now.items():
        told[period_id, account] += fen
    _compare_periods(proof, "quota", rows, told, moving=last != head or bool(since))
    is_moving = last != head or board_reached < last
    _compare_periods(proof, "the board", shown, told, moving=is_moving)
    for what, same in await class_proof.compared(connection, rows, shown):
        proof.judge(what, same=same, moving=is_moving)
    proof.turn_to("done")


def _compare_contracts(proof: Proof, told: Waiting, kept: Waiting, *, moving: bool) -> None:
    """Compare what waits for each contract's payment: a provider's exposure is told from it."""
    for key in sorted(told.keys() | kept.keys()):
        period_id, year, contract_id, account = key
        where = f"the exposure: {account} for {contract_id} of {period_id}, {year}"
        what = f"{where}: {kept[key]} fen, the log says {told[key]}"
        proof.judge(what, same=told[key] == kept[key], moving=moving)


def _compare_periods(
    proof: Proof, where: str, rows: Sequence[Any], told: Counter[tuple[str, Account]], *, moving: bool
) -> None:
    """Compare what periods have left, have issued and got back; a plan that is not approved has its quota on paper."""
    for row in rows:
        budget, left, returned = (told[row.period_id, account] for account in ("budget", "quota", "returned"))
        said = (left, -budget - returned - left, -returned)
        kept = (row.remaining, row.issued, row.returned)
        on_paper = (row.remaining - row.quota, row.issued, row.returned)
        what = f"{where} of {row.period_id}: remaining, issued, returned are {kept}, the log says {said}"
        proof.judge(what, same=said == kept or (not budget and said == on_paper), moving=moving)


_STAGES = {"streams": _streams, "vouchers": _vouchers, "years": _years, "journal": _journal, "periods": _periods}


async def _running(connection: AsyncConnection) -> Proof | None:
    found = await connection.execute(sa.select(ledger_proofs).where(ledger_proofs.c.state == "running"))
    row = found.mappings().first()
    return None if row is None else Proof(books=reopened(row["sums"]), **{k: v for k, v in row.items() if k != "sums"})


async def _begun(tx: Transaction) -> Proof:
    """Begin a proof of all that the log holds now; one of the same night that was finished before is replaced."""
    head = (await tx.connection.execute(sa.select(log_head.c.position))).scalar_one()
    return Proof(
        night=tx.today,
        position=head,
        stage="streams",
        cursor={"stream": "", "version": 0, "entries": 0},
        books=Counter(),
        digest="",
        started_at=tx.now,
    )


async def _keep(connection: AsyncConnection, proof: Proof) -> None:
    values = {name: getattr(proof, name) for name in Proof.__dataclass_fields__ if name != "books"}
    values["sums"] = closed(proof.books)
    statement = insert(ledger_proofs).values(values)
    await connection.execute(statement.on_conflict_do_update(index_elements=[ledger_proofs.c.night], set_=values))


def _tell(proof: Proof) -> None:
    said: dict[str, Any] = {
        "night": proof.night.isoformat(),
        "position": proof.position,
        "compared": proof.compared,
        "moving": proof.moving,
        "differences": proof.differences,
    }
    if proof.differences:
        _log.error("books.differ", first=proof.first_differences[0], **said)
    else:
        _log.info("books.proved", **said)
