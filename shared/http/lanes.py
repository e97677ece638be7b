"""What ways past the framework have in common: which requests are ordinary enough for them, and who is asking."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from shared.http.edge import Edge
from shared.http.identity import Caller
from shared.http.problems import ProblemError

ACCEPTED = frozenset({b"", b"*/*", b"application/json", b"application/json, text/plain, */*"})
"""How an ordinary request says that it takes JSON, if it says anything."""


def said_once(headers: Sequence[tuple[bytes, bytes]], shunned: AbstractSet[bytes]) -> dict[bytes, bytes] | None:
    """Give the headers by their names; None when any is said twice, or a shunned one is.

    What is shunned changes an answer in ways that only the framework's way knows.
    """
    said = dict(headers)
    return said if len(said) == len(headers) and shunned.isdisjoint(said) else None


def text_of(said: Mapping[bytes, bytes], name: bytes) -> str:
    """Give what a header says; empty where it is missing."""
    value = said.get(name)
    return value.decode("latin-1") if value else ""


async def caller_of(edge: Edge, authorization: bytes) -> Caller | None:
    """Verify a token; None when something is wrong with it, which the framework's way tells."""
    try:
        return await edge.verifier.caller(authorization.decode("latin-1"))
    except ProblemError:
        return None
