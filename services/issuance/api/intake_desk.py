"""Where claims that came over HTTP are brought to the intake, and where its answers are written."""

from collections.abc import Awaitable
from typing import cast

from fastapi import Request

from services.issuance.api.forwarding import Forwarding
from services.issuance.api.ordinary_claims import CLAIMS
from services.issuance.api.sold_out import SoldOut
from services.issuance.domain.claiming import SOLD_OUT
from services.issuance.domain.waiting_room import Shown, Unfit
from services.issuance.intake.intake import Intake, TooManyClaimsError
from services.issuance.intake.ownership import HeldElsewhereError
from services.issuance.waiting_room.tokens import EntryTokens
from shared.http.desk import cause_of
from shared.http.edge import Edge, Visit, writer_for
from shared.http.identity import Caller, claimant_of
from shared.http.policy import Role
from shared.http.problems import PROBLEM_JSON, ProblemError
from shared.http.seconds import monotonic_seconds
from shared.kernel.refusal import Refused
from shared.store.execution import Answer, IdempotencyKey


class IntakeDesk:
    """Brings claims to the intake of the process, or to the instance that writes their period."""

    def __init__(self, edge: Edge, intake: Intake) -> None:
        self._edge, self.intake = edge, intake
        self._forwarding = Forwarding(intake.take_over)
        self._entry_tokens = EntryTokens(edge.settings)
        self.sold_out = SoldOut(edge, intake, monotonic_seconds)

    async def claim(
        self,
        visit: Visit,
        key: IdempotencyKey,
        period_id: str,
        amount: int,
        *,
        token: str,
        entry_token: str,
        named: str | None = None,
    ) -> Answer:
        """Have the caller's claim of `amount` fen decided in its turn, and give its answer.

        `named` is the claimant whom a channel claims for; `token` is the `Authorization` the claim came with,
        `entry_token` that of its place in the waiting room, or "". Raises what `Intake.claim` does, but ProblemError
        `too-many-requests` where the company has too many in line, and never HeldElsewhereError.
        """
        if visit.caller is None:
            raise ProblemError("not-authenticated")
        caller, claimant_id = visit.caller, claimant_of(visit.caller, named)
        shown = self.shown(entry_token, caller, period_id, key.key, named) if entry_token else Unfit.MISSING

        def told(refused: Refused) -> Answer:
            return self._told(visit, refused)

        def decide() -> Awaitable[Answer]:
            return self.intake.claim(
                period_id=period_id,
                claimant_id=claimant_id,
                amount=amount,
                at=self._edge.runtime.clock.now(),  # the order of the line is the order of these instants
                key=key,
                cause=cause_of(visit),
                told=told,
                by_channel=caller.role is Role.CHANNEL,
                shown=shown,
            )

        try:
            return await decide()
        except HeldElsewhereError:
            return await self._forwarding.settle(
                decide, visit=visit, key=key, path=CLAIMS, token=token, entry_token=entry_token
            )
        except TooManyClaimsError as error:
            raise ProblemError("too-many-requests", headers={"Retry-After": "1"}) from error

    def shown(self, entry_token: str, caller: Caller, period_id: str, key: str, named: str | None = None) -> Shown:
        """Say what a claim in a period, under a key, shows at the door of the waiting room."""
        claimant_id = claimant_of(caller, named)
        return self._entry_tokens.shown(
            entry_token, period_id=period_id, claimant_id=claimant_id, principal=caller.principal, key=key
        )

    def _told(self, visit: Visit, refused: Refused) -> Answer:
        """Write a refusal."""
        (first, *more) = refused.reasons
        if not more and first.code == SOLD_OUT:
            return self.sold_out.told(visit, first)
        problem = writer_for(self._edge, visit, CLAIMS).of_refusal(refused)
        headers = {"Content-Type": PROBLEM_JSON, **problem.headers}
        return Answer(status=problem.status, headers=headers, body=problem.body)

    async def close(self) -> None:
        """Close the intake, and what claims were sent on with."""
        await self.intake.close()
        await self._forwarding.close()


def desk_of(request: Request) -> IntakeDesk:
    """Give the desk of the process a request has come to."""
    return cast("IntakeDesk", request.app.state.intake_desk)
