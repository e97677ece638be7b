"""A company or a team registers itself and says what it is (art. 7, 10(1), 15(1))."""

import secrets
from collections.abc import Mapping
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.registry.domain.claimant import Event, RegisterClaimant, State, claimant
from services.registry.domain.claimant_profile import division_of, is_complete
from services.registry.domain.profile import digest_of
from services.registry.domain.sanction import DISQUALIFYING
from services.registry.tables import claimant_profiles, claimant_users, claimants
from services.registry.use_cases.barring import is_code_barred
from services.registry.use_cases.declaring_related_parties import expect_arrival
from services.registry.use_cases.judging_claimants import assess, settle
from services.registry.use_cases.sanctioning import carry_to
from services.registry.use_cases.streams import stream_of
from shared.events.registry.claimants import Certificate
from shared.kernel.refusal import Reason, refuse_unless
from shared.store.transaction import Handled, Transaction


async def register(
    tx: Transaction, claimant_id: str, principal: str, profile: Mapping[str, Any]
) -> Handled[Event, State]:
    """Register a company or a team of which no rule of art. 7 fails; the principal becomes its owner.

    `profile` is all that was declared, as plain JSON values, its credit code normalised.
    """
    code = profile.get("credit_code")
    certificates = certificates_of(profile.get("certificates", ()))
    barred = code is not None and await is_code_barred(tx, code, measures=DISQUALIFYING)
    salt = secrets.token_hex(16)
    command = RegisterClaimant(
        claimant_id=claimant_id,
        kind=profile["kind"],
        principal=principal,
        certificates=certificates,
        profile_digest=digest_of(salt, profile),
        complete=is_complete(profile),
        assessment=assess(tx, profile, certificates, occasion="registration", before=None, barred=barred),
        district=division_of(profile),
    )
    handled = await tx.handle(claimant, stream_of(claimant_id, "clm"), command)
    await _take(tx, command, profile, salt)
    if code is not None:
        await carry_to(tx, claimant_id, "claimant", code)
    await keep_version(tx, claimant_id, profile, salt=salt, digest=command.profile_digest, by=principal)
    await settle(tx, handled, command.assessment.findings)
    await expect_arrival(tx, claimant_id, code)
    return handled


def certificates_of(declared: Any) -> tuple[Certificate, ...]:
    """Give what the log keeps of declared certificates: everything but the number."""
    return msgspec.convert(
        [{name: value for name, value in each.items() if name != "number"} for each in declared],
        type=tuple[Certificate, ...],
    )


async def keep_version(
    tx: Transaction, claimant_id: str, profile: Mapping[str, Any], *, salt: str, digest: str, by: str
) -> None:
    """Add what a claimant says of itself now to all it ever said."""
    of_claimant = claimant_profiles.c.claimant_id == claimant_id
    before = sa.select(sa.func.coalesce(sa.func.max(claimant_profiles.c.number), 0)).where(of_claimant)
    await tx.connection.execute(
        insert(claimant_profiles).values(
            claimant_id=claimant_id,
            number=(await tx.connection.execute(before)).scalar_one() + 1,
            digest=digest,
            salt=salt,
            profile=dict(profile),
            changed_by=by,
            changed_at=tx.now,
        )
    )


async def _take(tx: Transaction, command: RegisterClaimant, profile: Mapping[str, Any], salt: str) -> None:
    """Take the principal, the code and the name; whoever has taken one before refuses this."""
    user = {"principal": command.principal, "claimant_id": command.claimant_id, "role": "owner"}
    row = {
        "claimant_id": command.claimant_id,
        "kind": command.kind,
        "principal": command.principal,
        "credit_code": profile.get("credit_code"),
        "name": profile["name"],
        "school": profile.get("school"),
        "profile": dict(profile),
        "certificates": profile.get("certificates", []),
        "salt": salt,
    }
    for table, values, key in (
        (claimant_users, user, claimant_users.c.principal),
        (claimants, row, claimants.c.claimant_id),
    ):
        statement = insert(table).values(**values).on_conflict_do_nothing().returning(key)
        if (await tx.connection.execute(statement)).first() is None:
            await _refuse_twin(tx, command, profile)


async def _refuse_twin(tx: Transaction, command: RegisterClaimant, profile: Mapping[str, Any]) -> None:
    """Say which of the three is taken, and nothing of who has it."""
    others = claimants.c.claimant_id != command.claimant_id
    code, name, school = profile.get("credit_code"), profile["name"], profile.get("school")
    by_principal = sa.exists().where(
        claimant_users.c.principal == command.principal, claimant_users.c.claimant_id != command.claimant_id
    )
    by_code = sa.exists().where(others, claimants.c.credit_code == sa.literal(code, sa.Text))
    by_name = sa.exists().where(others, claimants.c.school == sa.literal(school, sa.Text), claimants.c.name == name)
    found = await tx.connection.execute(sa.select(by_principal, by_code, by_name))
    has_principal, has_code, has_name = found.one()
    refuse_unless(
        Reason(code="principal-has-claimant", article="15(1)", kind="state") if has_principal else None,
        Reason(code="credit-code-taken", article="15(1)", kind="state") if has_code else None,
        Reason(code="team-already-registered", article="15(1)", kind="state") if has_name else None,
    )
    raise AssertionError("an insert that conflicts conflicts with something")
