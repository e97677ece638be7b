"""What the intake of claims decides by and writes with."""

from importlib import resources

from alembic import op

from services.issuance.tables import ISSUANCE

revision = "0002"
down_revision = "0001"

_NUMBERED = ("quotas", "claimants")
_PARTS_OF_A_STANDING = ("bans", "withheld_users")


def upgrade() -> None:
    """Number every change of a period's quota and of a claimant's standing, and write claims in one statement.

    Every state of such a row has a number that no other state has, whoever changes it: what was decided on one of them
    can be told from what stands now. One sequence serves all, so that a row deleted and made again is not taken for
    the old one.
    """
    ISSUANCE.create_all(op.get_bind(), tables=[ISSUANCE.tables[name] for name in ("period_writers", "withheld_users")])
    op.execute("ALTER TABLE claimants ADD COLUMN IF NOT EXISTS eligible boolean NOT NULL DEFAULT true")
    op.execute("CREATE SEQUENCE revisions")
    op.execute(
        "CREATE FUNCTION number_revision() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN NEW.revision := nextval('revisions'); RETURN NEW; END $$"
    )
    for table in _NUMBERED:
        op.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS revision bigint NOT NULL DEFAULT 0")
        op.execute(
            f"CREATE TRIGGER {table}_revision BEFORE INSERT OR UPDATE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION number_revision()"
        )
        op.execute(f"UPDATE {table} SET revision = 0")
    op.execute(
        "CREATE FUNCTION renew_standing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " UPDATE claimants SET revision = 0 WHERE claimant_id = coalesce(NEW.claimant_id, OLD.claimant_id);"
        " RETURN NULL; END $$"
    )
    for table in _PARTS_OF_A_STANDING:
        op.execute(
            f"CREATE TRIGGER {table}_renew AFTER INSERT OR UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION renew_standing()"
        )
    op.execute(resources.files("services.issuance.migrations").joinpath("write_claims.sql").read_text())
