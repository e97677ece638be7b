"""Whether a draw was held as it was announced: judged from what anybody may read, offline (art. 12)."""

from collections.abc import Iterator, Sequence

import msgspec

from shared.procedures.lots import commitment_to, drawn_order


class UnreadableDrawError(Exception):
    """The files are not what the service answers."""


class _Money(msgspec.Struct):
    amount: int


class Draw(msgspec.Struct):
    """What `GET /v1/periods/{id}/draw` says; `seed`, `entries` and `asked` are null until the draw was held."""

    period_id: str
    commitment: str
    seed: str | None
    entries: int | None
    asked: _Money | None


class Lot(msgspec.Struct):
    """An entry of the draw, at its place."""

    lot: int
    entry_id: str
    amount: _Money


class _Page(msgspec.Struct):
    items: list[Lot]


def read_draw(content: bytes) -> Draw:
    """Read the answer about a draw; UnreadableDrawError when it is another document."""
    return _read(content, Draw)


def read_lots(content: bytes) -> list[Lot]:
    """Read a page of `GET /v1/periods/{id}/draw/entries`; UnreadableDrawError when it is another document."""
    return _read(content, _Page).items


def against(draw: Draw, lots: Sequence[Lot]) -> list[str]:
    """List what speaks against a draw; nothing means that it was held by the seed that lay fast, and in its order."""
    return list(_found(draw, sorted(lots, key=lambda one: one.lot)))


def _found(draw: Draw, lots: Sequence[Lot]) -> Iterator[str]:
    if draw.seed is None or draw.entries is None or draw.asked is None:
        yield "it has not been held yet: there is no seed"
        return
    if commitment_to(draw.seed) != draw.commitment:
        yield f"the seed is not the one that lay fast: its SHA-256 is not {draw.commitment}"
    if [one.lot for one in lots] != list(range(1, draw.entries + 1)):
        yield f"{draw.entries} entries were drawn; these are {len(lots)} lots, or not the lots 1 to {draw.entries}"
        return
    if len({one.entry_id for one in lots}) != len(lots):
        yield "an entry has two lots"
    asked = sum(one.amount.amount for one in lots)
    if asked != draw.asked.amount:
        yield f"together {draw.asked.amount} fen were asked for, and the entries come to {asked}"
    rightly = drawn_order(draw.seed, [one.entry_id for one in lots])
    for one, expected in zip(lots, rightly, strict=True):
        if one.entry_id != expected:
            yield f"lot {one.lot} is {one.entry_id}; by the seed it is {expected}"
            return


def _read[T](content: bytes, form: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=form)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UnreadableDrawError(str(error)) from error
