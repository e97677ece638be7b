"""Spreadsheet files for tests, good and bad, written by hand: no library writes the bad ones."""

import csv
import io
import zipfile
from collections.abc import Sequence
from xml.sax.saxutils import escape

HEADER = ("资产编号", "名称", "类型", "原值（元）", "安放地点", "服务规范", "收费标准")
ROW = (
    "KYSS-01-001",
    "场发射扫描电子显微镜",
    "大型科研仪器",
    "4788000.50",
    "泽衡路8号A座101室",
    "网上预约",
    "600 元/小时",
)
_TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">{}</Types>'
_RELS = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def changed(**cells: str) -> tuple[str, ...]:
    """Give the good row with some cells changed, by heading."""
    return tuple(cells.get(heading, cell) for heading, cell in zip(HEADER, ROW, strict=True))


def csv_file(*rows: Sequence[str], header: Sequence[str] = HEADER, encoding: str = "utf-8-sig") -> bytes:
    """Write a CSV file."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    return text.getvalue().encode(encoding)


def cell(place: str, text: str) -> str:
    """Write a cell as XML: a formula when it begins with `=`."""
    if text.startswith("="):
        return f'<c r="{place}"><f>{escape(text[1:])}</f><v>1</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{escape(text)}</t></is></c>'


def sheet(*rows: Sequence[str]) -> str:
    """Write the rows of a sheet as XML."""
    return "".join(
        f'<row r="{number}">{"".join(cell(f"{chr(65 + at)}{number}", text) for at, text in enumerate(row))}</row>'
        for number, row in enumerate(rows, start=1)
    )


def workbook(*sheets: str, doctype: str = "", shared: str = "") -> bytes:
    """Write a workbook of sheets given as the XML of their rows; `shared` is the XML of its shared texts."""
    parts = {"[Content_Types].xml": _TYPES.format('<Default Extension="xml" ContentType="application/xml"/>')}
    parts["_rels/.rels"] = _RELS.format(
        f'<Relationship Id="r" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    )
    named = "".join(f'<sheet name="s{n}" sheetId="{n}" r:id="r{n}"/>' for n in range(1, len(sheets) + 1))
    parts["xl/workbook.xml"] = f'<workbook {_MAIN} xmlns:r="{_OFFICE}"><sheets>{named}</sheets></workbook>'
    rels = [
        f'<Relationship Id="r{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    ]
    if shared:
        rels.append(f'<Relationship Id="shared" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/>')
        parts["xl/sharedStrings.xml"] = f"<sst {_MAIN}>{shared}</sst>"
    parts["xl/_rels/workbook.xml.rels"] = _RELS.format("".join(rels))
    for number, content in enumerate(sheets, start=1):
        parts[f"xl/worksheets/sheet{number}.xml"] = (
            f"{doctype}<worksheet {_MAIN}><sheetData>{content}</sheetData></worksheet>"
        )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return packed.getvalue()
