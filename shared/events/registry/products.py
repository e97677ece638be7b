"""Certified new products and services, of which a voucher may pay a part while they are listed and valid (faq 2)."""

from datetime import date

from shared.events.definition import event


@event("registry.new-product-listed", key="product_id")
class NewProductListed:
    """A certified new product is on the list; both days of its validity are included."""

    product_id: str
    certificate_number: str
    valid_from: date
    valid_until: date
    description_digest: str
    on: date


@event("registry.new-product-changed", key="product_id")
class NewProductChanged:
    """A listed product is entered anew: from now on these days and this description are the ones."""

    product_id: str
    valid_from: date
    valid_until: date
    description_digest: str
    on: date


@event("registry.new-product-withdrawn", key="product_id")
class NewProductWithdrawn:
    """A product is off the list from this day on, whatever its certificate says; why stays with the office."""

    product_id: str
    reason_digest: str
    on: date
