"""The changes of the rules that were announced since their pack was published."""

from alembic import op

from shared.store.tables import KERNEL, announced_changes

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table where it is not there yet: a new database has it from the first revision on."""
    KERNEL.create_all(op.get_bind(), tables=[announced_changes])
