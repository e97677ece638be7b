"""What people send to the registry."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from deploy.local.sample.generate import credit_code

_SERIALS: Iterator[int] = count(20_000)


def fresh_code(body: str = "91") -> str:
    """Make a credit code that nobody in the tests has."""
    return credit_code(body, "110108", next(_SERIALS))


def company(**changes: Any) -> dict[str, Any]:
    """Describe a company that may claim."""
    return {
        "kind": "enterprise",
        "name": "北京璟算软件技术有限公司",
        "credit_code": fresh_code(),
        "founded_on": "2023-09-09",
        "district": "丰台区",
        "staff": 172,
        "annual_revenue": {"amount": 2_064_000_000},
        "total_assets": {"amount": 4_472_000_000},
        "field": "next_generation_it",
        "listed_on": None,
        "certificates": [
            {
                "kind": "national_high_tech",
                "number": "GR202511009154",
                "valid_from": "2025-10-20",
                "valid_until": "2028-10-19",
            }
        ],
        "declarations": {"legal_person": True, "sound_finances": True, "clean_record": True},
        "undertaking": True,
        **changes,
    }


def team(**changes: Any) -> dict[str, Any]:
    """Describe a team that may claim."""
    return {
        "kind": "team",
        "name": "听潮声学团队",
        "school": "北京澄川理工大学",
        "members": [
            {"name": "赵思远", "student": True},
            {"name": "周嘉禾", "student": False},
            {"name": "钱雨桐", "student": True},
        ],
        "project": {"title": "自适应降噪算法与样机", "stage": "testing"},
        "registered_as_company": False,
        "undertaking": True,
        **changes,
    }


def institution(**changes: Any) -> dict[str, Any]:
    """Describe an institution that applies."""
    return {
        "name": "京曜光源科学中心",
        "credit_code": fresh_code("12"),
        "district": "怀柔区",
        "capabilities": ["testing", "rnd"],
        "third_party_testing": False,
        **changes,
    }


def instrument(**changes: Any) -> dict[str, Any]:
    """Describe a facility."""
    return {
        "number": "KYSS-01-001",
        "name": "场发射扫描电子显微镜",
        "kind": "large_instrument",
        "original_value": {"amount": 478_800_000},
        "site": "北京市海淀区泽衡路8号A座101室",
        "service_norms": "网上预约",
        "price_standard": "微观形貌分析 600 元/小时",
        **changes,
    }


def service(facility_id: str, **changes: Any) -> dict[str, Any]:
    """Describe a service on a facility."""
    return {
        "facility_id": facility_id,
        "name": "微观形貌分析",
        "kind": "analysis",
        "unit": "小时",
        "unit_price": {"amount": 60_000},
        **changes,
    }
