"""What commands that speak to a running service have in common: whose token, and what to make of an answer."""

import re
from typing import TYPE_CHECKING, Any

from services.commands.environment import settings
from services.commands.problems import CommandProblem, Exit

if TYPE_CHECKING:
    import httpx


_PLACE = re.compile(r"^(#/|[a-z]+:)")
"""How a pointer begins: into the body, or `query:`, `path:`."""


def officer_s_token() -> str:
    """Issue an officer's token, which only development can."""
    from shared.http.local_issuer import LocalIssuer

    return LocalIssuer(settings()).issue("officer", "officer")


def told(response: "httpx.Response", who: str) -> dict[str, Any]:
    """Give the JSON of a good answer; of another, a CommandProblem in the service's own words."""
    if response.is_success:
        answer: dict[str, Any] = response.json()
        return answer
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    said, remedy = problem.get("detail") or f"{who} answered {response.status_code}", problem.get("remedy", "")
    if problem.get("code") == "invalid":  # there the detail only points at the entries, which a terminal does not show
        said = "; ".join(f"{_PLACE.sub('', each['pointer'])}: {each['message']}" for each in problem["errors"])
        remedy = "Correct what is named"
    raise CommandProblem(_sentence(said), _sentence(remedy), Exit.FAILED)


def _sentence(text: str) -> str:
    """End what a service has said as the command line ends its sentences."""
    return f"{text}." if text and text[-1] not in ".!?。！？" else text
