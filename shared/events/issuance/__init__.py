"""What issuance tells the others: periods and their money, entries, and vouchers."""

from shared.events.issuance import entries, periods, quotas, vouchers

__all__ = ["entries", "periods", "quotas", "vouchers"]
