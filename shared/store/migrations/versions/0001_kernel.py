"""The log and what stands beside it in every database."""

from importlib import resources

from alembic import op

from shared.store.tables import KERNEL

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the kernel's tables; the log accepts nothing but new rows, from anyone."""
    KERNEL.create_all(op.get_bind())
    op.execute("INSERT INTO log_head (singleton, position, hash) VALUES (true, 0, '\\x')")
    op.execute("ALTER TABLE log_head ADD CONSTRAINT log_head_one_row_check CHECK (singleton)")
    op.execute("ALTER TABLE events ADD CONSTRAINT events_version_check CHECK (version > 0)")
    for name in ("event_hash.sql", "append_events.sql"):
        op.execute(resources.files("shared.store.migrations").joinpath(name).read_text())
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = '42501';
        END
        $$
        """
    )
    op.execute(
        "CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    # also in sessions that play a replica's part, which ordinary triggers let through
    op.execute("ALTER TABLE events ENABLE ALWAYS TRIGGER events_append_only")
