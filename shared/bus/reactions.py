"""How a context says which facts of others it answers, and how."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from shared.events.definition import Recorded
from shared.store.transaction import Transaction

type Reaction = Callable[[Transaction, Recorded[Any]], Awaitable[None]]
"""Answers one event inside the transaction that also stores the consumer's position.

It may append events, write tables and set deadlines through the transaction; it must not commit. A refusal on the
merits is to be turned into an event of its own: an exception here means the event could not be applied.
"""

type Reactions = Mapping[type[Any], Reaction]
