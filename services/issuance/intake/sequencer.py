"""The one writer of a period: takes all that wait, decides them in the order of arrival, writes them, answers them."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import asyncpg
import structlog

from services.issuance.domain.arrivals import Granted, Outcome, Rules, decide_in_order
from services.issuance.domain.claiming import PASSING
from services.issuance.domain.last_days import registration_deadline
from services.issuance.domain.period_phases import Period, Phase, phase_at
from services.issuance.domain.ticket import TICKET
from services.issuance.domain.waiting_room import EXPIRED, Unfit, against_admission
from services.issuance.intake.answers import Awarded, resolve
from services.issuance.intake.asking import Asked
from services.issuance.intake.book import Book, Page
from services.issuance.intake.latch import Latch
from services.issuance.intake.ownership import HeldElsewhereError, evict, hold
from services.issuance.intake.writing import Award, Batch, Refusal, Stale, write
from shared.clock import Clock
from shared.database import LIMITS
from shared.kernel.ids import is_id
from shared.kernel.refusal import Reason, Refused
from shared.measures.reader import Measures
from shared.settings import Settings
from shared.store.execution import OutcomeUnknownError, StoreBusyError
from shared.store.transaction import UnknownSubjectError

BATCH_MAX = 512
"""How many claims one statement writes: beyond some hundreds a batch gains nothing and holds the log's head longer."""
_ATTEMPTS = 4
_STALE_AFTER_S = 0.2
"""No claim is refused on a copy of its period last seen to be right longer ago: a refusal names every reason."""
_PATIENCE_S = 2.0
"""A claim that has waited longer is sent away undecided: its caller gives up soon, and nothing has happened."""
_WRITE_LIMIT_S = 2.5
"""Above the longest statement; with `_PATIENCE_S`, below what a caller waits (5 s)."""
_LOST = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
_RACES = (
    asyncpg.UniqueViolationError,
    asyncpg.CheckViolationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
)
_BUSY = (
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every writer of the process works with."""

    clock: Clock
    seconds: Callable[[], float]
    measures: Callable[[], Awaitable[Measures]]
    """Gives the rules of this moment, announced changes included."""
    connect: Callable[[], Awaitable["asyncpg.Connection[Any]"]]
    granted: Awarded
    on_commit: Callable[[], None]
    address: str = ""
    """Where other instances reach this one."""


class Sequencer:
    """Claims of one period, one after the other; `line` is what waits, in the order of arrival."""

    def __init__(
        self,
        period_id: str,
        around: Surroundings,
        out_of_line: Callable[[Asked], None],
        entrance: asyncio.Semaphore,
        closed: Callable[[str], None],
    ) -> None:
        """Serve a period that may be none: `closed` is called when it turns out so, and nobody may enter any more.

        At the `entrance` the lines of a process open their connections, some at a time.
        """
        self.period_id = period_id
        self._entrance, self._closed, self._is_none = entrance, closed, False
        self.line: deque[Asked] = deque()
        self.latch = Latch(around.seconds, around.connect)
        self._around, self._out_of_line = around, out_of_line
        self._book = Book(period_id)
        self._woken = asyncio.Event()
        self._connection: asyncpg.Connection[Any] | None = None
        self._holds = False

    def shuts_out(self, name: tuple[str, str]) -> Page | None:
        """Give the period that has nothing left for this caller; None when the claim is to be looked at.

        A writer without its connection knows nothing for certain: another may have granted since.
        """
        if self._connection is None or self._connection.is_closed():
            return None
        return self.latch.shuts_out(name)

    def turns_away(self, asked: Asked) -> Reason | None:
        """Say why a claim does not come in its turn, where an open period has a waiting room; None: look at it in line.

        Known only while the copy of the period is fresh. What may have been answered before is looked up in line: a
        claim under a ticket's id, unless it shows by itself that its time has not come.
        """
        page, arrival = self._book.page, asked.arrival
        if page is None or page.period.waiting_room is None or page.seen < self._around.seconds() - _STALE_AFTER_S:
            return None
        plan = page.period
        if plan.pause or phase_at(plan.phase, plan.opens_at, plan.closes_at, arrival.at) is not Phase.OPEN:
            return None
        if arrival.at < plan.opens_at or (isinstance(arrival.shown, Unfit) and is_id(asked.key.key, TICKET)):
            return None
        reason = against_admission(plan.waiting_room, arrival.shown, arrival.at)
        return None if reason is None or reason.code == EXPIRED else reason

    def enter(self, asked: Asked) -> None:
        """Join the line at its end."""
        self.line.append(asked)
        self._woken.set()

    async def run(self) -> None:
        """Serve the line until cancelled."""
        try:
            while True:
                await self._woken.wait()
                self._woken.clear()
                while self.line:
                    await self._serve([self.line.popleft() for _ in range(min(len(self.line), BATCH_MAX))])
                if self._is_none:
                    self._closed(self.period_id)
                    return
        finally:
            self._disconnect()
            self.latch.close()

    async def _serve(self, batch: Sequence[Asked]) -> None:
        """Answer a batch, whatever happens."""
        oldest = self._around.seconds() - _PATIENCE_S
        _fail((asked for asked in batch if asked.since < oldest), StoreBusyError("too many claims are waiting"))
        try:
            await self._decide([asked for asked in batch if not asked.answer.done()])
        except asyncio.CancelledError:
            _fail(batch, OutcomeUnknownError("the service stopped while it was writing"))
            raise
        except Exception as error:  # noqa: BLE001 (nobody above could answer these claims)
            _log.exception("claims.failed", period_id=self.period_id, claims=len(batch))
            _fail(batch, error)
        finally:
            for asked in batch:
                self._out_of_line(asked)

    async def _decide(self, batch: list[Asked]) -> None:
        """Decide and write: again with fresh copies after a lost race, in parts when something cannot be written."""
        for _ in range(_ATTEMPTS):
            if not batch:
                return
            try:
                connection = await self._connected()
                stale = await self._attempt(connection, batch)
                batch = await self._caught_up(connection, stale, batch) if stale is not None else []
            except (HeldElsewhereError, UnknownSubjectError) as error:
                _fail(batch, error)
                return
            except _BUSY as error:
                self._book.forget()
                _fail(batch, StoreBusyError(f"the database did not take the claims: {error}"))
                return
            except OutcomeUnknownError as error:
                self._disconnect()
                _fail(batch, error)
                return
            except _LOST as error:
                self._disconnect()
                _fail(batch, StoreBusyError(f"the database cannot be reached: {type(error).__name__}"))
                return
            except _RACES:
                self._book.forget()
            except asyncpg.PostgresError as error:
                await self._in_parts(batch, error)
                return
        await self._in_parts(batch, StoreBusyError("the claim lost its race several times"))

    async def _in_parts(self, batch: list[Asked], error: Exception) -> None:
        """Try halves, so that one claim that cannot be written takes no other with it."""
        self._book.forget()
        if len(batch) > 1:
            middle = len(batch) // 2
            await self._decide(batch[:middle])
            await self._decide(batch[middle:])
        elif batch:
            _log.error("claim.not_written", period_id=self.period_id, reason=type(error).__name__)
            _fail(batch, error)

    async def _attempt(self, connection: "asyncpg.Connection[Any]", batch: Sequence[Asked]) -> Stale | None:
        """Decide the batch on the book, and write it where the book is right; None when everyone is answered."""
        measures = await self._around.measures()
        now, seconds = self._around.clock.now(), self._around.seconds()
        arrivals = [asked.arrival for asked in batch]
        page = await self._book.complete(connection, arrivals, seconds)
        if page is None:
            _fail(batch, UnknownSubjectError(self.period_id))
            return None
        stock = self._book.stock(page, arrivals)
        outcomes = decide_in_order(arrivals, stock, rules_of(page.period, measures))
        if page.seen < seconds - _STALE_AFTER_S and not all(isinstance(outcome, Granted) for outcome in outcomes):
            return Stale(what="stale_period")
        decided = self._sorted(page, batch, outcomes, now)
        try:
            async with asyncio.timeout(_WRITE_LIMIT_S):
                done = await write(connection, decided, self._book)
        except _LOST as error:
            raise OutcomeUnknownError(f"the connection broke amid a batch: {type(error).__name__}") from error
        if isinstance(done, Stale):
            return done
        self._book.note_written(page, stock, outcomes, revision=done.revision, ended=done.ended)
        if decided.awards:
            page.seen = seconds
        self._answer(decided, page, done.first_position)
        return None

    def _sorted(self, page: Page, batch: Sequence[Asked], outcomes: Sequence[Outcome], now: datetime) -> Batch:
        """Sort what was decided into awards, refusals for good, and refusals that hold for now only."""
        awards: list[Award] = []
        refusals: list[Refusal] = []
        for_now: list[Refusal] = []
        for asked, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Granted):
                awards.append(Award(asked=asked, granted=outcome))
            else:
                told = for_now if _is_for_now(outcome) else refusals
                told.append((asked, asked.told(Refused(*outcome))))
        return Batch(page=page, awards=awards, refusals=refusals, for_now=for_now, at=now)

    def _answer(self, decided: Batch, page: Page, first_position: int) -> None:
        """Answer everyone; what is told here is durable."""
        if decided.awards:
            self._around.on_commit()
        for position, award in enumerate(decided.awards, start=first_position):
            award.asked.give(self._around.granted(award.granted.fact, position))
        for asked, answer in (*decided.refusals, *decided.for_now):
            asked.give(answer)
        self.latch.look(page, won=[award.asked.name for award in decided.awards])

    async def _caught_up(self, connection: "asyncpg.Connection[Any]", stale: Stale, batch: list[Asked]) -> list[Asked]:
        """Learn what made a batch stale, answer what was answered before, and give back what is left to decide."""
        match stale.what:
            case "known":
                await resolve(connection, stale.answers, self._around.granted)
            case "stale_period":
                self._book.forget_period()
            case "stale_claimant" | "stale_allowance":
                self._book.forget_claimants(stale.claimants)
        return [asked for asked in batch if not asked.answer.done()]

    async def take_over(self) -> None:
        """Cut off the instance that has the period and does not answer any more; the next batch finds it free.

        StoreBusyError where the database does not answer either.
        """
        try:
            connection = await self._around.connect()
            try:
                await evict(connection, self.period_id)
            finally:
                connection.terminate()
        except (*_LOST, *_BUSY) as error:
            raise StoreBusyError(f"the database did not take the period over: {type(error).__name__}") from error

    async def _connected(self) -> "asyncpg.Connection[Any]":
        """Give the connection that holds the period; HeldElsewhereError when another instance does.

        UnknownSubjectError where there is no such period: what anybody can make up keeps no connection.
        """
        if self._connection is not None and self._holds and not self._connection.is_closed():
            return self._connection
        async with self._entrance:
            if self._connection is None or self._connection.is_closed():
                self._disconnect()
                self._connection = await self._around.connect()
            try:
                await hold(self._connection, self.period_id, self._around.address)
            except UnknownSubjectError:
                self._disconnect()
                self._is_none = True
                raise
        self._book.forget()
        self._holds, self._is_none = True, False
        return self._connection

    def _disconnect(self) -> None:
        self._book.forget()
        self.latch.forget()
        self._holds = False
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


def connector(settings: Settings, context: str) -> Callable[[], Awaitable["asyncpg.Connection[Any]"]]:
    """Give what opens a writer's connection, with a limit on every wait."""
    url = settings.application_url(context)
    session = LIMITS | {"application_name": f"cxq-{context}-intake"}

    async def connect() -> "asyncpg.Connection[Any]":
        return await asyncpg.connect(url, timeout=1, command_timeout=3, server_settings=session)

    return connect


def _is_for_now(outcome: Outcome) -> bool:
    """Tell whether a claim is refused for something that passes: such a refusal is not kept, the key stays free."""
    return not isinstance(outcome, Granted) and any(reason.code in PASSING for reason in outcome)


def rules_of(plan: Period, measures: Measures) -> Callable[[date], Rules]:
    """Give the rules of each day a batch touches, counted once a day."""
    counted: dict[date, Rules] = {}

    def rules_on(day: date) -> Rules:
        if day not in counted:
            terms = measures.on(day)
            register_by = registration_deadline(plan, day, terms.voucher, measures.working_days)
            counted[day] = Rules(terms=terms, register_by=register_by)
        return counted[day]

    return rules_on


def _fail(waiting: Iterable[Asked], error: Exception) -> None:
    for asked in waiting:
        asked.fail(error)
