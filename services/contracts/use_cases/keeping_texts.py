"""The words of a project: kept in our own table, never in an event (art. 9(3))."""

import hashlib
import secrets
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.contracts.tables import project_texts
from shared.store.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectTexts:
    """What a project is about, and once it is declined, why; confidential."""

    title: str
    description: str
    explanation: str | None = None


async def keep_texts(tx: Transaction, project_id: str, texts: ProjectTexts) -> str:
    """Keep the words of a new project and give the digest that the event carries for them."""
    salt = secrets.token_hex(16)
    row = {"project_id": project_id, "title": texts.title, "description": texts.description, "salt": salt}
    await tx.connection.execute(insert(project_texts).values(row))
    return digest_of(salt, texts)


async def explain(tx: Transaction, project_id: str, explanation: str) -> None:
    """Keep why a project was declined, in words."""
    of_project = sa.update(project_texts).where(project_texts.c.project_id == project_id)
    await tx.connection.execute(of_project.values(explanation=explanation))


async def texts_of(connection: AsyncConnection, project_id: str) -> ProjectTexts:
    """Give the words of a project; it must exist."""
    columns = (project_texts.c.title, project_texts.c.description, project_texts.c.explanation)
    row = (await connection.execute(sa.select(*columns).where(project_texts.c.project_id == project_id))).one()
    return ProjectTexts(title=row.title, description=row.description, explanation=row.explanation)


def digest_of(salt: str, texts: ProjectTexts) -> str:
    """Condense the words of a proposal: SHA-256 in hex; the salt keeps short words from being guessed."""
    return hashlib.sha256(msgspec.json.encode([salt, texts.title, texts.description])).hexdigest()
