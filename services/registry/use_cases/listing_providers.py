"""An institution comes on the list: by order, or by application and the check of art. 6."""

import secrets
from dataclasses import asdict, dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.registry.domain.admission import ApplyToOpen, CheckCondition, OnNotice, Rejected
from services.registry.domain.credit_code import is_valid
from services.registry.domain.listing import ChangeCapabilities, ListMunicipal
from services.registry.domain.profile import digest_of
from services.registry.domain.provider import Event, State, provider
from services.registry.tables import condition_checks, providers
from services.registry.use_cases.barring import is_code_barred
from services.registry.use_cases.declaring_related_parties import expect_arrival
from services.registry.use_cases.owning import check_is_provider
from services.registry.use_cases.publishing_listings import close, end_notice_after
from services.registry.use_cases.sanctioning import carry_to
from services.registry.use_cases.streams import stream_of
from shared.events.registry.facilities import ServiceKind
from shared.events.registry.providers import ProviderCondition
from shared.kernel.ids import new_id
from shared.kernel.refusal import Reason, refuse, refuse_unless
from shared.store.transaction import Handled, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Institution:
    """What is public of a provider, and its credit code, normalised."""

    name: str
    credit_code: str
    district: str
    capabilities: tuple[ServiceKind, ...]
    third_party_testing: bool


async def list_municipal(
    tx: Transaction, provider_id: str, principal: str, institution: Institution
) -> Handled[Event, State]:
    """List an institution of the city at once: it joins by order (art. 6 paragraph 1)."""
    _check_code(institution)
    command = ListMunicipal(
        provider_id=provider_id,
        principal=principal,
        capabilities=institution.capabilities,
        third_party_testing=institution.third_party_testing,
        barred=await is_code_barred(tx, institution.credit_code),
        on=tx.today,
    )
    handled = await tx.handle(provider, stream_of(provider_id, "prv"), command)
    await _take(tx, provider_id, principal, institution, secrets.token_hex(16))
    await carry_to(tx, provider_id, "provider", institution.credit_code)
    return handled


async def apply_to_open(
    tx: Transaction, provider_id: str, principal: str, institution: Institution
) -> Handled[Event, State]:
    """Take the application of a Beijing-based institution (art. 6 paragraph 2)."""
    _check_code(institution)
    terms = tx.measures.on(tx.today)
    salt = secrets.token_hex(16)
    profile = asdict(institution) | {"capabilities": list(institution.capabilities)}
    command = ApplyToOpen(
        provider_id=provider_id,
        principal=principal,
        barred=await is_code_barred(tx, institution.credit_code),
        profile_digest=digest_of(salt, profile),
        on=tx.today,
        pack=terms.pack,
        pack_digest=terms.digest,
    )
    handled = await tx.handle(provider, stream_of(provider_id, "prv"), command)
    await _take(tx, provider_id, principal, institution, salt)
    await carry_to(tx, provider_id, "provider", institution.credit_code)
    return handled


async def check_condition(
    tx: Transaction, provider_id: str, officer: str, condition: ProviderCondition, *, met: bool, remark: str,
    if_match: int | None,
) -> Handled[Event, State]:  # fmt: skip
    """Record the check of one condition; the last one opens the public notice or ends the application.

    Art. 6 asks for a public notice and gives no length. The only length the Measures give is that of art. 14(5), which
    `appraisal_notice_working_days` holds; the redemption's own is itself a reading of that (reading 8), so it is not
    the one to build on.
    """
    await check_is_provider(tx, provider_id)
    terms = tx.measures.on(tx.today)
    command = CheckCondition(
        condition=condition,
        met=met,
        conditions=terms.standing.provider_conditions,
        checked_by=officer,
        notice_id=new_id("ntc", tx.now),
        notice_working_days=terms.appraisal.appraisal_notice_working_days,
        working_days=tx.measures.working_days,
        on=tx.today,
    )
    handled = await tx.handle(provider, stream_of(provider_id, "prv"), command, if_match=if_match)
    statement = insert(condition_checks).values(provider_id=provider_id, condition=condition, remark=remark)
    await tx.connection.execute(
        statement.on_conflict_do_update(
            index_elements=[condition_checks.c.provider_id, condition_checks.c.condition], set_={"remark": remark}
        )
    )
    match handled.state:
        case OnNotice(notice=notice):
            await end_notice_after(tx, provider_id, notice.until)
        case Rejected():
            await close(tx, provider_id)
        case _:
            pass
    return handled


async def change_capabilities(
    tx: Transaction, provider_id: str, officer: str, capabilities: tuple[ServiceKind, ...], *,
    third_party_testing: bool, if_match: int | None,
) -> Handled[Event, State]:  # fmt: skip
    """Enter anew what a listed provider can do; the row keeps what is said now, the log what was said before."""
    await check_is_provider(tx, provider_id)
    command = ChangeCapabilities(
        capabilities=capabilities, third_party_testing=third_party_testing, changed_by=officer, on=tx.today
    )
    handled = await tx.handle(provider, stream_of(provider_id, "prv"), command, if_match=if_match)
    said = {"capabilities": list(capabilities), "third_party_testing": third_party_testing}
    await tx.connection.execute(sa.update(providers).where(providers.c.provider_id == provider_id).values(said))
    return handled


def _check_code(institution: Institution) -> None:
    if not is_valid(institution.credit_code):
        raise refuse("credit-code-invalid", article="6(1)")


async def _take(tx: Transaction, provider_id: str, principal: str, institution: Institution, salt: str) -> None:
    """Take the principal and the code; whoever has taken one before refuses this."""
    taken = await tx.connection.execute(
        insert(providers)
        .values(
            provider_id=provider_id,
            principal=principal,
            credit_code=institution.credit_code,
            name=institution.name,
            district=institution.district,
            capabilities=list(institution.capabilities),
            third_party_testing=institution.third_party_testing,
            salt=salt,
        )
        .on_conflict_do_nothing()
        .returning(providers.c.provider_id)
    )
    if taken.first() is not None:
        await expect_arrival(tx, provider_id, institution.credit_code)
        return
    by_principal = providers.c.principal == principal
    by_code = providers.c.credit_code == institution.credit_code
    found = await tx.connection.execute(
        sa.select(sa.func.bool_or(by_principal), sa.func.bool_or(by_code)).where(
            ~providers.c.closed, by_principal | by_code
        )
    )
    has_principal, has_code = found.one()
    refuse_unless(
        Reason(code="principal-has-provider", article="6", kind="state") if has_principal else None,
        Reason(code="credit-code-taken", article="6", kind="state") if has_code else None,
    )
    raise AssertionError("an insert that conflicts conflicts with something")
