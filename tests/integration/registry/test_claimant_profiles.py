"""A claimant keeps what it says true over HTTP: versions, verification, certificates, eligibility and the queue."""

from datetime import date, timedelta
from itertools import count
from typing import Any

import httpx
import sqlalchemy as sa

from deploy.local.sample.generate import credit_code
from services.registry.tables import claimant_profiles, claimants, eligibility_reviews
from shared.events.registry.claimants import (
    ClaimantCertificateRevoked,
    ClaimantCertificatesChanged,
    ClaimantEligibilityChanged,
    ClaimantProfileChanged,
    ClaimantRegistered,
    ClaimantReviewDecided,
)
from shared.http.policy import Role
from tests.integration.registry.bodies import company, team
from tests.integration.registry.house import House, Person
from tests.integration.registry.profiles import CONTACT, described, described_team

A_DAY = timedelta(days=1)
_SERIALS = count(70_000)


async def registered(house: House, principal: str, **changes: Any) -> tuple[Person, httpx.Response]:
    boss = house.person(Role.CLAIMANT, principal)
    made = await boss.post("/v1/claimants", company(**changes))
    assert made.status_code == 201, made.text
    return boss, made


async def eligibility(person: Person, made: httpx.Response) -> dict[str, Any]:
    answer = await person.get(made.headers["location"] + "/eligibility")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found | {"by_rule": {rule["rule"]: rule["outcome"] for rule in found["rules"]}}


async def last_answer(house: House, claimant_id: str) -> ClaimantEligibilityChanged:
    answers = [f for f in await house.facts() if isinstance(f, ClaimantEligibilityChanged)]
    return [answer for answer in answers if answer.claimant_id == claimant_id][-1]


async def test_a_draft_is_completed_verified_and_changed_again(house: House) -> None:
    boss, made = await registered(house, "teller-1")
    path, officer = made.headers["location"], house.person(Role.OFFICER, "officer-1")
    assert (made.json()["profile_stage"], made.json()["eligibility"]) == ("draft", "pass")
    early = await officer.post(f"{path}/verification", version=made)
    assert (early.status_code, early.json()["code"]) == (409, "profile-not-complete")
    told = await boss.post(f"{path}/profile", described(), version=made)
    assert (told.status_code, told.json()["profile_stage"]) == (200, "complete")
    assert told.json()["contact"] == CONTACT
    assert told.json()["credit_code"] == made.json()["credit_code"]
    assert told.json()["certificates"] == made.json()["certificates"]
    verified = await officer.post(f"{path}/verification", version=told)
    assert (verified.status_code, verified.json()["profile_stage"]) == (200, "verified")
    await house.project()
    (item,) = (await boss.get("/v1/claimants")).json()["items"]
    assert (item["profile_stage"], item["eligibility"]) == ("verified", "pass")
    for stage, found in (("verified", [item]), ("complete", []), ("draft", []), ("needs_review", [])):
        assert (await boss.get("/v1/claimants", profile_stage=stage)).json()["items"] == found
    again = await boss.post(f"{path}/profile", described(staff=173), version=verified)
    assert again.json()["profile_stage"] == "complete"


async def test_the_log_tells_the_district_of_a_company_by_its_code_and_of_a_team_none(house: House) -> None:
    boss, made = await registered(house, "mover-1")
    path, claimant_id = made.headers["location"], made.json()["claimant_id"]
    moved = await boss.post(f"{path}/profile", described(district="北京经济技术开发区"), version=made)
    await boss.post(f"{path}/profile", described(district="南开区"), version=moved)
    students = house.person(Role.CLAIMANT, "mover-2")
    formed = await students.post("/v1/claimants", team())
    assert formed.status_code == 201, formed.text
    facts = await house.facts()
    told = [f for f in facts if isinstance(f, ClaimantRegistered | ClaimantProfileChanged)]
    assert [f.district for f in told if f.claimant_id == claimant_id] == ["110106", "110302", None]
    assert [f.district for f in told if f.claimant_id == formed.json()["claimant_id"]] == [None]


