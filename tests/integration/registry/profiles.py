"""What a company or a team says when it describes itself anew."""

from typing import Any

from tests.integration.registry.bodies import company, team

CONTACT = {"name": "林之恒", "phone": "010-60000000", "email": "lin@example.cn"}


def described(**changes: Any) -> dict[str, Any]:
    """Describe a company anew: all but its code and its certificates, and whom to reach."""
    said = {name: value for name, value in company().items() if name not in {"credit_code", "certificates"}}
    return {**said, "contact": CONTACT, **changes}


def described_team(**changes: Any) -> dict[str, Any]:
    """Describe a team anew."""
    return {**team(), "contact": CONTACT, **changes}
