"""Who may do what with appraisal rounds."""

from shared.http.policy import Policy, Role, roles

_READERS = roles(Role.OFFICER, Role.APPROVER, Role.AUDITOR, Role.PROVIDER)

POLICY: Policy = {
    "proposeAppraisalRound": roles(Role.OFFICER),
    "approveAppraisalRound": roles(Role.OFFICER, Role.APPROVER),
    "listAppraisalRounds": _READERS,
    "getAppraisalRound": _READERS,
    "listServiceRecords": _READERS,
}
