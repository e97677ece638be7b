"""A facility as one row of text describes it: read into facts, or refused with the column that is wrong (art. 5, 6)."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation

from services.registry.domain.row_text import RowFault, texts_of
from shared.events.registry.facilities import FacilityKind

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "number": ("number", "资产编号"),
    "name": ("name", "名称", "设施与仪器名称"),
    "kind": ("kind", "类型"),
    "original_value_yuan": ("original_value_yuan", "原值（元）", "原值(元)"),
    "site": ("site", "安放地点"),
    "service_norms": ("service_norms", "服务规范"),
    "price_standard": ("price_standard", "收费标准"),
}
"""The columns of a file, each with the headings it may have; the value is in yuan, as people write it."""
_KINDS: Mapping[str, FacilityKind] = {
    "major_infrastructure": "major_infrastructure", "重大科研基础设施": "major_infrastructure",
    "large_instrument": "large_instrument", "大型科研仪器": "large_instrument",
    "big_science": "big_science", "大科学装置": "big_science",
    "compute": "compute", "算力设备": "compute",
}  # fmt: skip
_NUMBER = re.compile(r"[0-9A-Za-z-]{1,40}")
_LENGTHS = {"name": (2, 200), "site": (2, 200), "service_norms": (1, 2_000), "price_standard": (1, 2_000)}
_VALUE_FEN_MAX = 10**13


@dataclass(frozen=True, slots=True, kw_only=True)
class FacilityDetails:
    """A facility as its provider describes it to the public; the original value is in fen."""

    number: str
    name: str
    kind: FacilityKind
    original_value: int
    site: str
    service_norms: str
    price_standard: str

    @property
    def digest(self) -> str:
        """SHA-256 of all that is said, in hexadecimal: the same text has the same digest."""
        said = json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()


def read_row(cells: Mapping[str, str], *, formula: bool = False) -> FacilityDetails | RowFault:
    """Read the cells of a row by column; the first thing that is wrong refuses it."""
    said = texts_of(cells, COLUMNS, _LENGTHS, formula=formula)
    if isinstance(said, RowFault):
        return said
    if _NUMBER.fullmatch(said["number"]) is None:
        return RowFault(code="row-number-malformed", column="number")
    if said["kind"] not in _KINDS:
        return RowFault(code="row-kind-unknown", column="kind")
    value = _fen(said["original_value_yuan"])
    if value is None:
        return RowFault(code="row-amount-malformed", column="original_value_yuan")
    texts = {name: said[name] for name in ("number", "name", "site", "service_norms", "price_standard")}
    return FacilityDetails(kind=_KINDS[said["kind"]], original_value=value, **texts)


def _fen(text: str) -> int | None:
    """Read yuan with at most two places and no sign; None for anything else."""
    try:
        fen = Decimal(text.replace(",", "")) * 100
    except InvalidOperation:
        return None
    whole = fen.is_finite() and fen == fen.to_integral_value() and 0 <= fen <= _VALUE_FEN_MAX
    return int(fen) if whole else None
