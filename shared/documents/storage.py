"""Where files lie: a folder by default, any S3 server in production; whose they are stands in the owner's database.

A store of files may take seconds, a transaction must not: the bytes come and go while none is open.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import obstore
import sqlalchemy as sa
from obstore.store import from_url

from shared.documents.inspection import ACCEPTED, media_type_of
from shared.kernel.ids import new_id
from shared.kernel.refusal import Reason, Refused
from shared.settings import Settings
from shared.store.tables import documents
from shared.store.transaction import Transaction, UnknownSubjectError


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDocument:
    """A stored file: its id, the SHA-256 of its bytes in hexadecimal, its media type and its size in bytes."""

    document_id: str
    digest: str
    media_type: str
    size: int

    @property
    def file_name(self) -> str:
        """The name it is given back under; what the sender called it is not kept."""
        return self.document_id + ACCEPTED[self.media_type]


class Documents:
    """The files of one context."""

    def __init__(self, settings: Settings, context: str) -> None:
        folder = settings.state_dir.absolute() / "documents"
        url = settings.documents_url or f"file://{folder}"
        if not settings.documents_url:
            folder.mkdir(parents=True, exist_ok=True)
        self._store = from_url(url)
        self._context = context

    async def put(self, content: bytes, at: datetime) -> StoredDocument:
        """Keep a file's bytes, before and outside of any transaction; raises `Refused` for what is no evidence."""
        document = StoredDocument(
            document_id=new_id("doc", at),
            digest=hashlib.sha256(content).hexdigest(),
            media_type=media_type_of(content),
            size=len(content),
        )
        await obstore.put_async(self._store, self._path(document.document_id), content)
        return document

    async def own(self, tx: Transaction, owner: str, document: StoredDocument) -> StoredDocument:
        """Make a kept file its owner's; without this row nobody can ask for the bytes."""
        await tx.connection.execute(
            sa.insert(documents).values(
                document_id=document.document_id,
                owner=owner,
                digest=document.digest,
                media_type=document.media_type,
                size=document.size,
                stored_at=tx.now,
            )
        )
        return document

    async def owner(self, tx: Transaction, document_id: str) -> str:
        """Name whose file it is; raises `UnknownSubjectError` when there is none."""
        statement = sa.select(documents.c.owner).where(documents.c.document_id == document_id)
        owner = (await tx.connection.execute(statement)).scalar_one_or_none()
        if owner is None:
            raise UnknownSubjectError(document_id)
        return str(owner)

    async def look_up(self, tx: Transaction, document_id: str) -> StoredDocument:
        """Tell what a file is, or raise `UnknownSubjectError`; who may see it is the caller's to decide."""
        row = (await tx.connection.execute(sa.select(documents).where(documents.c.document_id == document_id))).first()
        if row is None:
            raise UnknownSubjectError(document_id)
        return StoredDocument(document_id=document_id, digest=row.digest, media_type=row.media_type, size=row.size)

    async def fetch(self, document: StoredDocument) -> bytes:
        """Give a file's bytes back, outside of any transaction."""
        found = await obstore.get_async(self._store, self._path(document.document_id))
        return bytes(await found.bytes_async())

    def _path(self, document_id: str) -> str:
        return f"{self._context}/{document_id}"


async def digests_of(tx: Transaction, owner: str, document_ids: Iterable[str], *, article: str) -> Mapping[str, str]:
    """Give the digests of an owner's files; raises `Refused` naming every one that is not there or not the owner's."""
    wanted = sorted(set(document_ids))
    rows = await tx.connection.execute(
        sa.select(documents.c.document_id, documents.c.digest).where(
            documents.c.document_id.in_(wanted), documents.c.owner == owner
        )
    )
    found = {row.document_id: row.digest for row in rows}
    unknown = [document_id for document_id in wanted if document_id not in found]
    if unknown:
        raise Refused(*(Reason(code="document-unknown", article=article, value=missing) for missing in unknown))
    return found
