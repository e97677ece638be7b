"""Parts of a quota that belong to classes of claimants."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Nothing yet."""
