"""Requests nobody thought of, made from each service's own document: no mistake of ours, only documented answers."""

from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.generation import GenerationMode
from schemathesis.generation.case import Case
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from deploy.local.house import House
from tests.bad_input.door import Target, fresh_key, targets

CASES_PER_SERVICE = 200
_CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
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
    here = sum(each.context == target.context for each in _TARGETS)

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=max(2, CASES_PER_SERVICE // here // len(GenerationMode)),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def answered_as_documented(case: Case[Any]) -> None:
        (case.query or {}).pop("min_position", None)  # who asks for a position that no log has reached only waits
        headers = (
            _headers(house, target) if mode is GenerationMode.POSITIVE else _headers(house, target, "authorization")
        )
        with requests.Session() as session:
            answer = case.call(house.urls[target.context], session=session, headers=headers)
        assert answer.status_code < 500, answer.text
        case.validate_response(answer, checks=_CHECKS)

    answered_as_documented()


def _headers(house: House, target: Target, *only: str) -> dict[str, str]:
    """Give the headers that let a request through to the handler, or only some of them."""
    headers: dict[str, str] = {}
    if not target.is_public:
        role = min(target.allowed)
        party = f"{_PARTIES[role]}_01jq8v5x0000000000000000zz" if role in _PARTIES else None
        headers["authorization"] = f"Bearer {house.token(role, 'user-generated', party)}"
    if target.route.rules.idempotent:
        headers["idempotency-key"] = fresh_key()
    if target.route.rules.if_match:
        headers["if-match"] = '"1"'
    return {name: value for name, value in headers.items() if not only or name in only}
