"""A file is what its bytes say, not what it is called."""

import io
import zipfile

import pytest

from shared.documents.inspection import media_type_of
from shared.kernel.refusal import Refused

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n%%EOF"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(64) + b"\xff\xd9"


def workbook(*, part: str = "xl/workbook.xml", size: int = 10) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(part, b"0" * size)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PDF, "application/pdf"),
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (workbook(), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ],
)
def test_evidence_is_recognised_by_its_bytes(content: bytes, media_type: str) -> None:
    assert media_type_of(content) == media_type


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file-empty"),
        (b"MZ\x90\x00" + bytes(64), "file-type-not-accepted"),
        (b"<html><script>alert(1)</script></html>", "file-type-not-accepted"),
        (b"plain text", "file-type-not-accepted"),
        (workbook(part="word/document.xml"), "file-type-not-accepted"),
        (workbook(size=201 * 1024 * 1024), "file-unpacks-to-too-much"),
        (workbook().replace(b"PK\x01\x02", b"PK\x01\x03", 1), "file-type-not-accepted"),
    ],
)
def test_anything_else_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        media_type_of(content)
    assert [reason.code for reason in refusal.value.reasons] == [code]
