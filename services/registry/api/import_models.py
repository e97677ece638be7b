"""What goes in and out when facilities come by the thousand."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from services.registry.use_cases.importing_facilities import Result
from shared.http.models import Body, View

PUSHED_MAX = 200
Cell = Annotated[str, Field(max_length=2_000)]


class PushBody(Body):
    """Facilities as a laboratory system tells them: the columns of a file, each value a text."""

    facilities: Annotated[
        list[dict[Annotated[str, Field(max_length=40)], Cell]], Field(min_length=1, max_length=PUSHED_MAX)
    ] = Field(
        description="键为列名 · By the names of the columns",
        examples=[
            [
                {
                    "number": "KYSS-01-001",
                    "name": "场发射扫描电子显微镜",
                    "kind": "large_instrument",
                    "original_value_yuan": "4788000.00",
                    "site": "北京市海淀区泽衡路8号A座101室",
                    "service_norms": "网上预约，收样后五个工作日内出具结果",
                    "price_standard": "微观形貌分析 600 元/小时",
                }
            ]
        ],
    )


class RowView(View):
    """What became of one row."""

    row: int = Field(description="表格行号；推送则为序号 · Row of the sheet, or place in the push", examples=[2])
    number: str
    result: Result
    facility_id: str | None
    code: str = Field(default="", description="拒绝原因代码 · Why it was refused")
    column: str = ""
    message: str = Field(default="", description="拒绝原因与补救 · The reason and the remedy, in words")


class PushView(View):
    """What became of each facility pushed, in order."""

    results: list[RowView]


class ImportView(View):
    """How far a file has come."""

    import_id: str
    provider_id: str
    state: Literal["running", "finished"]
    rows: int
    done: int
    created: int
    changed: int
    unchanged: int
    refused: int
    started_at: datetime
    finished_at: datetime | None