async def test_what_was_said_before_is_kept_and_told_apart(house: House) -> None:
    boss, made = await registered(house, "teller-2")
    path = made.headers["location"]
    told = await boss.post(f"{path}/profile", described(staff=173, name="北京璟算软件二号有限公司"), version=made)
    same = await boss.post(f"{path}/profile", described(staff=173, name="北京璟算软件二号有限公司"), version=told)
    assert same.headers["etag"] == told.headers["etag"]
    versions = (await boss.get(f"{path}/profile-versions")).json()["items"]
    assert [(v["number"], v["profile"]["staff"], v["changed_by"]) for v in versions] == [
        (1, 172, "teller-2"),
        (2, 173, "teller-2"),
    ]
    (changed,) = [
        f for f in await house.facts() if isinstance(f, ClaimantProfileChanged) and f.changed_by == "teller-2"
    ]
    assert (changed.old_digest, changed.new_digest) == (versions[0]["digest"], versions[1]["digest"])
    assert (await house.breaches())["R2"] == []
    claimant_id = made.json()["claimant_id"]
    async with house.owner() as connection:
        await connection.execute(
            sa.update(claimant_profiles)
            .where(claimant_profiles.c.claimant_id == claimant_id, claimant_profiles.c.number == 1)
            .values(profile={"staff": 1})
        )
    assert (await house.breaches())["R2"] == ["version 1 of its profile is not that of the log"]
    async with house.owner() as connection:
        await connection.execute(
            sa.update(claimant_profiles)
            .where(claimant_profiles.c.claimant_id == claimant_id, claimant_profiles.c.number == 1)
            .values(profile=versions[0]["profile"])
        )
        shown = await connection.execute(sa.select(claimants.c.profile).where(claimants.c.claimant_id == claimant_id))
        profile = shown.scalar_one()
        changed_row = sa.update(claimants).where(claimants.c.claimant_id == claimant_id)
        await connection.execute(changed_row.values(profile=profile | {"staff": 1}))
    assert len((await house.breaches())["R2"]) == 1
    async with house.owner() as connection:
        await connection.execute(changed_row.values(profile=profile))


async def test_a_company_that_has_grown_says_so_and_is_told_that_it_may_not_claim(house: House) -> None:
    boss, made = await registered(house, "teller-3")
    path = made.headers["location"]
    grown = await boss.post(f"{path}/profile", described(staff=501), version=made)
    assert (grown.status_code, grown.json()["eligibility"]) == (200, "fail")
    found = await eligibility(boss, made)
    assert (found["outcome"], found["by_rule"]["staff"]) == ("fail", "fail")
    (staff,) = [rule for rule in found["rules"] if rule["rule"] == "staff"]
    assert (staff["value"], staff["limit"], staff["article"], staff["parameter"]) == (501, 500, "7(1)", "staff_max")
    assert staff["remedy"].startswith("创新券面向中小微企业")
    assert {rule["remedy"] for rule in found["rules"] if rule["outcome"] == "pass"} == {""}
    answer = await last_answer(house, made.json()["claimant_id"])
    assert (answer.outcome, answer.occasion) == ("fail", "profile")
    assert "501" not in str(answer)


async def test_a_company_stays_a_company_and_a_team_s_name_its_own(house: House) -> None:
    boss, made = await registered(house, "teller-4")
    other = await boss.post(f"{made.headers['location']}/profile", described_team(), version=made)
    assert (other.status_code, other.json()["code"]) == (422, "claimant-of-another-kind")
    captain, mate = house.person(Role.CLAIMANT, "captain-4"), house.person(Role.CLAIMANT, "captain-5")
    first = await captain.post("/v1/claimants", team(name="观澜团队"))
    second = await mate.post("/v1/claimants", team(name="听泉团队"))
    assert (first.status_code, second.status_code) == (201, 201)
    twin = await mate.post(f"{second.headers['location']}/profile", described_team(name="观澜团队"), version=second)
    assert (twin.status_code, twin.json()["code"]) == (409, "team-already-registered")
    told = await mate.post(f"{second.headers['location']}/profile", described_team(name="听泉二队"), version=second)
    assert (told.status_code, told.json()["name"]) == (200, "听泉二队")
    early = described_team(name="听泉二队", project={"title": "样机", "stage": "planning"})
    planning = await mate.post(f"{second.headers['location']}/profile", early, version=told)
    assert planning.json()["eligibility"] == "fail"


