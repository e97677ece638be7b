"""Every decision of the office is somebody's duty, and needs one that is known (art. 18)."""

from dataclasses import replace
from importlib import import_module

import pytest
import sqlalchemy as sa

from shared.context import BoundedContext
from shared.http.application import PolicyError, check_policy
from shared.http.openapi import operations
from shared.http.policy import PUBLIC, Policy, Role, roles
from shared.procedures.duties import SeparatedDuties, appointed_users

OFFICE = {Role.OFFICER, Role.APPROVER}
POLICY: Policy = {"pausePeriod": roles(Role.OFFICER), "claimVoucher": roles(Role.CLAIMANT), "listPeriods": PUBLIC}
DUTIES = SeparatedDuties(appointed=appointed_users(sa.MetaData()), of_operations={"pausePeriod": "planning"})


def context_of(name: str) -> BoundedContext:
    context: BoundedContext = import_module(f"services.{name}.app").CONTEXT
    return context


@pytest.mark.parametrize("name", ["issuance", "contracts", "redemption", "appraisal"])
def test_whatever_the_office_alone_decides_is_somebodys_duty(name: str) -> None:
    context = context_of(name)
    decided = {
        route.operation_id
        for route in operations(context)
        if "GET" not in (route.methods or ()) and PUBLIC < context.policy[route.operation_id or ""] <= OFFICE
    }
    assert decided == set(context.duties.of_operations if context.duties else ())


def test_a_duty_for_what_is_no_operation_or_not_the_offices_alone_does_not_start() -> None:
    check_policy(POLICY, POLICY, DUTIES)
    for other in ("claimVoucher", "listPeriods", "noSuchOperation"):
        with pytest.raises(PolicyError, match=other):
            check_policy(POLICY, POLICY, replace(DUTIES, of_operations={other: "planning"}))
