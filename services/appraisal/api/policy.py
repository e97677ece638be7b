"""Who may do what with appraisal rounds."""

from services.appraisal.tables import appointed
from shared.http.policy import Policy, Role, roles
from shared.procedures.duties import SeparatedDuties

_READERS = roles(Role.OFFICER, Role.APPROVER, Role.AUDITOR, Role.PROVIDER)

POLICY: Policy = {
    "proposeAppraisalRound": roles(Role.OFFICER),
    "approveAppraisalRound": roles(Role.OFFICER, Role.APPROVER),
    "listAppraisalRounds": _READERS,
    "getAppraisalRound": _READERS,
    "listServiceRecords": _READERS,
}

DUTIES = SeparatedDuties(
    appointed=appointed,
    of_operations={"proposeAppraisalRound": "appraisal", "approveAppraisalRound": "approval"},
)
"""What whoever is appointed to it does, and nobody else (art. 18)."""
