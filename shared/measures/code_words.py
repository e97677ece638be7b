"""What the codes are called that parameters list: kinds, fields and conditions, in Chinese and in English."""

from collections.abc import Mapping
from typing import Literal

CODE_WORDS: Mapping[str, tuple[str, str]] = {
    # kinds of service and of activity (art. 5; faq 1)
    "analysis": ("分析", "analysis"),
    "testing": ("测试", "testing"),
    "inspection": ("检验", "inspection"),
    "rnd": ("研发", "research and development"),
    "compute": ("算力", "computing"),
    "cooperative_research": ("合作研发", "cooperative research"),
    "commissioned_development": ("委托开发", "commissioned development"),
    "design": ("研发设计", "design"),
    "technical_solution": ("技术解决方案", "technical solutions"),
    # fields of industry (art. 7)
    "next_generation_it": ("新一代信息技术", "next-generation information technology"),
    "medicine_and_health": ("医药健康", "medicine and health"),
    "intelligent_manufacturing": ("智能制造", "intelligent manufacturing"),
    "new_materials": ("新材料", "new materials"),
    "green_energy": ("绿色能源与节能环保", "green energy and environmental protection"),
    # certificates (art. 12) and what returns to the allowance (art. 12, 15)
    "national_high_tech": ("国家高新技术企业证书", "national high-tech enterprise"),
    "zhongguancun_high_tech": ("中关村高新技术企业证书", "Zhongguancun high-tech enterprise"),
    "technology_sme": ("科技型中小企业入库登记", "technology SME listing"),
    "expiry": ("逾期自动作废", "expiry"),
    "lapse": ("未兑现作废", "lapse"),
    "cancellation": ("登记前退回", "cancellation"),
    "partial_approval": ("部分兑现的余额", "partial approval"),
    # conditions of providers (art. 6)
    "legal_person_in_beijing": ("在北京地区注册的独立法人", "legal person in Beijing"),
    "open_facilities": ("可对外开放的科研设施与仪器", "facilities that are open"),
    "service_team": ("专业服务团队", "service team"),
    "serves_priority_needs": ("服务重点产业和区域的能力", "service of priority needs"),
    "service_norms_and_prices": ("服务内容、服务规范及收费标准", "service norms and prices"),
    "sound_finances_and_record": ("财务制度和诚信记录", "sound finances and record"),
    # conditions of agencies and laboratories (faq 4, 5, 7)
    "served_enterprises": ("服务企业数", "enterprises served"),
    "promotion": ("宣传、辅导和撮合", "promotion"),
    "working_rules": ("工作机制和保障措施", "working rules"),
    "management_mechanism": ("管理机制", "management mechanism"),
    "service_process": ("服务流程", "service process"),
    "enterprises_within_reach": ("可辐射企业总体情况", "enterprises within reach"),
    "organisation": ("组织保障", "organisation"),
    "business_process": ("业务流程", "business process"),
    "work_plan": ("工作计划", "work plan"),
    "independent_legal_person": ("独立法人单位", "independent legal person"),
    "authorised_by_platform_member": ("高校院所或大型央企集团授权", "authorisation by a member of the platform"),
    "internal_rules": ("机构内创新券管理办法细则", "internal rules"),
    "in_organisation_or_field": ("所属单位或行业领域", "organisation or field"),
    "accredited": ("实验室认定", "accreditation"),
    "national_key_laboratory": ("国家级重点实验室", "national key laboratory"),
    "beijing_key_laboratory": ("北京市级重点实验室", "Beijing key laboratory"),
    "national_engineering_centre": ("国家级工程技术研究中心", "national engineering technology research centre"),
    "beijing_engineering_centre": ("北京市级工程技术研究中心", "Beijing engineering technology research centre"),
    "beijing_design_innovation_centre": ("北京市设计创新中心", "Beijing design innovation centre"),
    "public_service_institution": ("公共服务机构", "public service institution"),
    # what had priority (faq 1)
    "epidemic_control": ("疫情防控科研项目", "epidemic control"),
    "online_and_data_services": ("在线服务与数据化应用研发项目", "online and data services"),
    "facility_online_services": ("科研设施与仪器在线服务研发项目", "online services of facilities"),
}
"""By code; a pack of another region may list codes that are not here, which are said as they are."""


def code_in_words(code: str, language: Literal["zh", "en"]) -> str:
    """Call a code by its word.

    >>> code_in_words("new_materials", "zh"), code_in_words("unheard_of", "zh")
    ('新材料', 'unheard_of')
    """
    zh, en = CODE_WORDS.get(code, (code, code))
    return zh if language == "zh" else en
