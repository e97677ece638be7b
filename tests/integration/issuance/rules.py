"""Rule packs that differ from the default in one parameter."""

from dataclasses import replace

from shared.measures.reader import Measures


def returning_to_quota() -> Measures:
    """Switch on the return of ended vouchers' money to the period."""
    default = Measures.load()
    switched = tuple(replace(terms, voucher=replace(terms.voucher, return_to_quota=True)) for terms in default._terms)
    return replace(default, _terms=switched)
