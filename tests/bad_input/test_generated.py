"""Requests nobody thought of, made from each service's own document: no mistake of ours, only documented answers."""

from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.generation.case import Case
from schemathesis.schemas import APIOperation

from deploy.local.house import House
from tests.bad_input.door import Target, fresh_key, targets
from tests.bad_input.generating import CHECKS, TOO_MANY

CASES = {
    "registry": 1_000,  # by far the most operations, and what everybody else relies on; a thousand more are in stories
    "issuance": 5_000,  # gives rights to money away, under the most rules
    "contracts": 200,  # one of few operations each: a case more is nearly always refused like the one before
    "redemption": 200,
    "appraisal": 200,
}
"""How many requests each service is at least sent, over all its operations."""
_TARGETS = list(targets())
_PARTIES = {"claimant": "clm", "provider": "prv", "expert": "exp"}


@pytest.fixture(scope="module")
def documents(house: House) -> dict[str, Any]:
    return {
        context: schemathesis.openapi.from_dict(requests.get(f"{url}/openapi.json", timeout=10).json())
        for context, url in house.urls.items()
    }


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize("target", _TARGETS, ids=lambda target: f"{target.context}-{target.name}")
def test_every_answer_is_one_that_the_document_names(
    house: House, documents: dict[str, Any], target: Target, mode: GenerationMode
) -> None:
    operation: APIOperation[Any, Any, Any, Any] = documents[target.context][target.route.path][target.method]
    token = _token(house, target)
    share, answered = _share(target), 0

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=share,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def answered_as_documented(case: Case[Any]) -> None:
        nonlocal answered
        (case.query or {}).pop("min_position", None)  # who asks for a position that no log has reached only waits
        answer = case.call(house.urls[target.context], session=session, headers=token | _headers(target, case))
        assert answer.status_code < 500, answer.text
        assert answer.status_code != TOO_MANY, "a request that is turned away for the many before it tries nothing"
        case.validate_response(answer, checks=CHECKS)
        answered += 1

    with requests.Session() as session:  # one connection, and not so long that it would ever lie idle
        answered_as_documented()
    assert answered >= share, "fewer requests than were promised"


def _share(target: Target) -> int:
    """Say how many of a service's cases fall to one operation in one mode, rounded up."""
    tests = sum(each.context == target.context for each in _TARGETS) * len(GenerationMode)
    return -(-CASES[target.context] // tests)


def _token(house: House, target: Target) -> dict[str, str]:
    """Give the header by which somebody who may call the operation is let in."""
    if target.is_public:
        return {}
    role = min(target.allowed)
    party = f"{_PARTIES[role]}_01jq8v5x0000000000000000zz" if role in _PARTIES else None
    return {"authorization": f"Bearer {house.token(role, 'user-generated', party)}"}


def _headers(target: Target, case: Case[Any]) -> dict[str, str]:
    """Give the other headers that let a request through to the handler, unless they are what is wrong with it."""
    wrong = case.meta.components.get(ParameterLocation.HEADER) if case.meta else None
    if wrong is not None and wrong.mode.is_negative:
        return {}
    headers: dict[str, str] = {}
    if target.route.rules.idempotent:
        headers["idempotency-key"] = fresh_key()
    if target.route.rules.if_match:
        headers["if-match"] = '"1"'
    return headers
