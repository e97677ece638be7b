"""Topics read from their start, as a rebuild and the audit do it."""

import asyncio
import socket

import pytest

from shared.projections import log_reading
from shared.projections.heard import heard, positions
from shared.projections.log_reading import LogReader, LogUnreadableError
from tests.integration.shared.projections.balances import BALANCES_PROJECTION
from tests.integration.shared.projections.office import Office


async def test_a_log_read_to_its_end_is_known_to_end_there_without_asking_the_broker(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.business(30)
    async with office.live():
        await office.caught_up()
    async with office.engine.connect() as connection:
        ends = positions(await heard(connection, BALANCES_PROJECTION))
    async with LogReader(office.settings.kafka_bootstrap, BALANCES_PROJECTION) as log:
        assert await log.records(ends) == 40
        assert sum([portion.records async for portion in log.read(ends)]) == 40
        # The last look of a rebuild comes while the live runner waits for the swap: nothing may be asked in vain.
        monkeypatch.setattr(log, "_bounds", _asked_in_vain)
        assert log.behind(ends) == 0
        assert await log.records(ends) == 0
        assert [portion async for portion in log.read(ends)] == []


async def test_what_is_written_while_a_log_is_read_is_not_taken_for_what_was_to_be_read(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.business(30)
    async with office.live():
        await office.caught_up()
        async with office.engine.connect() as connection:
            ends = positions(await heard(connection, BALANCES_PROJECTION))
        async with LogReader(office.settings.kafka_bootstrap, BALANCES_PROJECTION) as log:
            bounds = await asyncio.to_thread(log._bounds, list(ends))
            monkeypatch.setattr(log, "_bounds", lambda _places: bounds)
            await office.business(300)
            await office.caught_up()
            # One at a time, so that the partition that grew most is read past its end before the others are looked at.
            monkeypatch.setattr(log_reading, "_RECORDS", 1)
            read = [portion.records async for portion in log.read(ends)]
    assert sum(read) == 40


def _asked_in_vain(_places: object) -> None:
    raise AssertionError("the broker was asked where the topic ends")


async def test_a_broker_that_is_not_there_is_noticed_when_something_is_to_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_reading, "_SILENCE_S", 0.2)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        async with LogReader(f"127.0.0.1:{nobody.getsockname()[1]}", BALANCES_PROJECTION) as log:
            assert [portion async for portion in log.read({})] == []
            with pytest.raises(LogUnreadableError, match="no broker answers"):
                await log.records({("cxq.issuance.v1", 0): 3})
