"""An answer of the document leads on: to operations that exist, with everything their paths ask for."""

import re
from importlib import import_module
from typing import Any

import pytest

from shared.http.application import catalogue_of
from shared.http.openapi import build_openapi
from shared.settings import CONTEXTS, Settings
from tests.bad_input.door import context_of

_EXPRESSION = re.compile(r"\$request\.path\.\w+|\$response\.body#/\w+|\$response\.header\.ETag")


def document_of(name: str) -> dict[str, Any]:
    """Write a service's document, as it is served."""
    context = context_of(name)
    app = import_module(f"services.{name}.app").create_app(Settings(env="dev"))
    return build_openapi(app, context, catalogue_of(context))


def links_of(document: dict[str, Any]) -> dict[str, dict[str, dict[str, str]]]:
    """Give the links of each operation: to which other, with which parameters."""
    return {
        described["operationId"]: {
            link["operationId"]: link["parameters"]
            for answer in described["responses"].values()
            for link in answer.get("links", {}).values()
        }
        for path in document["paths"].values()
        for described in path.values()
    }


@pytest.fixture(scope="module")
def registry() -> dict[str, dict[str, dict[str, str]]]:
    return links_of(document_of("registry"))


@pytest.mark.parametrize("name", CONTEXTS)
def test_every_link_fills_the_path_of_an_operation_from_what_is_known(name: str) -> None:
    document = document_of(name)
    paths = {described["operationId"]: path for path, item in document["paths"].items() for described in item.values()}
    found = links_of(document)
    assert sum(map(len, found.values()))
    for source, links in found.items():
        for target, parameters in links.items():
            wanted = {f"path.{parameter}" for parameter in re.findall(r"\{(\w+)\}", paths[target])}
            assert parameters.keys() - {"header.If-Match"} == wanted, f"{source} to {target}"
            assert all(_EXPRESSION.fullmatch(expression) for expression in parameters.values()), f"{source} to {target}"
            asked = set(re.findall(r"\{(\w+)\}", paths[source]))
            told = {e.removeprefix("$request.path.") for e in parameters.values() if e.startswith("$request")}
            assert told <= asked, f"{source} to {target}"


def test_what_was_made_is_found_by_its_id_and_changed_in_the_version_that_was_told(
    registry: dict[str, dict[str, dict[str, str]]],
) -> None:
    assert registry["registerClaimant"]["getClaimant"] == {"path.claimant_id": "$response.body#/claimant_id"}
    assert registry["getClaimant"]["changeClaimantProfile"] == {
        "path.claimant_id": "$request.path.claimant_id",
        "header.If-Match": "$response.header.ETag",
    }
    assert registry["proposeSanction"]["approveSanction"]["header.If-Match"] == "$response.header.ETag"


def test_an_id_is_followed_under_other_names_and_not_to_other_things(
    registry: dict[str, dict[str, dict[str, str]]],
) -> None:
    assert registry["enrolExpert"]["getStanding"] == {"path.party_id": "$response.body#/expert_id"}
    assert registry["applyAsReferralAgency"]["getReferralAgency"] == {"path.agency_id": "$response.body#/party_id"}
    assert "getServiceAgency" not in registry["applyAsReferralAgency"]
    assert "getReferralAgency" not in registry["getServiceAgency"]
    assert registry["proposeAgencyEvaluation"]["approveAgencyEvaluation"] == {
        "path.agency_id": "$request.path.agency_id",
        "path.year": "$response.body#/year",
        "header.If-Match": "$response.header.ETag",
    }


def test_a_list_leads_nowhere(registry: dict[str, dict[str, dict[str, str]]]) -> None:
    assert not registry["listProviders"]
    assert not registry["listAgencyEvaluations"]
