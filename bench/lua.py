"""The same claim as a design on Redis would have it: a Lua script decides, a stream is the log, its file is synced.

It is issuance itself with another writer behind its intake, so that HTTP, tokens, limits, the line and its batches are
the same code on both sides. The rules that Redis would not know of (standing beyond a ceiling, the dates of a period),
receipts, hashes of the log, refusals that are kept, and whatever follows from a claim are left out, in its favour.
"""

import asyncio
import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import msgspec
from fastapi import FastAPI

from bench import app
from bench.redis import Redis
from services.issuance.api.awarded import awarded
from services.issuance.intake.asking import Asked
from services.issuance.intake.intake import Intake
from services.issuance.intake.sequencer import Sequencer
from shared.events.issuance.vouchers import VoucherClaimed
from shared.kernel.refusal import Reason, Refused
from shared.measures.reader import Measures
from shared.store.execution import Answer, KeyReusedError, OutcomeUnknownError

PORT = "LUA_REDIS_PORT"
"""What the app is told in its environment: the port of its Redis."""
CEILINGS = "ceilings"
EVENTS = "events"
KEYS = "key:"
REGISTER_BY = "register_by"
_SCRIPT = Path(__file__).with_name("claims.lua")


def period_key(period_id: str) -> str:
    """Name the hash of a period: what it has left, its claims, whether it is open, the last day to register."""
    return f"period:{period_id}"


def reserved_key(year: int) -> str:
    """Name the hash of what claimants have reserved in a year, in fen."""
    return f"reserved:{year}"


def create() -> FastAPI:
    """Make the app that uvicorn runs beside the service."""
    made = app.create()
    desk = made.state.intake_desk
    desk.intake = _LuaIntake(desk.intake._around)  # noqa: SLF001 (the same surroundings, whatever they come to hold)
    return made


class _LuaIntake(Intake):
    """The lines of the process, with writers that ask Redis."""

    def _open(self, period_id: str) -> Sequencer:
        writer = _LuaWriter(period_id, self._around, self._out_of_line, self._entrance, self._close_line)
        self._sequencers[period_id] = writer
        self._tasks[period_id] = asyncio.create_task(writer.run(), name=f"lua-{period_id}")
        return writer


class _LuaWriter(Sequencer):
    """Has each batch decided by one call of the script, which is durable when it is answered."""

    _redis: Redis | None = None
    _script: bytes
    _register_by: date
    _measures: Measures

    async def _decide(self, batch: list[Asked]) -> None:
        """Send a batch to Redis, and answer it."""
        redis = self._redis or await self._connect()
        facts = [self._fact(asked) for asked in batch]
        keys = (period_key(self.period_id), CEILINGS, reserved_key(batch[0].arrival.on.year), EVENTS)
        told = [part for asked, fact in zip(batch, facts, strict=True) for part in _told(asked, fact)]
        try:
            said: bytes = await redis.call("EVALSHA", self._script, len(keys), *keys, *told)
        except OSError as error:
            self._redis = None
            raise OutcomeUnknownError("the connection to Redis broke amid a batch") from error
        for asked, fact, line in zip(batch, facts, said.split(b"\n"), strict=True):
            _answer(asked, fact, line.decode())

    async def _connect(self) -> Redis:
        redis = await Redis.connect(int(os.environ[PORT]))
        self._script = await redis.call("SCRIPT", "LOAD", _SCRIPT.read_bytes())
        self._register_by = date.fromisoformat(
            (await redis.call("HGET", period_key(self.period_id), REGISTER_BY)).decode()
        )
        self._measures = await self._around.measures()
        self._redis = redis
        return redis

    def _fact(self, asked: Asked) -> VoucherClaimed:
        """Write down a claim as if it were granted; its place and its allowance are for the script to know."""
        arrival = asked.arrival
        return VoucherClaimed(
            voucher_id=arrival.voucher_id,
            period_id=self.period_id,
            claimant_id=arrival.claimant_id,
            year=arrival.on.year,
            amount=arrival.amount,
            allowance=0,
            place=0,
            on=arrival.on,
            register_by=self._register_by,
            provisional=False,
            pack=self._measures.pack,
            pack_digest=self._measures.digest,
        )


def _told(asked: Asked, fact: VoucherClaimed) -> Iterable[str | bytes | int]:
    """Tell the script of one claim."""
    return (
        f"{KEYS}{asked.key.principal}:{asked.key.operation}:{asked.key.key}",
        asked.key.request_hash.hex(),
        fact.claimant_id,
        fact.amount,
        msgspec.json.encode(fact),
        asked.cause.metadata(asked.arrival.on),
    )


def _answer(asked: Asked, fact: VoucherClaimed, line: str) -> None:
    """Answer a claim as the script has decided it."""
    if line.startswith("!"):
        asked.give(asked.told(Refused(Reason(code=line[1:], article="12", kind="state"))))
    elif line.startswith("="):
        digest, place, event_id, data = line[1:].split(" ", 3)
        if digest != asked.key.request_hash.hex():
            asked.fail(KeyReusedError(asked.key.key))
            return
        kept = msgspec.json.decode(data, type=VoucherClaimed)
        asked.give(_granted(kept, place, event_id)._replace(replayed=True))
    else:
        place, event_id = line.split(" ")
        asked.give(_granted(fact, place, event_id))


def _granted(fact: VoucherClaimed, place: str, event_id: str) -> Answer:
    answer = awarded(replace(fact, place=int(place)), 0)
    return answer._replace(headers={**answer.headers, "Event-Position": event_id})
