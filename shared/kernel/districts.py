"""The districts of Beijing by their division codes, as the codes of companies registered in them begin after `91`."""

from collections.abc import Mapping
from types import MappingProxyType

DIVISIONS: Mapping[str, str] = MappingProxyType(
    {
        "东城区": "110101", "西城区": "110102", "朝阳区": "110105", "丰台区": "110106", "石景山区": "110107",
        "海淀区": "110108", "门头沟区": "110109", "房山区": "110111", "通州区": "110112", "顺义区": "110113",
        "昌平区": "110114", "大兴区": "110115", "怀柔区": "110116", "平谷区": "110117", "密云区": "110118",
        "延庆区": "110119", "北京经济技术开发区": "110302",
    }
)  # fmt: skip
"""GB/T 2260, and for the economic development area, which is no division, the code its registration authority uses."""
