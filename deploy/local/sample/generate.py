"""Writes the sample register from its catalogue; the same catalogue always gives the same files.

Run `python -m deploy.local.sample.generate` after a change of the catalogue and commit what it writes.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any

import yaml
from stdnum.cn import uscc

FOLDER = Path(__file__).parent

type Row = dict[str, Any]

_FACILITIES_PER_PROVIDER = 25
_FEN_PER_YUAN = 100
_FEN_PER_WAN = 10_000 * _FEN_PER_YUAN
_CERTIFIED = range(12)
_LISTED = range(12, 18)
_CONDITIONS = (
    "legal_person_in_beijing",
    "open_facilities",
    "service_team",
    "serves_priority_needs",
    "service_norms_and_prices",
    "sound_finances_and_record",
)
_CAPABILITIES_FOR = {
    "analysis": {"testing"},
    "testing": {"testing"},
    "inspection": {"testing"},
    "rnd": {"rnd", "industrial_design"},
    "compute": {"compute"},
}
_NORMS = {
    "major_infrastructure": "提前二十个工作日提交试验方案，经安全评审后排期；由专职工程师操作，原始数据保存六年。",
    "large_instrument": "网上预约，收样后五个工作日内出具结果；由持证人员操作，数据保密并保存六年。",
    "big_science": "按年度两次征集机时申请，由专家遴选后分配；用户须通过安全培训，成果发表时标注装置名称。",
    "compute": "签约后两日内开通账号；按实际用量计量并出具计量日志，训练数据隔离存放，服务结束三十日内清除。",
}


def generate(folder: Path = FOLDER) -> dict[str, str]:
    """Make the four files of the register: name to content."""
    catalogue: Row = yaml.safe_load((folder / "catalogue.yaml").read_text(encoding="utf-8"))
    providers = list(_providers(catalogue))
    return {
        "companies.json": _lines(_companies(catalogue)),
        "teams.json": _lines(_teams(catalogue)),
        "providers.json": _lines(providers),
        "facilities.json": _lines(_facilities(catalogue, providers)),
    }


def credit_code(authority: str, region: str, serial: int) -> str:
    """Make a unified social credit code with both its check digits, in a series (MAY…) that nobody has been given."""
    organisation = f"MAY{serial:05}"
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(char, 36) * weight for char, weight in zip(organisation, weights, strict=True))
    body = f"{authority}{region}{organisation}{'0123456789X0'[(11 - total % 11)]}"
    return body + str(uscc.calc_check_digit(body))


def _companies(catalogue: Row) -> Iterator[Row]:
    fields, districts = list(catalogue["fields"]), list(catalogue["districts"])
    for index in range(40):
        field = fields[index % len(fields)]
        brand = catalogue["brands"][field][index // len(fields)]
        district = _pick(districts, brand, "district")
        latest = 730 if index in _CERTIFIED else 1280  # A high-tech certificate asks for a year of business.
        founded_on = date(2022, 9, 1) + timedelta(days=_between(0, latest, brand, "founded"))
        staff = _between(8, 460, brand, "staff")
        listed_on = None
        if index in _LISTED:  # Older than five years, and eligible because it is newly listed (art. 7).
            founded_on = date(2016, 3, 1) + timedelta(days=_between(0, 1500, brand, "founded"))
            listed_on = date(2026, 3, 2) + timedelta(days=_between(0, 150, brand, "listed"))
        yield {
            "name": f"北京{brand}{_pick(catalogue['fields'][field], brand, 'trade')}有限公司",
            "credit_code": credit_code("91", catalogue["districts"][district], 10_000 + 137 * index),
            "founded_on": founded_on.isoformat(),
            "district": district,
            "staff": staff,
            "annual_revenue": staff * _between(12, 40, brand, "revenue") * _FEN_PER_WAN,
            "total_assets": staff * _between(15, 42, brand, "assets") * _FEN_PER_WAN,
            "field": field,
            "certificates": list(_certificates(index, brand, listed_on)),
            "listed_on": listed_on.isoformat() if listed_on else None,
        }


def _certificates(index: int, brand: str, listed_on: date | None) -> Iterator[Row]:
    if index in _CERTIFIED:
        kind = "zhongguancun_high_tech" if index % 3 == 0 else "national_high_tech"
        issued_on = date(2025, 10, 20)
        number = _between(1000, 9999, brand, "certificate")
        prefix = f"GR{issued_on.year}1100" if kind == "national_high_tech" else f"{issued_on.year}2010"
        until = issued_on.replace(year=issued_on.year + 3) - timedelta(days=1)
        yield _certificate(kind, f"{prefix}{number}", issued_on, until)
    if listed_on is not None:  # A listing has to be renewed by the end of March of the next year.
        number = _between(100_000, 999_999, brand, "listing")
        yield _certificate("technology_sme", f"2026110100{number}", listed_on, date(2027, 3, 31))


def _certificate(kind: str, number: str, valid_from: date, valid_until: date) -> Row:
    return {
        "kind": kind,
        "number": number,
        "valid_from": valid_from.isoformat(),
        "valid_until": valid_until.isoformat(),
    }


def _teams(catalogue: Row) -> Iterator[Row]:
    for row, team in enumerate(catalogue["teams"]):
        surnames, given = catalogue["surnames"], catalogue["given_names"]
        members = [
            {"name": surnames[(row * 5 + seat) % 25] + given[(row * 7 + seat) % 18], "student": seat < team["students"]}
            for seat in range(team["members"])
        ]
        project = {"title": team["project"], "stage": team["stage"]}
        yield {"name": team["name"], "school": team["school"], "members": members, "project": project}


def _providers(catalogue: Row) -> Iterator[Row]:
    for index, provider in enumerate(catalogue["providers"]):
        is_company = provider["name"].endswith("公司")
        region = catalogue["districts"][provider["district"]] if is_company else "110000"
        yield {
            "name": provider["name"],
            "credit_code": credit_code("91" if is_company else "12", region, 90_000 + 251 * index),
            "kind": provider["kind"],
            "district": provider["district"],
            "capabilities": provider["capabilities"],
            "third_party_testing": provider.get("third_party_testing", False),
            "conditions": dict.fromkeys(_CONDITIONS, True),
        }


def _facilities(catalogue: Row, providers: Sequence[Row]) -> Iterator[Row]:
    for number, (source, provider) in enumerate(zip(catalogue["providers"], providers, strict=True), start=1):
        models = _models(catalogue, source)
        for index in range(_FACILITIES_PER_PROVIDER):
            copy, model = divmod(index, len(models))
            room = f"{'ABCD'[index % 4]}座{1 + index // 8}{index % 8 + 1:02}室"
            yield {
                "number": f"KYSS-{number:02}-{index + 1:03}",
                "provider": provider["credit_code"],
                **_facility(models[model], copy=copy + 1, key=f"{number}-{index}"),
                "site": f"北京市{source['district']}{source['road']}{room}",
            }


def _models(catalogue: Row, provider: Row) -> list[Row]:
    """List what a provider can own, its disciplines taking turns, with the services its capabilities allow."""
    disciplines = [catalogue["facilities"][discipline] for discipline in provider["disciplines"]]
    turns = [_parsed(line) for turn in zip_longest(*disciplines) for line in turn if line is not None]
    capabilities = set(provider["capabilities"])
    for model in turns:
        model["services"] = [each for each in model["services"] if _CAPABILITIES_FOR[each["kind"]] & capabilities]
    return [model for model in turns if model["services"]]


def _parsed(line: str) -> Row:
    """Read a line of the catalogue: `name|kind|value in 万元|service:kind:unit:price in 元; …`."""
    name, kind, value, offers = line.split("|")
    services = []
    for offer in offers.split(";"):
        service, service_kind, unit, price = offer.strip().split(":")
        services.append({"name": service, "kind": service_kind, "unit": unit, "unit_price": int(price) * _FEN_PER_YUAN})
    return {"name": name, "kind": kind, "value": int(value) * _FEN_PER_WAN, "services": services}


def _facility(model: Row, *, copy: int, key: str) -> Row:
    prices = [f"{each['name']} {each['unit_price'] // _FEN_PER_YUAN} 元/{each['unit']}" for each in model["services"]]
    return {
        "name": model["name"] if copy == 1 else f"{model['name']}（{copy} 号机）",
        "kind": model["kind"],
        "original_value": model["value"] // 100 * _between(92, 118, key, "value"),
        "price_standard": f"{'；'.join(prices)}。以上为含税单价，按实际用量结算，加急另议。",
        "service_norms": _NORMS[model["kind"]],
        "services": model["services"],
    }


def _between(low: int, high: int, *key: str) -> int:
    """Choose a number that depends on the key alone, so that one more company changes no other."""
    digest = hashlib.sha256("/".join(key).encode()).digest()
    return low + int.from_bytes(digest[:8]) % (high - low + 1)


def _pick(choices: Sequence[str], *key: str) -> str:
    return choices[_between(0, len(choices) - 1, *key)]


def _lines(rows: Iterator[Row] | Sequence[Row]) -> str:
    """Write one record a line, so that a change shows as the record it changes."""
    return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n"


def main() -> None:
    """Write the files beside the catalogue."""
    for name, content in generate().items():
        (FOLDER / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
