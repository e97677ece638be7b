"""What the intake of claims decides by and writes with."""

from importlib import resources

from alembic import op

from services.issuance.tables import ISSUANCE

revision = "0002"
down_revision = "0001"

_NUMBERED = ("quotas", "claimants")


def upgrade() -> None:
    """Number every change of a period's quota and of a claimant's standing, and write claims in one statement.

    Every state of such a row has a number that no other state has, whoever changes it: what was decided on one of them
    can be told from what stands now. One sequence serves all, so that a row deleted and made again is not taken for
    the old one.
    """
    ISSUANCE.create_all(op.get_bind(), tables=[ISSUANCE.tables["period_writers"]])
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
    op.execute(resources.files("services.issuance.migrations").joinpath("write_claims.sql").read_text())
