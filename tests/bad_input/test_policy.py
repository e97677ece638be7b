"""Every operation of every service against its row of the policy: deny by default, over HTTP."""

import pytest

from shared.http.policy import Role
from tests.bad_input.door import Door, Target, assert_problem, targets

TARGETS = list(targets())


def _named(target: Target) -> str:
    return f"{target.context}-{target.name}"


async def test_no_operation_is_missing_from_what_is_tried(door: Door) -> None:
    documented = set()
    for context in door.house.urls:
        for path, item in (await door.document(context))["paths"].items():
            documented |= {(context, path, method.upper()) for method in item}
    pages = {path for _, path, _ in documented if not path.startswith("/v1/")}
    assert pages == {"/health/live", "/health/ready"}
    assert {each for each in documented if each[1] not in pages} == {
        (target.context, target.route.path, target.method) for target in TARGETS
    }


@pytest.mark.parametrize("target", [target for target in TARGETS if not target.is_public], ids=_named)
async def test_without_a_token_nobody_gets_in(door: Door, target: Target) -> None:
    answer = await door.knock(target, headers={"Authorization": None})
    assert_problem(answer, 401, "not-authenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("target", [target for target in TARGETS if target.is_public], ids=_named)
async def test_what_is_public_needs_no_token(door: Door, target: Target) -> None:
    answer = await door.knock(target)
    assert answer.status_code not in {401, 403}, answer.text


@pytest.mark.parametrize("target", [target for target in TARGETS if not target.is_public], ids=_named)
async def test_each_role_is_let_in_or_refused_as_the_policy_says(door: Door, target: Target) -> None:
    for role in Role:
        answer = await door.knock(target, role=role)
        if role in target.allowed:
            assert answer.status_code != 401, answer.text
            assert answer.is_success or answer.json()["code"] != "not-allowed", answer.text
        else:
            assert_problem(answer, 403, "not-allowed")
