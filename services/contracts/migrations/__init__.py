"""Alembic revisions of the contracts database."""
