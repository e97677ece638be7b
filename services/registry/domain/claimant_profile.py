"""What a claimant says of itself, as the facts that art. 7 judges; `profile` is plain JSON values as they were sent."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from services.registry.domain.eligibility import Declarations, EnterpriseFacts, TeamFacts
from shared.events.registry.claimants import Certificate
from shared.kernel.districts import DIVISIONS
from shared.kernel.money import Fen


def enterprise_facts(profile: Mapping[str, Any], certificates: tuple[Certificate, ...]) -> EnterpriseFacts:
    """Read a company's profile; the certificates are those of the log, whatever the profile says of them."""
    declared = profile["declarations"]
    return EnterpriseFacts(
        credit_code=profile["credit_code"],
        founded_on=date.fromisoformat(profile["founded_on"]),
        district=profile["district"],
        staff=profile["staff"],
        annual_revenue=Fen(profile["annual_revenue"]["amount"]),
        total_assets=Fen(profile["total_assets"]["amount"]),
        field=profile["field"],
        listed_on=date.fromisoformat(profile["listed_on"]) if profile["listed_on"] is not None else None,
        certificates=certificates,
        declarations=Declarations(
            legal_person=declared["legal_person"],
            sound_finances=declared["sound_finances"],
            clean_record=declared["clean_record"],
        ),
        undertaking=profile["undertaking"],
    )


def division_of(profile: Mapping[str, Any]) -> str | None:
    """Give the division code of the district of registration; None for a team, and outside Beijing."""
    return DIVISIONS.get(profile.get("district", ""))


def team_facts(profile: Mapping[str, Any]) -> TeamFacts:
    """Count what art. 7 asks of a team."""
    return TeamFacts(
        school=profile["school"],
        members=len(profile["members"]),
        students=sum(member["student"] for member in profile["members"]),
        registered_as_company=profile["registered_as_company"],
        stage=profile["project"]["stage"],
        undertaking=profile["undertaking"],
    )


def is_complete(profile: Mapping[str, Any]) -> bool:
    """Tell whether the office can reach whoever stands behind a profile; the rest is asked of everybody at once."""
    return profile.get("contact") is not None
