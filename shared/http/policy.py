"""Who may call what: one table per service, and nothing that is not in it."""

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """The roles a token may carry."""

    CLAIMANT = "claimant"
    PROVIDER = "provider"
    EXPERT = "expert"
    REFERRAL_AGENCY = "referral_agency"
    SERVICE_AGENCY = "service_agency"
    OFFICER = "officer"
    APPROVER = "approver"
    AUDITOR = "auditor"
    PARTNER = "partner"
    CHANNEL = "channel"


PUBLIC: frozenset[Role] = frozenset()
"""Anyone, without a token."""

type Policy = Mapping[str, frozenset[Role]]
"""By operationId: the roles that may call it; `PUBLIC` means anyone. An operation without a row does not start."""


def roles(*allowed: Role) -> frozenset[Role]:
    """List the roles that may call an operation."""
    if not allowed:
        raise ValueError("name at least one role, or say PUBLIC")
    return frozenset(allowed)
