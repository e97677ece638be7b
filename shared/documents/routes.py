"""Uploading and downloading evidence, the same in every context that takes any."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, File, Response, UploadFile
from pydantic import Field

from shared.documents.storage import Documents, StoredDocument
from shared.http.commands import CommandRequest, Presented
from shared.http.identity import Caller
from shared.http.models import View
from shared.http.routes import operation, router_for
from shared.store.transaction import Transaction, UnknownSubjectError

type MayRead = Callable[[Transaction, Caller, str], Awaitable[bool]]
"""Tells whether a caller who is not the owner may read a document, by its id."""


class DocumentView(View):
    """A stored file, as its owner sees it."""

    document_id: str
    digest: str = Field(
        description="SHA-256", examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]
    )
    media_type: str = Field(examples=["application/pdf"])
    size: int = Field(description="字节 · bytes", examples=[48213])

    @classmethod
    def of(cls, document: StoredDocument) -> "DocumentView":
        """Show a stored file."""
        return cls(
            document_id=document.document_id,
            digest=document.digest,
            media_type=document.media_type,
            size=document.size,
        )


def owner_of(caller: Caller) -> str:
    """Name whose file a caller's upload is: the party it acts for, or the caller itself."""
    return caller.party or caller.principal


def documents_router(context: str, may_read: MayRead) -> APIRouter:
    """Make the two operations, `uploadDocument` and `downloadDocument`, of a context."""
    router = router_for(context, tag="documents")

    @router.post(
        "/documents",
        operation_id="uploadDocument",
        status_code=201,
        response_model=DocumentView,
        summary="上传证明材料 · Upload a file",
        openapi_extra=operation(codes=("file-empty", "file-type-not-accepted", "file-unpacks-to-too-much")),
    )
    async def upload_document(
        file: Annotated[UploadFile, File(description="PDF、PNG、JPEG 或 XLSX，至多 20 MiB · at most 20 MiB")],
        request: CommandRequest,
    ) -> Response:
        documents = Documents(request.settings, context)
        kept = await documents.put(await file.read(), request.now)

        async def own(tx: Transaction) -> StoredDocument:
            return await documents.own(tx, owner_of(request.caller), kept)

        return await request.run(
            own,
            lambda document: Presented(
                body=DocumentView.of(document), status=201, location=f"/v1/documents/{document.document_id}"
            ),
        )

    @router.get(
        "/documents/{document_id}",
        operation_id="downloadDocument",
        response_class=Response,
        summary="下载证明材料 · Download a file",
        openapi_extra=operation(idempotent=False),
    )
    async def download_document(document_id: str, request: CommandRequest) -> Response:
        documents = Documents(request.settings, context)
        async with request.reading() as tx:
            owner = await documents.owner(tx, document_id)
            if owner != owner_of(request.caller) and not await may_read(tx, request.caller, document_id):
                raise UnknownSubjectError(document_id)
            document = await documents.look_up(tx, document_id)
        return Response(
            await documents.fetch(document),
            media_type=document.media_type,
            headers={
                "Content-Disposition": f'attachment; filename="{document.file_name}"',
                "X-Content-Type-Options": "nosniff",
                "Digest": f"sha-256={document.digest}",
            },
        )

    return router
