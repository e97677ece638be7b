"""What is sent to issuance about waiting rooms and challenges and what it answers."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from services.issuance.waiting_room.room import TicketState
from shared.events.issuance.periods import WaitingRoom
from shared.http.models import Body, View

type ChallengeKind = Literal["none", "proof-of-work", "outside"]

_PERIOD = "prd_01jq8v5x0000000000000000aa"
_INSTANT = "2026-03-01T00:30:00Z"
_PACE = "每秒放行的名额 · Places let in each second"
_OPENS = "开始排队的时刻，早于周期开放 · When places begin to be given, before the period opens"
_CHALLENGE = "排队前须完成人机验证 · Whether a challenge comes first"

ServerTime = Annotated[
    datetime, Field(description="作答时的服务器时钟 · The server's clock at this answer", examples=[_INSTANT])
]


class PlannedWaitingRoom(Body):
    opens_at: Annotated[
        AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(2200, 1, 1, tzinfo=UTC))
    ] = Field(description=_OPENS, examples=[_INSTANT])
    per_second: int = Field(ge=-(2**31), lt=2**31, description=_PACE, examples=[500])
    challenge: bool = Field(default=False, description=_CHALLENGE, examples=[False])

    def planned(self) -> WaitingRoom:
        """Say it as the facts of a period do."""
        return WaitingRoom(opens_at=self.opens_at, per_second=self.per_second, challenge=self.challenge)


class WaitingRoomView(View):
    opens_at: datetime = Field(description=_OPENS, examples=[_INSTANT])
    per_second: int = Field(description=_PACE, examples=[500])
    challenge: bool = Field(description=_CHALLENGE, examples=[False])

    @classmethod
    def of(cls, room: WaitingRoom | None) -> "WaitingRoomView | None":
        """Show a plan's room; None where it has none."""
        if room is None:
            return None
        return cls(opens_at=room.opens_at, per_second=room.per_second, challenge=room.challenge)


class WaitingRoomNow(WaitingRoomView):
    period_id: str = Field(examples=[_PERIOD])
    period_opens_at: datetime = Field(description="周期的开放时刻 · When the period opens", examples=[_INSTANT])
    closed: bool = Field(description="不再排队 · No places are given any more", examples=[False])
    places: int = Field(description="已发的号数 · Places given so far", examples=[1_204])
    waiting: int = Field(description="其中尚在等候的 · How many of them still wait", examples=[1_180])
    server_time: ServerTime


class EntryTicket(View):
    ticket_id: str = Field(
        description="票号；申领时用作 Idempotency-Key · The Idempotency-Key of the claim made with it",
        examples=["tkt_01jq8v5x0000000000000000ee"],
    )
    period_id: str = Field(examples=[_PERIOD])
    claimant_id: str = Field(examples=["clm_01jq8v5x0000000000000000cc"])
    place: int = Field(description="排队次序 · Place, in the order of arrival", examples=[18])
    ahead: int = Field(description="前面还有几家 · How many places before it still wait", examples=[17])
    state: TicketState = Field(
        description=(
            "waiting 等候；admitted 可申领；used 已用；expired 已过期 · "
            "admitted: claim now; used: its claim has its answer"
        ),
        examples=["waiting"],
    )
    entered_at: datetime = Field(examples=[_INSTANT])
    admits_from: datetime = Field(
        description="可申领的最早时刻 · From when it may be used", examples=["2026-03-01T01:00:00.034Z"]
    )
    expires_at: datetime = Field(
        description="失效时刻 · From when it is void; another can be had then", examples=["2026-03-01T01:15:00.034Z"]
    )
    expected_wait_ms: int = Field(
        description="预计还须等候的毫秒数 · Milliseconds until it may be used", examples=[1_800_034]
    )
    server_time: ServerTime
    entry_token: str | None = Field(
        description=(
            "申领时放入 Entry-Token 请求头；只给取号的用户 · "
            "Send it in the header Entry-Token with the claim; null for the company's other users"
        ),
        examples=["c2VhbGVk"],
    )


class ChallengeTask(View):
    kind: ChallengeKind = Field(
        description=(
            "none 无须作答；proof-of-work：求整数 n，使 SHA-256(puzzle + ':' + n) 前 bits 位为零，答案为 puzzle:n；"
            "outside：由外部服务作答 · proof-of-work: find n so that the digest of `puzzle:n` begins with so many zero "
            "bits, and answer `puzzle:n`; outside: the answer is the outside service's"
        ),
        examples=["proof-of-work"],
    )
    puzzle: str | None = Field(examples=["c2VhbGVk"])
    bits: int | None = Field(examples=[18])
    site_key: str | None = Field(description="外部服务的公开标识 · Our public key there", examples=[None])
    expires_at: datetime | None = Field(description="须在此前使用 · To be used before", examples=[_INSTANT])
