"""New products, mutual recognition, channels, office users, changes of measures."""

from alembic import op

from services.registry import projections, recognition_tables  # noqa: F401 (they declare their tables)
from services.registry.tables import REGISTRY

revision = "0007"
down_revision = "0006"

_TABLES = (
    "measure_change_reasons", "measure_changes", "new_products", "new_product_withdrawals", "new_product_list",
    "mutual_editions", "mutual_entries", "channels", "channel_authorisations",
    "office_users", "expert_versions",
)  # fmt: skip


def upgrade() -> None:
    """Create them all."""
    REGISTRY.create_all(op.get_bind(), tables=[REGISTRY.tables[name] for name in _TABLES])
