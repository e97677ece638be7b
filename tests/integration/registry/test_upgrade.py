"""A register that is older than users, versions and reviews: who had registered goes on as the owner."""

from datetime import date, timedelta
from pathlib import Path

import sqlalchemy as sa

from services.registry.app import CONTEXT
from services.registry.domain.profile import digest_of
from services.registry.tables import REGISTRY, claimants
from shared.events.registry.claimants import ClaimantEligibilityChanged, ClaimantRegistered
from shared.http.policy import Role
from shared.store.migrate import migrate
from shared.store.transaction import Cause, transaction
from tests.integration.registry.bodies import company
from tests.integration.registry.house import House, open_house
from tests.unit.registry.facts import CERTIFICATE

CLAIMANT = "clm_01kdvdna00ek7990e5df8shghf"
_SINCE = (
    "claimant_users", "claimant_invitations", "claimant_profiles", "certificate_revocations", "eligibility_reviews",
    "related_party_declarations", "claimant_bank_accounts", "access_records",
)  # fmt: skip


async def test_who_registered_before_is_the_owner_and_is_judged_once_more(postgres_url: str, tmp_path: Path) -> None:
    async with open_house(CONTEXT, postgres_url, tmp_path) as house:
        await _go_back(house)
        await _registered_then(house)
        assert "0004" in "".join(await migrate(house.settings, CONTEXT.name, CONTEXT.folder / "migrations"))
        boss = house.person(Role.CLAIMANT, "boss-of-old")
        seen = await boss.get(f"/v1/claimants/{CLAIMANT}")
        assert (seen.status_code, seen.json()["profile_stage"], seen.json()["eligibility"]) == (200, "draft", None)
        users = (await boss.get(f"/v1/claimants/{CLAIMANT}/users")).json()["users"]
        assert users == [{"principal": "boss-of-old", "role": "owner"}]
        async with house.owner() as connection:
            house.clock.instant = (await connection.exec_driver_sql("SELECT max(due_at) FROM deadlines")).scalar_one()
        assert await house.wait(timedelta()) == 1
        assert isinstance((await house.facts())[-1], ClaimantEligibilityChanged)
        found = await house.breaches()
        assert [found[check] for check in ("R2", "R10", "R11", "R12", "R13")] == [[]] * 5


async def _go_back(house: House) -> None:
    """Make the database what it was before."""
    async with house.owner() as connection:
        tables = [REGISTRY.tables[name] for name in _SINCE]
        await connection.run_sync(REGISTRY.drop_all, tables=tables)
        await connection.exec_driver_sql(
            "ALTER TABLE claimants ADD CONSTRAINT claimants_principal_key UNIQUE (principal)"
        )
        for column in ("stage", "open_reviews", "eligibility"):
            await connection.exec_driver_sql(f"ALTER TABLE claimant_list DROP COLUMN {column}")
        await connection.exec_driver_sql("UPDATE revision SET version_num = '0003'")


async def _registered_then(house: House) -> None:
    profile = company()
    fact = ClaimantRegistered(
        claimant_id=CLAIMANT,
        kind="enterprise",
        principal="boss-of-old",
        certificates=(CERTIFICATE,),
        profile_digest=digest_of("salt", profile),
        on=date(2026, 11, 20),
        pack="beijing-2023",
        pack_digest="d",
    )
    row = {
        "claimant_id": CLAIMANT,
        "kind": "enterprise",
        "principal": "boss-of-old",
        "name": profile["name"],
        "credit_code": profile["credit_code"],
        "profile": profile,
        "certificates": profile["certificates"],
        "salt": "salt",
    }
    cause = Cause(actor="boss-of-old", correlation_id="req_old")
    async with transaction(house.app.state.runtime.engine, CONTEXT.name, house.clock, cause) as tx:
        tx.append(f"claimant-{CLAIMANT}", 0, [fact])
        await tx.connection.execute(sa.insert(claimants).values(**row))
