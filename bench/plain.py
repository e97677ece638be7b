"""The same claim as most would write it: FastAPI, SQLAlchemy, a transaction a request, a lock on the period's row.

Nothing in it is slow on purpose, and what issuance keeps beside (a log of events, kept answers, deadlines) is left out.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import jwt
import sqlalchemy as sa
from fastapi import Depends, FastAPI, Header, HTTPException, Response
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.clock import SystemClock
from shared.kernel.ids import new_id

URL = "PLAIN_URL"
KEYS = "PLAIN_KEYS"
AUDIENCE = "PLAIN_AUDIENCE"
"""What the app is told in its environment: its database, the file with the issuer's keys, who its tokens are for."""
_POOL = 32


class Base(DeclarativeBase):
    """The tables of the plain app."""

    type_annotation_map = {int: sa.BigInteger, datetime: sa.DateTime(timezone=True)}  # noqa: RUF012 (SQLAlchemy's way)


class Period(Base):
    """What a period has left, in fen, and how many claims it has granted."""

    __tablename__ = "periods"
    id: Mapped[str] = mapped_column(primary_key=True)
    quota: Mapped[int]
    remaining: Mapped[int]
    claims: Mapped[int] = mapped_column(default=0)


class Allowance(Base):
    """What a claimant may have in a year, and what it has, in fen."""

    __tablename__ = "allowances"
    claimant_id: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    ceiling: Mapped[int]
    reserved: Mapped[int] = mapped_column(default=0)


class Voucher(Base):
    """A granted claim, and the key it was asked for with."""

    __tablename__ = "vouchers"
    __table_args__ = (sa.UniqueConstraint("principal", "key"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    period_id: Mapped[str]
    claimant_id: Mapped[str]
    amount: Mapped[int]
    place: Mapped[int]
    principal: Mapped[str]
    key: Mapped[str]
    claimed_at: Mapped[datetime]


class Money(BaseModel):
    """An amount in fen."""

    amount: int = Field(gt=0)


class Claim(BaseModel):
    """What is asked for."""

    period_id: str
    amount: Money


@lru_cache(maxsize=10_000)
def _verified(authorization: str) -> dict[str, Any]:
    (key,) = jwt.PyJWKSet.from_json(Path(os.environ[KEYS]).read_text()).keys
    token = authorization.removeprefix("Bearer ")
    claims: dict[str, Any] = jwt.decode(token, key, algorithms=["ES256"], audience=os.environ[AUDIENCE])
    return claims


async def _caller(authorization: Annotated[str, Header()]) -> dict[str, Any]:
    try:
        return _verified(authorization)
    except jwt.PyJWTError as error:
        raise HTTPException(401) from error


def create() -> FastAPI:
    """Make the app that uvicorn runs beside the service."""
    engine = create_async_engine(os.environ[URL], pool_size=_POOL, max_overflow=0, pool_timeout=60)
    sessions = async_sessionmaker(engine, expire_on_commit=False)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)

    @app.get("/noop")
    async def noop() -> dict[str, bool]:
        return {"ok": True}

    @app.post("/v1/claims", status_code=201)
    async def claim(
        asked: Claim,
        response: Response,
        caller: Annotated[dict[str, Any], Depends(_caller)],
        idempotency_key: Annotated[str, Header()],
    ) -> dict[str, Any]:
        async with sessions.begin() as session:
            voucher = await _granted(session, asked, caller, idempotency_key)
        response.headers["Location"] = f"/v1/vouchers/{voucher.id}"
        return {"voucher_id": voucher.id, "place": voucher.place, "amount": {"amount": voucher.amount}}

    return app


async def _granted(session: AsyncSession, asked: Claim, caller: dict[str, Any], key: str) -> Voucher:
    """Grant a claim under the lock of its period; HTTPException when it cannot be."""
    period = await session.get(Period, asked.period_id, with_for_update=True)
    if period is None:
        raise HTTPException(404)
    before = await session.scalar(sa.select(Voucher).filter_by(principal=caller["sub"], key=key))
    if before is not None:
        return before
    now, amount = SystemClock().now(), asked.amount.amount
    allowance = await session.get(Allowance, (caller["party"], now.year), with_for_update=True)
    if allowance is None or allowance.reserved + amount > allowance.ceiling or amount > period.remaining:
        raise HTTPException(409)
    period.remaining -= amount
    period.claims += 1
    allowance.reserved += amount
    voucher = Voucher(
        id=new_id("vch", now), period_id=period.id, claimant_id=caller["party"], amount=amount, place=period.claims,
        principal=caller["sub"], key=key, claimed_at=now,
    )  # fmt: skip
    session.add(voucher)
    return voucher
