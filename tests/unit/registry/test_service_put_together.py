"""The registry's parts fit: every operation guarded, every reason explained."""

import re
from pathlib import Path

from services.registry.app import CONTEXT, create_app
from services.registry.domain.eligibility import enterprise_findings, team_findings
from shared.http.application import catalogue_of
from shared.settings import Settings
from tests.unit.registry.facts import COMPANY, TEAM, TERMS, TODAY

FOLDER = Path(CONTEXT.folder)


def test_the_service_starts_with_a_policy_for_every_operation() -> None:
    assert create_app(Settings(env="dev")).title == CONTEXT.title


def test_every_reason_the_domain_gives_is_explained_in_both_languages() -> None:
    catalogue = catalogue_of(CONTEXT)
    code = re.compile(r'(?:Reason\(\s*code=|refuse\(\s*|code=)"([a-z]+(?:-[a-z]+)+)"')
    sources = [path.read_text() for part in ("domain", "use_cases") for path in (FOLDER / part).glob("*.py")]
    codes = {found for text in sources for found in code.findall(text)}
    codes |= {finding.code for finding in enterprise_findings(COMPANY, TERMS.eligibility, TERMS.voucher, TODAY)}
    codes |= {finding.code for finding in team_findings(TEAM, TERMS.eligibility)}
    codes -= {""}  # a rule that only records
    assert len(codes) > 30
    assert codes - set(catalogue) == set()
    assert all(catalogue[name].remedy.keys() == {"zh", "en"} for name in codes)
