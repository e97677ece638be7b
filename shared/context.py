"""A bounded context, as its parts meet in `services/<name>/app.py`."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI

from shared.audit import Check
from shared.bus.reactions import Reactions
from shared.http.policy import Policy
from shared.procedures.due import DueHandlers
from shared.procedures.duties import SeparatedDuties
from shared.projections.projection import Projection

if TYPE_CHECKING:
    from shared.http.edge import Edge

type Furnish = Callable[[FastAPI, "Edge"], AbstractAsyncContextManager[None]]
"""Adds to an app what a context serves in its own way, and gives what is open while the app is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundedContext:
    """Everything the kernel needs to know to run a context."""

    name: str
    title: str
    """For the API pages, in both languages: "创新券发放 · Voucher issuance"."""
    folder: Path
    """Where `migrations/` and `api/problems.yaml` are."""
    routers: tuple[APIRouter, ...]
    policy: Policy
    duties: SeparatedDuties | None = None
    """Which operations of the office are for whoever is appointed to them; None where the office decides nothing."""
    projections: tuple[Projection, ...] = ()
    reactions: Reactions = field(default_factory=dict)
    deadlines: DueHandlers = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    """Descriptions of the API's tags."""
    furnish: Furnish | None = None
