"""Rule packs that differ from the default in one parameter."""

from collections.abc import Callable
from dataclasses import replace

from shared.measures.reader import Measures
from shared.measures.terms import Terms


def returning_to_quota() -> Measures:
    """Switch on the return of ended vouchers' money to the period."""
    return _changed(lambda terms: replace(terms, voucher=replace(terms.voucher, return_to_quota=True)))


def returning_nothing() -> Measures:
    """Let no end of a voucher return anything to the allowance."""
    return _changed(lambda terms: replace(terms, voucher=replace(terms.voucher, returns_to_allowance=())))


def counting_lapses() -> Measures:
    """Let what lapses for want of an application count in the annual total."""
    return _changed(
        lambda terms: replace(terms, redemption=replace(terms.redemption, lapse_counts_in_annual_total=True))
    )


def _changed(change: Callable[[Terms], Terms]) -> Measures:
    default = Measures.load()
    return replace(default, _terms=tuple(change(terms) for terms in default._terms))
