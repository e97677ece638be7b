"""Stories nobody thought of, made up from the registry's document: no mistake of ours, only documented answers."""

from collections import Counter
from typing import Any

import pytest
import requests
import schemathesis

from deploy.local.house import House
from shared.http.openapi import operations
from tests.bad_input.door import Target, context_of
from tests.bad_input.storytelling import Book, Story

TELLINGS, STEPS = 10, 25
"""So many stories of each kind, so many requests in each: a thousand requests of the four kinds."""
ABOUT = {
    "a company": ("claimants", "claimant-users", "channels", "eligibility", "standing"),
    "an institution": (
        "claimants", "providers", "provider-applications", "provider-exits", "representation", "facilities",
        "service-people", "usage", "bookings", "services",
    ),
    "agencies": (
        "claimants", "providers", "representation", "affiliations", "referral-agencies", "referrals",
        "service-agencies", "evaluations", "laboratories", "design-centres",
    ),
    "the office": ("claimants", "providers", "experts", "standing"),
}  # fmt: skip
"""Of which parts of the register a story of a kind is told."""
WORKS = {
    "a company": {"registerClaimant", "getClaimant", "getClaimantEligibility", "listClaimantUsers", "getStanding"},
    "an institution": {"applyAsProvider", "listProvider", "openFacility", "getFacility", "recordUsage", "getUsage"},
    "agencies": {"applyAsReferralAgency", "getAffiliation", "listProvider"},
    "the office": {"enrolExpert", "getExpert", "proposeSanction", "getSanction", "approveSanction"},
}
"""What works in at least one story of a kind, or the stories tell nothing."""
_TARGETS = {str(route.operation_id): Target("registry", route) for route in operations(context_of("registry"))}


@pytest.mark.parametrize("about", ABOUT)
def test_wherever_a_story_leads_the_answer_is_one_that_the_document_names(house: House, about: str) -> None:
    document: dict[str, Any] = requests.get(f"{house.urls['registry']}/openapi.json", timeout=10).json()
    schema = schemathesis.openapi.from_dict(document).include(tag=list(ABOUT[about]))
    book = Book(schema, document, _TARGETS)
    worked, answered = Counter[str](), Counter[str]()
    first = 1 + TELLINGS * list(ABOUT).index(about)
    with requests.Session() as session:
        for number in range(first, first + TELLINGS):
            Story(book, house, "registry", session, number, worked, answered).tell(STEPS)
    assert answered.total() == TELLINGS * STEPS
    assert not WORKS[about] - worked.keys(), f"of {answered} only {worked} worked"