async def test_five_years_end_by_themselves(house: House) -> None:
    boss, made = await registered(house, "teller-5", founded_on="2021-11-24", certificates=[])
    found = await eligibility(boss, made)
    assert (found["outcome"], found["until"], found["by_rule"]["age"]) == ("pass", "2026-11-24", "pass")
    now = house.clock.instant
    await house.wait(A_DAY)
    assert (await eligibility(boss, made))["outcome"] == "pass"
    assert await house.wait(A_DAY) >= 1
    found = await eligibility(boss, made)
    assert (found["outcome"], found["until"], found["by_rule"]["age"]) == ("fail", None, "fail")
    assert (await last_answer(house, made.json()["claimant_id"])).occasion == "day"
    house.clock.instant = now


async def test_a_listing_of_this_year_ends_with_the_year(house: House) -> None:
    listing = {"kind": "technology_sme", "number": "20260101", "valid_from": "2026-03-02", "valid_until": "2027-12-31"}
    boss, made = await registered(
        house, "teller-6", founded_on="2016-03-01", listed_on="2026-03-02", certificates=[listing]
    )
    assert (await eligibility(boss, made))["until"] == "2026-12-31"
    now = house.clock.instant
    await house.wait(timedelta(days=38))
    assert (await eligibility(boss, made))["outcome"] == "pass"
    await house.wait(A_DAY)
    assert (await eligibility(boss, made))["outcome"] == "fail"
    house.clock.instant = now


async def test_a_revoked_certificate_counts_to_the_day_before_and_is_not_declared_again(house: House) -> None:
    boss, made = await registered(house, "holder-1")
    path, officer = made.headers["location"], house.person(Role.OFFICER, "officer-1")
    body = {
        "kind": "national_high_tech",
        "number": "gr2025-11009154",
        "counts_from": "2026-11-01",
        "reason": "认定机关撤销Canary1",
    }
    assert (await boss.post(f"{path}/certificate-revocations", body, version=made)).status_code == 403
    unknown = await officer.post(f"{path}/certificate-revocations", body | {"number": "GR1"}, version=made)
    assert (unknown.status_code, unknown.json()["code"]) == (409, "certificate-unknown")
    late = await officer.post(f"{path}/certificate-revocations", body | {"counts_from": "2028-10-20"}, version=made)
    assert (late.status_code, late.json()["code"]) == (422, "revocation-after-the-end")
    taken = await officer.post(f"{path}/certificate-revocations", body, version=made)
    assert taken.status_code == 200, taken.text
    revoked, changed = (await house.facts())[-2:]
    assert isinstance(revoked, ClaimantCertificateRevoked)
    assert isinstance(changed, ClaimantCertificatesChanged)
    assert [c.valid_until for c in changed.certificates] == [date(2026, 10, 31)]
    seen = await boss.get(path)
    assert [c["valid_until"] for c in seen.json()["certificates"]] == ["2026-10-31"]
    again = await boss.post(f"{path}/certificates", {"certificates": made.json()["certificates"]}, version=seen)
    assert (again.status_code, again.json()["code"]) == (409, "certificate-revoked")
    kept = await boss.post(f"{path}/certificates", {"certificates": seen.json()["certificates"]}, version=seen)
    assert kept.status_code == 200
    other = [{**seen.json()["certificates"][0], "number": "GR202611000001", "valid_until": "2029-10-19"}]
    renewed = await boss.post(f"{path}/certificates", {"certificates": other}, version=kept)
    assert renewed.status_code == 200
    assert (await house.breaches())["R12"] == []
    claimant_id = made.json()["claimant_id"]
    async with house.owner() as connection:
        beyond = sa.update(claimants).where(claimants.c.claimant_id == claimant_id)
        await connection.execute(beyond.values(certificates=made.json()["certificates"]))
    found = (await house.breaches())["R12"]
    assert found == ["its certificates are not those of the log", "its national_high_tech counts beyond its revocation"]
    async with house.owner() as connection:
        await connection.execute(beyond.values(certificates=other))


