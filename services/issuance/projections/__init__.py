"""What issuance shows: vouchers, annual totals and the period board, each folded from the log."""

from sqlalchemy import MetaData

from shared.database import metadata

READ_MODELS: MetaData = metadata()
"""The tables of the read models."""
