"""What a file really is, whatever it calls itself."""

import io
import zipfile

import puremagic

from shared.kernel.refusal import refuse

ACCEPTED = {
    "application/pdf": ".pdf",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}
"""The media types that are evidence, and the ending each is given back with."""

_SPREADSHEET = ".xlsx"
_UNPACKED_BYTES_MAX = 200 * 1024 * 1024
_ENTRIES_MAX = 2_000
_MEDIA_TYPE = {ending: media_type for media_type, ending in ACCEPTED.items()} | {
    ".jpeg": "image/jpeg",
    ".jfif": "image/jpeg",
}


def media_type_of(content: bytes) -> str:
    """Name the media type by the file's own bytes.

    Raises `Refused` for an empty file, a type that is not accepted, and a spreadsheet that unpacks to too much.
    """
    if not content:
        raise refuse("file-empty", article="15(3)")
    if zipfile.is_zipfile(io.BytesIO(content)):
        return _spreadsheet(content)
    try:
        endings = [match.extension for match in puremagic.magic_string(content)]
    except puremagic.PureError:
        endings = []
    for ending in endings:
        if ending in _MEDIA_TYPE and ending != _SPREADSHEET:
            return _MEDIA_TYPE[ending]
    raise refuse("file-type-not-accepted", article="15(3)", value=endings[0] if endings else "?")


def _spreadsheet(content: bytes) -> str:
    """Accept a workbook, after looking at its list of contents only: nothing is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError):
        raise refuse("file-type-not-accepted", article="15(3)", value=".zip") from None
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > _ENTRIES_MAX or unpacked > _UNPACKED_BYTES_MAX:
        raise refuse("file-unpacks-to-too-much", article="15(3)", value=unpacked, limit=_UNPACKED_BYTES_MAX)
    names = {entry.filename for entry in entries}
    if "[Content_Types].xml" not in names or "xl/workbook.xml" not in names:
        raise refuse("file-type-not-accepted", article="15(3)", value=".zip")
    return _MEDIA_TYPE[_SPREADSHEET]