async def test_what_a_rule_cannot_decide_waits_for_an_officer_who_gives_a_reason(house: House) -> None:
    boss, made = await registered(house, "moved-1", credit_code=elsewhere(), contact=CONTACT)
    path, officer = made.headers["location"], house.person(Role.OFFICER, "officer-1")
    claimant_id = made.json()["claimant_id"]
    assert (made.json()["profile_stage"], made.json()["eligibility"]) == ("needs_review", "needs_review")
    await house.project()
    (listed,) = (await boss.get("/v1/claimants", profile_stage="needs_review", eligibility="needs_review")).json()[
        "items"
    ]
    assert listed["profile_stage"] == "needs_review"
    assert (await boss.get("/v1/claimants", profile_stage="complete")).json()["items"] == []
    (waiting,) = [item for item in (await queue(officer)) if item["claimant_id"] == claimant_id]
    assert (waiting["rule"], waiting["article"], waiting["value"]) == ("beijing-registration", "7(1)", "丰台区")
    assert (await boss.get("/v1/eligibility-reviews")).status_code == 403
    where = f"{path}/eligibility-reviews/beijing-registration/decision"
    reason = "已核对迁入登记Canary2"
    assert (await boss.post(where, {"verdict": "pass", "reason": reason}, version=made)).status_code == 403
    early = await officer.post(f"{path}/verification", version=made)
    assert early.json()["code"] == "reviews-open"
    passed = await officer.post(where, {"verdict": "pass", "reason": reason}, version=made)
    assert (passed.status_code, passed.json()["eligibility"]) == (200, "pass")
    assert (passed.json()["profile_stage"], passed.json()["open_reviews"]) == ("complete", [])
    twice = await officer.post(where, {"verdict": "fail", "reason": reason}, version=passed)
    assert (twice.status_code, twice.json()["code"]) == (409, "review-not-open")
    decided = [f for f in await house.facts() if isinstance(f, ClaimantReviewDecided)][-1]
    assert (decided.claimant_id, decided.verdict, decided.decided_by) == (claimant_id, "pass", "officer-1")
    (done,) = [item for item in (await queue(officer, "pass")) if item["claimant_id"] == claimant_id]
    assert (done["reason"], done["closed_by"]) == (reason, "officer-1")
    found = await eligibility(boss, made)
    (rule,) = [rule for rule in found["rules"] if rule["rule"] == "beijing-registration"]
    assert (rule["outcome"], rule["reviewed"]) == ("pass", True)
    moved = await boss.post(f"{path}/profile", described(district="通州区"), version=passed)
    assert moved.json()["profile_stage"] == "needs_review"
    gone = await boss.post(f"{path}/profile", described(district="南开区"), version=moved)
    assert gone.json()["eligibility"] == "fail"
    dropped = [item for item in (await queue(officer, "dropped")) if item["claimant_id"] == claimant_id]
    assert [item["number"] for item in dropped] == [2]


async def test_an_officer_checks_what_a_company_only_says_of_itself(house: House) -> None:
    boss, made = await registered(house, "said-1", contact=CONTACT)
    path, officer = made.headers["location"], house.person(Role.OFFICER, "officer-1")
    unknown = await officer.post(f"{path}/eligibility-reviews", {"rule": "taste"}, version=made)
    assert (unknown.status_code, unknown.json()["code"]) == (422, "rule-unknown")
    opened = await officer.post(f"{path}/eligibility-reviews", {"rule": "clean-record"}, version=made)
    assert (opened.status_code, opened.json()["open_reviews"]) == (200, ["clean-record"])
    assert (await house.breaches())["R11"] == []
    where = f"{path}/eligibility-reviews/clean-record/decision"
    no = await officer.post(where, {"verdict": "fail", "reason": "信用平台有记录"}, version=opened)
    (record,) = [rule for rule in (await eligibility(boss, made))["rules"] if rule["rule"] == "clean-record"]
    assert (record["outcome"], record["reviewed"], record["remedy"] != "") == ("fail", True, True)
    assert no.json()["eligibility"] == "fail"
    assert (await eligibility(boss, made))["by_rule"]["clean-record"] == "fail"
    async with house.owner() as connection:
        mine = eligibility_reviews.c.claimant_id == made.json()["claimant_id"]
        await connection.execute(sa.update(eligibility_reviews).where(mine).values(state="open"))
    assert (await house.breaches())["R11"] == ["clean-record is in the queue, but waits for nobody"]
    async with house.owner() as connection:
        await connection.execute(sa.update(eligibility_reviews).where(mine).values(state="fail"))


