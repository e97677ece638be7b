"""Who calls: the identity a bearer token proves."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.http.policy import Role
from shared.kernel.ids import is_id
from shared.kernel.refusal import refuse
from shared.store.transaction import UnknownSubjectError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@|-]{0,127}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated caller.

    `principal` is the token's subject; `party` the claimant, provider or expert it acts for, if any.
    """

    principal: str
    role: Role
    party: str | None
    token_id: str

    @classmethod
    def of_claims(cls, claims: Mapping[str, Any]) -> "Caller":
        """Read a caller from verified claims; ValueError when one is missing or has the wrong form."""
        party = claims.get("party")
        if party is not None and not _is_name(party):
            raise ValueError("party")
        for claim in ("sub", "jti"):
            if not _is_name(claims.get(claim)):
                raise ValueError(claim)
        return cls(principal=claims["sub"], role=Role(str(claims.get("role"))), party=party, token_id=claims["jti"])


def claimant_of(caller: Caller, named: str | None) -> str:
    """Give the claimant a caller acts for: its token's, or, for a channel, the one it names (art. 15(1)).

    Whether the channel may is not asked here. Refuses a channel that names nobody (`claimant-not-named`); somebody
    else's claimant does not exist for a user (`UnknownSubjectError`). A token without a claimant acts for nobody: "".
    """
    if caller.role is Role.CHANNEL:
        if named is None:
            raise refuse("claimant-not-named", article="15(1)")
        if not is_id(named, "clm"):
            raise UnknownSubjectError(named)
        return named
    if named not in {None, caller.party}:
        raise UnknownSubjectError(named)
    return caller.party or ""


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None
