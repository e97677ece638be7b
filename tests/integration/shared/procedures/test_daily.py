"""Daily work: every day once, in pieces, in order, and never in the way of what comes due meanwhile."""

from datetime import date, timedelta

from shared.procedures.daily import FIRST, Daily, Piece
from shared.procedures.due import DueHandlers
from shared.store.transaction import Transaction
from tests.integration.shared.procedures.waiting import NOON, Desk

NINE = timedelta(hours=9)
MARCH_2, MARCH_3 = date(2026, 3, 2), date(2026, 3, 3)


class Post:
    """Has letters for some days, and delivers two at a time."""

    def __init__(self, letters: dict[date, int]) -> None:
        self.letters, self.rounds = letters, list[tuple[date, str]]()

    async def deliver(self, tx: Transaction, day: date, stopped: str) -> Piece:
        """Note the round, and say where the next one goes on."""
        assert tx.context
        self.rounds.append((day, stopped))
        begun = int(stopped or 0)
        done = min(begun + 2, self.letters.get(day, 0))
        return Piece(seen=done - begun, go_on=str(done) if done < self.letters.get(day, 0) else "")

    def handlers(self, **others: object) -> DueHandlers:
        """Deliver at nine."""
        return {"post": Daily(kind="post", after=NINE, work=self.deliver), **others}  # type: ignore[dict-item]


async def _next(desk: Desk) -> list[tuple[str, object]]:
    return [(row.subject, row.due_at) for row in await desk.open() if row.kind == "post"]


async def test_a_days_work_is_done_piece_by_piece_and_then_waits_for_the_next_day(desk: Desk) -> None:
    post = Post({MARCH_2: 5})
    await desk.wait_for("post", FIRST, NOON - timedelta(days=1))
    due = desk.due_list(post.handlers())
    assert await due.sweep() == 3  # noon in Beijing is past nine
    assert post.rounds == [(MARCH_2, ""), (MARCH_2, "2"), (MARCH_2, "4")]
    assert await _next(desk) == [("2026-03-03", NOON - timedelta(hours=3) + timedelta(days=1))]
    assert await due.sweep() == 0
    desk.clock.advance(timedelta(days=1) - timedelta(hours=3, microseconds=1))
    assert await due.sweep() == 0
    desk.clock.advance(timedelta(microseconds=1))
    assert await due.sweep() == 1
    assert post.rounds[3:] == [(MARCH_3, "")]


async def test_work_that_begins_before_its_hour_begins_with_the_day_before(desk: Desk) -> None:
    post = Post({})
    desk.clock.at = NOON - timedelta(hours=4)  # eight in Beijing
    await desk.wait_for("post", FIRST, NOON - timedelta(days=1))
    await desk.due_list(post.handlers()).sweep()
    assert post.rounds == [(date(2026, 3, 1), "")]
    assert [subject for subject, _ in await _next(desk)] == ["2026-03-02"]


async def test_days_that_were_missed_are_made_up_for_in_order_each_once(desk: Desk) -> None:
    days = [MARCH_2 + timedelta(days=n) for n in range(250)]
    post = Post({days[3]: 3, days[200]: 1})
    await desk.wait_for("post", "2026-03-02", NOON)
    desk.clock.advance(timedelta(days=249))
    done = await desk.due_list(post.handlers()).sweep()
    assert [day for day, stopped in post.rounds if not stopped] == days
    assert (days[3], "2") in post.rounds
    assert done < 10  # the empty days between cost no transaction each
    assert [subject for subject, _ in await _next(desk)] == [(days[-1] + timedelta(days=1)).isoformat()]


async def test_what_comes_due_between_two_pieces_is_done_between_them(desk: Desk) -> None:
    post = Post({MARCH_2: 6})
    order: list[str] = []

    async def deliver(tx: Transaction, day: date, stopped: str) -> Piece:
        order.append(f"post {stopped}".strip())
        piece = await post.deliver(tx, day, stopped)
        desk.clock.advance(timedelta(seconds=1))
        return piece

    async def lapse(tx: Transaction, subject: str) -> None:
        order.append(subject)
        await desk.lapse(tx, subject)

    await desk.wait_for("post", "2026-03-02", NOON)
    await desk.wait_for("lapse", "a", NOON + timedelta(milliseconds=500))
    handlers: DueHandlers = {"post": Daily(kind="post", after=NINE, work=deliver), "lapse": lapse}
    assert await desk.due_list(handlers).sweep() == 4
    assert order == ["post", "post 2", "a", "post 4"]  # the second piece was due before it


async def test_a_piece_that_fails_is_done_again_from_where_it_began(desk: Desk) -> None:
    post = Post({MARCH_2: 4})
    fails = [True]

    async def deliver(tx: Transaction, day: date, stopped: str) -> Piece:
        if stopped and fails:
            raise ValueError("not now")
        return await post.deliver(tx, day, stopped)

    due = desk.due_list({"post": Daily(kind="post", after=NINE, work=deliver)})
    await desk.wait_for("post", "2026-03-02", NOON)
    assert await due.sweep() == 1
    (waiting,) = await desk.open()
    assert (waiting.subject, waiting.failure) == ("2026-03-02/2", "ValueError: not now")
    fails.clear()
    desk.clock.advance(timedelta(seconds=2))
    assert await due.sweep() == 1
    assert post.rounds == [(MARCH_2, ""), (MARCH_2, "2")]
