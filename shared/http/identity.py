"""Who calls: the identity a bearer token proves."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.http.policy import Role

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


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None
