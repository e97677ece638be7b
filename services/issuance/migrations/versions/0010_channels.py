"""Channels that claim for who has authorised them, and who is appointed to which duties of the office."""

from alembic import op

from services.issuance.tables import ISSUANCE

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create the copies; an authorisation that comes or goes makes the claimant's standing another one.

    No authorisation before was for claims.
    """
    copies = ("channel_authorisations", "closed_channels", "appointed_users")
    ISSUANCE.create_all(op.get_bind(), tables=[ISSUANCE.tables[name] for name in copies])
    op.execute(
        "CREATE TRIGGER channel_authorisations_renew AFTER INSERT OR UPDATE OR DELETE ON channel_authorisations"
        " FOR EACH ROW EXECUTE FUNCTION renew_standing()"
    )
