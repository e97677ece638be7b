"""Every key of a claim stands for one thing for ever: a grant in the log, a refusal, or that it was closed."""

import asyncio
from importlib import import_module

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.issuance.api.awarded import awarded
from services.issuance.audit import CHECKS
from services.issuance.claimants import _CLAIMED_BY
from services.issuance.intake.answers import close_key
from services.issuance.intake.asking import name_of
from shared.audit import examine
from shared.kernel.refusal import Refused
from shared.store.execution import Answer, IdempotencyKey, KeyFencedError, KeyReusedError
from shared.store.tables import idempotency
from tests.integration.issuance.office import CONTEXT, Office

FACE = 5_000_000
_MOVE: str = import_module("services.issuance.migrations.versions.0011_kept_claims").MOVE

_GRANT = "DO $$ BEGIN EXECUTE format('GRANT DELETE ON kept_claims TO %I', current_database()); END $$"


async def _breaches(connection: AsyncConnection) -> list[str]:
    checks = [check for check in CHECKS if check.id in {"K2", "K3"}]
    return [breach.found for found in await examine(connection, CONTEXT, checks) for breach in found.breaches]


async def _closed(office: Office, claimant_id: str, key: str) -> Answer | None:
    return await office.do(lambda tx: close_key(tx, principal=f"user-of-{claimant_id}", key=key, granted=awarded))


async def test_a_granted_claim_is_kept_in_few_bytes_and_told_again_in_all_of_them(
    office: Office, owner: AsyncEngine
) -> None:
    claimant_id, period_id = await office.register(), await office.open_period()
    first = await office.ask(period_id, claimant_id, FACE, key="the-key")
    again = await office.ask(period_id, claimant_id, FACE, key="the-key")
    assert again == first._replace(replayed=True)
    assert await _closed(office, claimant_id, "the-key") == again
    async with owner.connect() as connection:
        name = name_of(f"user-of-{claimant_id}", "the-key")
        kept = sa.text("SELECT * FROM kept_claims WHERE name = CAST(:name AS uuid)")
        row = (await connection.execute(kept, {"name": name})).one()
    assert str(row.position) == first.headers["Event-Position"]
    assert (row.status, row.headers, row.body, row.recorded_at) == (None, None, None, None)


async def test_another_request_under_a_key_is_refused_whatever_the_first_came_to(office: Office) -> None:
    claimant_id, period_id = await office.register(), await office.open_period()
    await office.ask(period_id, claimant_id, FACE, key="won")
    with pytest.raises(Refused):
        await office.ask(period_id, claimant_id, 0, key="lost")
    for key in ("won", "lost"):
        with pytest.raises(KeyReusedError):
            await office.ask(period_id, claimant_id, 1, key=key)


async def test_a_key_that_was_closed_refuses_whatever_comes_under_it_and_is_its_owners_alone(office: Office) -> None:
    claimant_id, stranger, period_id = await office.register(), await office.register(), await office.open_period()
    for _ in range(2):
        assert await _closed(office, claimant_id, "closed") is None
    for amount in (1, FACE, 0):
        with pytest.raises(KeyFencedError):
            await office.ask(period_id, claimant_id, amount, key="closed")
    assert (await office.ask(period_id, stranger, FACE, key="closed")).status == 201
    assert (await office.quota_of(period_id))[1] == FACE


async def test_a_claim_and_the_closing_of_its_key_agree_on_who_came_first(office: Office) -> None:
    period_id, claimants = await office.open_period(), [await office.register() for _ in range(20)]
    outcomes = await asyncio.gather(
        *(office.ask(period_id, one, FACE, key="race") for one in claimants),
        *(_closed(office, one, "race") for one in claimants),
        return_exceptions=True,
    )
    won = 0
    for asked, closed in zip(outcomes[:20], outcomes[20:], strict=True):
        if isinstance(asked, Answer):
            won += 1
            assert closed == asked._replace(replayed=True)
        else:
            assert isinstance(asked, KeyFencedError)
            assert closed is None
    assert (await office.quota_of(period_id))[1] == won * FACE


async def test_the_database_names_keys_as_the_service_does(owner: AsyncEngine) -> None:
    whose = ("用户-1", "key with | and 钥")
    async with owner.connect() as connection:
        named = sa.text("SELECT replace(CAST(claim_name(:principal, :key) AS text), '-', '')")
        assert await connection.scalar(named, dict(zip(("principal", "key"), whose, strict=True))) == name_of(*whose)


async def test_answers_from_before_are_given_in_the_bytes_they_had(office: Office, owner: AsyncEngine) -> None:
    claimant_id, period_id = await office.register(), await office.open_period()
    granted = await office.ask(period_id, claimant_id, FACE, key="now")
    position = granted.headers["Event-Position"]
    told = granted._replace(body=granted.body.replace(b'"CNY"', b' "CNY"'))  # as another form would have spelt it
    refused = Answer(422, {"Content-Type": "application/problem+json"}, b'{"code":"quota-exhausted"}')
    async with owner.begin() as connection:
        await connection.execute(sa.text(f"DELETE FROM kept_claims WHERE position = {position}"))
        for key, answer in (("won-before", told), ("lost-before", refused), ("closed-before", None)):
            asked = IdempotencyKey(f"user-of-{claimant_id}", "claimVoucher", key, f"{period_id} {FACE}".encode())
            row = {
                "principal": asked.principal,
                "operation": asked.operation,
                "key": key,
                "request_hash": asked.request_hash if answer else b"",
                "status": answer.status if answer else 409,
                "headers": dict(answer.headers) if answer else {},
                "body": answer.body if answer else b"",
                "recorded_at": office.clock.now(),
            }
            await connection.execute(sa.insert(idempotency).values(**row))
        await connection.execute(sa.text(_MOVE))
    assert await office.ask(period_id, claimant_id, FACE, key="won-before") == told._replace(replayed=True)
    assert await office.ask(period_id, claimant_id, FACE, key="lost-before") == refused._replace(replayed=True)
    with pytest.raises(KeyFencedError):
        await office.ask(period_id, claimant_id, FACE, key="closed-before")
    assert await _closed(office, claimant_id, "closed-before") is None
    async with owner.connect() as connection:
        assert await _breaches(connection) == []


async def test_who_has_claimed_what_is_found_by_an_index_of_the_log(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
        asked = sa.text(f"EXPLAIN {_CLAIMED_BY.text}")
        plan = (await connection.execute(asked, {"claimant_id": "clm_1", "newest": None})).scalars().all()
    assert any("events_claimed_by_idx" in line for line in plan), plan


async def test_a_right_to_change_what_is_kept_is_a_breach(owner: AsyncEngine) -> None:
    async with owner.connect() as connection:
        before = await _breaches(connection)
        await connection.execute(sa.text(_GRANT))
        assert (before, await _breaches(connection)) == ([], ["the service has a right it must not have: DELETE"])
        await connection.rollback()