async def test_what_is_far_in_the_calendar_is_an_answer_and_no_mistake_of_ours(house: House) -> None:
    last = "9999-12-31"
    certificate = {"kind": "technology_sme", "number": "1", "valid_from": "0001-01-01", "valid_until": last}
    body = {name: value for name, value in company().items() if name not in {"name", "credit_code"}}
    body |= {"founded_on": last, "listed_on": last, "certificates": [certificate]}
    checked = await house.client.post("/v1/eligibility-checks", json=body)
    assert (checked.status_code, checked.json()["may_register"]) == (200, False)
    old = {"founded_on": "0001-01-01", "listed_on": "2026-01-01", "certificates": [certificate]}
    boss, made = await registered(house, "ancient-1", **old)
    assert (await eligibility(boss, made))["until"] == "2026-12-31"


async def test_no_text_of_a_claimant_is_in_an_event(house: House) -> None:
    boss, made = await registered(house, "canary-1", name="Canary公司", contact={**CONTACT, "name": "Canary联系人"})
    path, officer = made.headers["location"], house.person(Role.OFFICER, "officer-1")
    told = await boss.post(f"{path}/profile", described(name="Canary新名"), version=made)
    opened = await officer.post(f"{path}/eligibility-reviews", {"rule": "sound-finances"}, version=told)
    where = f"{path}/eligibility-reviews/sound-finances/decision"
    assert (await officer.post(where, {"verdict": "pass", "reason": "Canary理由"}, version=opened)).status_code == 200
    async with house.owner() as connection:
        log = await connection.exec_driver_sql("SELECT data::text || metadata::text FROM events")
        written = "".join(log.scalars())
    assert made.json()["claimant_id"] in written
    assert all(word not in written for word in ("Canary", "010-60000000", "lin@example.cn", made.json()["credit_code"]))


async def test_a_change_of_the_rules_has_everybody_judged_on_its_day(house: House) -> None:
    boss, made = await registered(house, "teller-7")
    assert (await eligibility(boss, made))["until"] == "2028-09-09"
    now = house.clock.instant
    change = {
        "value": 171,
        "first_day": "2027-02-01",
        "article": "新规 第2条",
        "quote": "不超过171人",
        "reason": "试行",
    }
    asked = await house.person(Role.OFFICER, "officer-1").post("/v1/measures/staff_max/changes", change)
    assert asked.status_code == 201, asked.text
    approval = f"{asked.headers['location']}/approval"
    announced = await house.person(Role.APPROVER, "approver-1").post(approval, version=asked)
    assert announced.status_code == 200, announced.text
    async with house.owner() as connection:  # They are read once a second, and this year is over sooner than that.
        await house.app.state.runtime.rules.read(connection, afresh=True)
    other, later = await registered(house, "teller-8")
    assert (await eligibility(other, later))["until"] == "2027-01-31"
    await house.wait(date(2027, 1, 31) - date(2026, 11, 23))
    assert (await eligibility(boss, made))["outcome"] == "pass"
    assert await house.wait(A_DAY) >= 1
    await house.wait(timedelta())
    for person, registration in ((boss, made), (other, later)):
        found = await eligibility(person, registration)
        assert (found["outcome"], found["by_rule"]["staff"]) == ("fail", "fail")
    house.clock.instant = now
    gone = f"/v1/measures/staff_max/changes/{asked.json()['change_id']}/withdrawal"
    assert (await house.person(Role.OFFICER, "officer-2").post(gone, version=announced)).status_code == 200


async def queue(officer: Person, state: str = "open") -> list[dict[str, Any]]:
    answer = await officer.get("/v1/eligibility-reviews", state=state, limit=200)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def elsewhere() -> str:
    """Make a code that Tianjin gave, and that nobody in the tests has."""
    return credit_code("91", "120116", next(_SERIALS))
