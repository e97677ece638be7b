"""Events are appended all at once."""

from importlib import resources

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Put the function that writes a batch in one go in the place of the one that wrote row by row."""
    op.execute(resources.files("shared.store.migrations").joinpath("append_events.sql").read_text())
