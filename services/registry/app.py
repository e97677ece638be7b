"""Puts the service of the registry together: routers, policy, read models, reactions, deadlines, checks."""

from pathlib import Path

from fastapi import FastAPI

from services.registry.api import (
    access_records,
    affiliations,
    applications,
    bookings,
    channels,
    claimant_disclosures,
    claimant_profiles,
    claimant_users,
    claimants,
    design_centres,
    eligibility,
    evaluations,
    exits,
    experts,
    facilities,
    facility_changes,
    field_centres,
    imports,
    laboratories,
    measure_changes,
    measures,
    mutual_lists,
    new_products,
    offers,
    office_users,
    people,
    providers,
    referral_agencies,
    referrals,
    representation,
    reviews,
    service_agencies,
    standing,
    usage,
)
from services.registry.api.policy import POLICY
from services.registry.audit import CHECKS
from services.registry.projections import PROJECTIONS
from services.registry.reactions import REACTIONS
from services.registry.use_cases.affiliating import RECOGNITION_LAPSES
from services.registry.use_cases.booking_facilities import BOOKING_UNANSWERED, lapse_booking
from services.registry.use_cases.cataloguing_laboratories import lapse_recognition
from services.registry.use_cases.declaring_related_parties import PARTY_ARRIVES, recognise
from services.registry.use_cases.importing_facilities import IMPORT_GOES_ON, go_on_with_import
from services.registry.use_cases.inviting_users import INVITATION_ENDS, expire
from services.registry.use_cases.judging_claimants import (
    ELIGIBILITY_MAY_CHANGE,
    RULES_CHANGE,
    reassess,
    reassess_everyone,
)
from services.registry.use_cases.leaving_the_list import EXIT_ENDS, conclude_exit
from services.registry.use_cases.publishing_listings import NOTICE_ENDS, conclude_notice
from services.registry.use_cases.reading_documents import may_read_document
from services.registry.use_cases.sanctioning import BAN_ENDS, lift
from shared.context import BoundedContext
from shared.documents.routes import documents_router
from shared.http.application import build_app
from shared.settings import Settings

CONTEXT = BoundedContext(
    name="registry",
    title="主体登记 · Registry",
    folder=Path(__file__).parent,
    routers=(
        measures.router,
        measure_changes.router,
        office_users.router,
        new_products.router,
        channels.router,
        mutual_lists.router,
        eligibility.router,
        claimants.router,
        claimant_profiles.router,
        claimant_users.router,
        claimant_disclosures.router,
        reviews.router,
        access_records.router,
        providers.router,
        applications.router,
        exits.router,
        representation.router,
        facilities.router,
        facility_changes.router,
        people.router,
        usage.router,
        bookings.router,
        documents_router("registry", may_read_document),
        imports.router,
        offers.router,
        experts.router,
        standing.router,
        affiliations.router,
        referral_agencies.router,
        referrals.router,
        service_agencies.router,
        evaluations.router,
        laboratories.router,
        field_centres.router,
        design_centres.router,
    ),
    policy=POLICY,
    projections=PROJECTIONS,
    reactions=REACTIONS,
    deadlines={
        IMPORT_GOES_ON: go_on_with_import,
        BOOKING_UNANSWERED: lapse_booking,
        EXIT_ENDS: conclude_exit,
        NOTICE_ENDS: conclude_notice,
        BAN_ENDS: lift,
        RECOGNITION_LAPSES: lapse_recognition,
        INVITATION_ENDS: expire,
        ELIGIBILITY_MAY_CHANGE: reassess,
        RULES_CHANGE: reassess_everyone,
        PARTY_ARRIVES: recognise,
    },
    checks=CHECKS,
    tags={
        "office-users": "工作人员与职责 · Office users and their duties (art. 18)",
        "measures": "规定及其出处，按日期 · The rules in force on a day, with the words they rest on",
        "eligibility": "资格自查，无需登录 · The self-check of art. 7, without signing in",
        "claimants": "申领单位 · Claimants: companies and teams",
        "claimant-users": "申领单位成员与邀请 · Several users of one claimant",
        "access-records": "个人与保密信息的访问记录 · Who was shown what of whom",
        "providers": "开放单位名单 · The list of providers",
        "provider-applications": "在京开放单位的申请、核查与公示 · Applications, checks and public notices",
        "provider-exits": "在京开放单位退出 · Providers that leave (art. 6)",
        "representation": "主责部门与委托 · Departments and delegated agencies (art. 9(1), 13)",
        "channels": "代办渠道及授权 · Channels, and who has authorised them",
        "mutual-lists": "京津冀互认的收券单位 · Accepting institutions of Tianjin and Hebei (art. 19)",
        "new-products": "新技术新产品（服务）清单 · Certified new products (faq 2)",
        "facilities": "科研设施与仪器 · Facilities open to others",
        "facility-imports": "设施与仪器批量导入与推送 · Facilities by the thousand: files and pushes",
        "documents": "证明文件 · Documents that prove what was said",
        "service-people": "服务人员 · Who serves at the facilities (art. 6(3))",
        "usage": "设施使用机时 · How much facilities are used (art. 11)",
        "bookings": "设施预约 · Bookings of facilities",
        "services": "服务与价格 · Services and their prices",
        "affiliations": "推荐机构、专业服务机构、实验室的申请与审核 · Applications of agencies and laboratories",
        "referral-agencies": "推荐机构 · Referral agencies (faq 4)",
        "referrals": "推荐机构与其服务的企业 · Referral agencies and the claimants they serve (faq 4)",
        "service-agencies": "专业服务机构 · Service agencies (faq 5)",
        "evaluations": "专业服务机构年度绩效评价 · Yearly evaluations of service agencies (faq 5)",
        "laboratories": "创新券接收实验室与开放实验室目录 · Laboratories and their catalogue (faq 5, 7)",
        "field-centres": "领域中心及其成员单位 · Field centres and their members (faq 5)",
        "design-centres": "可提供工业设计服务的实验室 · Laboratories that offer industrial design (faq 3)",
        "experts": "专家 · Experts (art. 15(4))",
        "standing": "措施与主体状态 · Measures and standing",
    },
)


def create_app(settings: Settings) -> FastAPI:
    """Make the service."""
    return build_app(CONTEXT, settings)
