"""Money as integer fen; there is no other kind here."""

from typing import NewType

Fen = NewType("Fen", int)


def yuan(amount_yuan: int) -> Fen:
    """Say whole yuan as fen."""
    return Fen(amount_yuan * 100)


def format_yuan(amount_fen: int) -> str:
    """Write fen for people.

    >>> format_yuan(5_000_000)
    '50,000.00 元'
    """
    sign = "-" if amount_fen < 0 else ""
    whole, cents = divmod(abs(amount_fen), 100)
    return f"{sign}{whole:,}.{cents:02d} 元"
