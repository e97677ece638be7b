"""What a rebuild reads of a record is what the live runner reads of it, for every read model there is."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from services.commands.environment import load_context
from services.issuance.projections.annual_totals import ANNUAL_TOTALS
from services.issuance.projections.period_board import PERIOD_BOARD
from services.issuance.projections.voucher_balances import VOUCHER_BALANCES
from shared.bus.envelope import NotAnEnvelopeError, from_wire, seal, to_wire
from shared.events.codec import encode
from shared.events.definition import EVENT_TYPES, TYPE_OF, Recorded
from shared.events.issuance.vouchers import VoucherClaimed
from shared.projections.birth import Birth, Newborn, as_row
from shared.projections.folding import Folding
from shared.projections.opening import Told, opener_for
from shared.projections.projection import PoisonEventError, Projection, Row, RowKey
from shared.settings import CONTEXTS
from tests.golden.making import golden, sample
from tests.integration.shared.projections.balances import SLIPS, SLIPS_PROJECTION, cancelled, claimed

AT = datetime(2026, 3, 2, 1, 0, 0, 7, tzinfo=UTC)
PROJECTIONS = [projection for name in CONTEXTS for projection in load_context(name).projections]


def wire(stored: str, payload: str, position: int = 7) -> bytes:
    row = {
        "position": position,
        "stream": f"voucher-{position}",
        "version": 3,
        "type": stored,
        "data": payload,
        "metadata": '{"actor": "a", "correlation_id": "c", "business_date": "2026-03-02", "causation_id": "x-1"}',
        "key": "clm_1",
        "recorded_at": AT,
        "hash": b"\x01\x02",
    }
    return to_wire(seal(stored.split(".")[1], row, position - 1))[0]


def told(projection: Projection, data: Any, position: int = 7) -> Told | None:
    return opener_for(projection)(wire(TYPE_OF[type(data)].stored, encode(data).decode(), position)).told()


@pytest.mark.parametrize("projection", [*PROJECTIONS, SLIPS_PROJECTION], ids=lambda each: each.name)
def test_every_event_is_read_as_the_live_runner_reads_it_or_passed_over(projection: Projection) -> None:
    opened_for_it = opener_for(projection)
    births = {birth.of for birth in projection.births}
    newborn = 0
    for stored, kind in EVENT_TYPES.items():
        if kind.context not in projection.contexts:
            continue
        value = wire(stored, encode(sample(kind)).decode())
        live = from_wire(value).opened()
        opened = opened_for_it(value)
        assert (opened.position, opened.prevposition) == (7, 6)
        found = opened.told()
        if kind.cls not in projection.rows:
            assert found is None
        elif isinstance(found, Newborn):
            newborn += 1
            (key,) = projection.touches(live)
            assert as_row(found) == projection.evolve(None, live, key)
            assert Folding(projection).key_of(found) == key
        else:
            assert found == live
            assert type(found) is Recorded
    assert newborn == len(births)
    assert births <= projection.begins


def test_an_event_of_an_older_version_is_lifted() -> None:
    old = golden("cxq.issuance.period-proposed.v1")
    found = opener_for(PERIOD_BOARD)(wire(old["type"], msgspec.json.encode(old["payload"]).decode())).told()
    assert isinstance(found, Recorded)
    assert type(found.data) in PERIOD_BOARD.rows


def test_an_event_that_is_not_known_here_is_passed_over() -> None:
    opened = opener_for(ANNUAL_TOTALS)(wire("cxq.issuance.voucher-painted.v1", "{}"))
    assert (opened.position, opened.told()) == (7, None)


@pytest.mark.parametrize("stored", ["cxq.issuance.voucher-claimed.v1", "cxq.issuance.voucher-claimed.v99"])
@pytest.mark.parametrize("projection", [VOUCHER_BALANCES, ANNUAL_TOTALS], ids=lambda each: each.name)
def test_an_event_that_matters_and_cannot_be_read_stops_whoever_asks_for_it(
    projection: Projection, stored: str
) -> None:
    opened = opener_for(projection)(wire(stored, '{"year": "soon"}'))
    assert opened.position == 7
    with pytest.raises(PoisonEventError, match=rf"{projection.name} cannot apply issuance-7 \({stored}\)"):
        opened.told()


@pytest.mark.parametrize("value", [None, b"", b"{}", b"[1]", b'{"type":"cxq.issuance.voucher-claimed.v1"}'])
def test_a_record_that_is_no_event_is_refused(value: bytes | None) -> None:
    with pytest.raises(NotAnEnvelopeError):
        opener_for(VOUCHER_BALANCES)(value)


def test_what_a_column_holds_at_first_is_not_for_the_event_to_say() -> None:
    claim = claimed("clm_1", 1)
    payload = msgspec.json.encode(msgspec.to_builtins(claim) | {"state": "used", "paid": 9, "claimed_at": None})
    found = opener_for(VOUCHER_BALANCES)(wire(TYPE_OF[VoucherClaimed].stored, payload.decode())).told()
    row = as_row(found)
    assert isinstance(row, dict)
    assert (row["state"], row["paid"], row["claimed_at"]) == ("claimed", 0, AT)


def test_rows_that_have_only_begun_come_to_the_same_as_rows_that_were_evolved() -> None:
    first, second, third = claimed("clm_1", 1), claimed("clm_2", 22), claimed("clm_3", 333)
    facts = [first, second, cancelled(second), third, cancelled(first)]
    folded = Folding(SLIPS_PROJECTION)
    events = [told(SLIPS_PROJECTION, fact, position) for position, fact in enumerate(facts, start=1)]
    folded.apply([event for event in events if event is not None])
    plain: dict[RowKey, Row | None] = {}
    records = [from_wire(wire(TYPE_OF[type(f)].stored, encode(f).decode(), n)) for n, f in enumerate(facts, start=1)]
    SLIPS_PROJECTION.fold(plain, [record.opened() for record in records])
    assert {key: folded.get(key) for key in folded} == plain
    marks = {key: row and row["marks"] for key, row in plain.items()}
    assert marks == {("vch_1",): ["cancelled"], ("vch_22",): None, ("vch_333",): []}
    assert {key: folded.pop(key) for key in list(folded)} == plain
    assert not folded


def test_an_event_of_a_row_that_never_began_is_refused_wherever_it_stands() -> None:
    claim = claimed("clm_1", 1)
    backwards = [told(SLIPS_PROJECTION, cancelled(claim), 1), told(SLIPS_PROJECTION, claim, 2)]
    with pytest.raises(PoisonEventError, match=r"issuance-1 .*LookupError"):
        Folding(SLIPS_PROJECTION).apply([event for event in backwards if event is not None])


@pytest.mark.parametrize(
    ("fields", "at_first"),
    [({"voucher_id": "voucher_id"}, {}), ({column.name: "amount" for column in SLIPS.columns}, {"marks": []})],
)
def test_a_birth_names_each_column_once(fields: dict[str, str], at_first: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="the columns of test_slips are not"):
        Birth(of=VoucherClaimed, table=SLIPS, fields=fields, at_first=at_first, recorded_at="claimed_at")
