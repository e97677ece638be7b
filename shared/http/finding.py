"""Finding the operation a request is for by its method and the fixed parts of its path, not by trying one by one.

The framework tries every route of every router in turn: for a late one of fifty that costs more than its answer.
"""

from collections.abc import Iterable

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

_NOUN = 2
"""Where a path says what it is about: `/v1/periods/…`."""

type _Key = tuple[str, int, str]
"""A method, how many parts the path has, and its noun."""


class OperationIndex(BaseRoute):
    """A first route that finds most operations at once; whatever it does not know, the framework looks for after it.

    Routes whose key is the same are tried in the order in which they were declared, as the framework would.
    """

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._routes: dict[_Key, list[APIRoute]] = {}
        for route in routes:
            if isinstance(route, APIRoute) and (noun := _noun_of(route)):
                for method in route.methods or ():
                    key = method, route.path.count("/"), noun
                    self._routes.setdefault(key, []).append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Give the operation a request is for; none where the path or the method is no indexed operation's."""
        if scope["type"] != "http" or scope.get("root_path"):
            return Match.NONE, {}
        path: str = scope["path"]
        parts = path.split("/", _NOUN + 1)
        if len(parts) > _NOUN:
            for route in self._routes.get((scope["method"], path.count("/"), parts[_NOUN]), ()):
                match, found = route.matches(scope)
                if match is Match.FULL:
                    return match, found
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the operation that was found answer."""
        await scope["route"].handle(scope, receive, send)


def _noun_of(route: APIRoute) -> str:
    """Give the noun of a path of whole parts; empty where a parameter stands in its place or spans several parts."""
    parts = route.path.split("/")
    plain = all(part[:1] != "{" or (part[-1] == "}" and ":" not in part) for part in parts)
    return parts[_NOUN] if plain and len(parts) > _NOUN and "{" not in parts[_NOUN] else ""
