"""Where the catalogue of facilities is read from: what is open now, or what was open on a past day (art. 2, 6)."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.registry.domain.name_grams import grams_sought
from services.registry.projections.facility_catalogue import facility_catalogue
from services.registry.projections.facility_history import facility_history
from services.registry.projections.provider_entries import provider_entries
from services.registry.projections.provider_list import provider_list
from services.registry.provider_tables import facility_former_descriptions
from services.registry.tables import facilities, facility_index, providers


def open_now(name: str | None) -> sa.Subquery:
    """Select what is open as things stand, by words within its name; the index of names is used."""
    table, listed = facility_catalogue.table, provider_list.table
    query = (
        sa.select(
            table,
            facilities.c.name,
            facilities.c.site,
            providers.c.name.label("provider_name"),
            providers.c.district,
            listed.c.capabilities,
        )
        .join(facilities, facilities.c.facility_id == table.c.facility_id)
        .join(providers, providers.c.provider_id == table.c.provider_id)
        .outerjoin(listed, listed.c.provider_id == table.c.provider_id)
        .where(listed.c.delisted_on.is_(None))
    )
    if name is not None:
        query = query.join(facility_index, facility_index.c.facility_id == table.c.facility_id).where(
            facility_index.c.grams.contains(grams_sought(name)), facilities.c.name.icontains(name, autoescape=True)
        )
    return query.subquery("found")


def open_on(day: date, name: str | None) -> sa.Subquery:
    """Select what was open on a past day of providers listed on it, as it was described, valued and used then."""
    table, listed = facility_history.table, provider_list.table
    then, entry = _former(table.c.facility_id, day), entry_said(table.c.provider_id, day)
    called = sa.func.coalesce(then.c.name, facilities.c.name)
    query = (
        sa.select(
            table.c.facility_id,
            table.c.provider_id,
            table.c.kind,
            table.c.opened_on,
            sa.cast(_held_on(table.c["values"], day), sa.BigInteger).label("original_value"),
            _held_on(table.c.statuses, day).label("status"),
            called.label("name"),
            sa.func.coalesce(then.c.site, facilities.c.site).label("site"),
            providers.c.name.label("provider_name"),
            providers.c.district,
            entry.c.capabilities,
        )
        .join(facilities, facilities.c.facility_id == table.c.facility_id)
        .join(providers, providers.c.provider_id == table.c.provider_id)
        .join(entry, sa.true())
        .join(listed, listed.c.provider_id == table.c.provider_id)
        .outerjoin(then, sa.true())
        .where(
            table.c.opened_on <= day,
            table.c.withdrawn_on.is_(None) | (table.c.withdrawn_on > day),
            listed.c.listed_on <= day,
            listed.c.delisted_on.is_(None) | (listed.c.delisted_on > day),
        )
    )
    if name is not None:
        query = query.where(called.icontains(name, autoescape=True))
    return query.subquery("found")


def entry_said(provider_id: sa.ColumnElement[str], day: date) -> sa.FromClause:
    """Select what the list of providers said of one on a day."""
    entries = provider_entries.table
    return (
        sa.select(entries.c.capabilities, entries.c.third_party_testing)
        .where(entries.c.provider_id == provider_id, entries.c.since <= day)
        .order_by(entries.c.since.desc())
        .limit(1)
        .lateral("said")
    )


def said_on(day: date, facility_id: str) -> sa.Select[Any]:
    """Select what was said of a facility on a past day on which it was open; texts that are null are today's."""
    table = facility_history.table
    then = _former(table.c.facility_id, day)
    return (
        sa.select(
            sa.cast(_held_on(table.c["values"], day), sa.BigInteger).label("original_value"),
            _held_on(table.c.statuses, day).label("status"),
            *(then.c[name] for name in ("name", "site", "service_norms", "price_standard")),
        )
        .outerjoin(then, sa.true())
        .where(
            table.c.facility_id == facility_id,
            table.c.opened_on <= day,
            table.c.withdrawn_on.is_(None) | (table.c.withdrawn_on > day),
        )
    )


def _former(facility_id: sa.ColumnElement[str], day: date) -> sa.FromClause:
    """Select the description that held on a day, if it is another one than today's."""
    former = facility_former_descriptions
    return (
        sa.select(former.c.name, former.c.site, former.c.service_norms, former.c.price_standard)
        .where(former.c.facility_id == facility_id, former.c.until > day)
        .order_by(former.c.until)
        .limit(1)
        .lateral("as_then_described")
    )


def _held_on(pairs: sa.ColumnElement[Any], day: date) -> sa.ScalarSelect[str]:
    """Select the last of pairs of a day and a value whose day is not after this one, as text."""
    unpacked = sa.func.jsonb_array_elements(pairs)
    each = unpacked.table_valued(sa.column("value", JSONB), with_ordinality="place").render_derived()
    return (
        sa.select(each.c.value[1].astext)
        .where(each.c.value[0].astext <= day.isoformat())
        .order_by(each.c.place.desc())
        .limit(1)
        .scalar_subquery()
    )
