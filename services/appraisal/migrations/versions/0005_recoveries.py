"""What vouchers were paid for, in which year, and what of it came back."""

from alembic import op

from services.appraisal import projections  # noqa: F401 (declares the read models' tables)
from services.appraisal.tables import APPRAISAL

revision = "0005"
down_revision = "0004"

_PAID_BEFORE = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM information_schema.columns
               WHERE table_schema = current_schema AND table_name = 'service_records' AND column_name = 'vouchers_paid')
    THEN
        ALTER TABLE service_records ALTER COLUMN vouchers_paid SET DEFAULT 0;
    END IF;
END $$
"""


def upgrade() -> None:
    """Create the table; the gross sum of before stays for services of before, and the new ones leave it alone."""
    APPRAISAL.create_all(op.get_bind(), tables=[APPRAISAL.tables["voucher_payments"]])
    op.execute(_PAID_BEFORE)
