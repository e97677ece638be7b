"""Whose institutions accept our vouchers: Tianjin's and Hebei's lists, by edition (art. 19)."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from shared.events.definition import event

type Region = Literal["tianjin", "hebei"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptingInstitution:
    """An institution of a partner region, as its list names it; `credit_code` tells it from every other."""

    credit_code: str
    name: str
    services: str


@event("registry.mutual-list-proposed", key="edition_id")
class MutualListProposed:
    """A partner's list has come in and was read; it replaces the former only when somebody else approves it."""

    edition_id: str
    region: Region
    first_day: date
    institutions: int
    list_digest: str
    proposed_by: str
    on: date


@event("registry.mutual-list-approved", key="edition_id")
class MutualListApproved:
    """From its first day on this edition is the region's list, and the former one no longer is (art. 19)."""

    edition_id: str
    region: Region
    first_day: date
    institutions: tuple[AcceptingInstitution, ...]
    list_digest: str
    proposed_by: str
    approved_by: str
    on: date


@event("registry.mutual-list-dropped", key="edition_id")
class MutualListDropped:
    """A proposed edition came to nothing."""

    edition_id: str
    region: Region
    dropped_by: str
    on: date
