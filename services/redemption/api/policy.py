"""Who may do what with redemptions."""

from services.redemption.tables import appointed
from shared.http.policy import PUBLIC, Policy, Role, roles
from shared.procedures.duties import SeparatedDuties

POLICY: Policy = {
    "uploadDocument": roles(Role.PROVIDER),
    "downloadDocument": roles(Role.PROVIDER, Role.OFFICER, Role.APPROVER, Role.EXPERT, Role.AUDITOR),
    "listRedemptions": roles(Role.PROVIDER, Role.CLAIMANT, Role.OFFICER, Role.APPROVER, Role.AUDITOR),
    "getRedemption": roles(Role.PROVIDER, Role.CLAIMANT, Role.EXPERT, Role.OFFICER, Role.APPROVER, Role.AUDITOR),
    "applyForRedemption": roles(Role.PROVIDER),
    "correctRedemption": roles(Role.PROVIDER),
    "checkRedemption": roles(Role.OFFICER),
    "drawPanel": roles(Role.OFFICER),
    "replaceExperts": roles(Role.OFFICER),
    "giveOpinion": roles(Role.EXPERT),
    "listOpinions": roles(Role.OFFICER, Role.APPROVER, Role.AUDITOR),
    "concludeReview": roles(Role.OFFICER),
    "listNotices": PUBLIC,
    "raiseObjection": frozenset(Role),
    "listObjections": roles(Role.OFFICER, Role.APPROVER, Role.AUDITOR),
    "answerObjection": roles(Role.OFFICER),
    "orderDisbursement": roles(Role.OFFICER),
    "disburseFunds": roles(Role.APPROVER),
    "listRecoveries": roles(Role.PROVIDER, Role.OFFICER, Role.APPROVER, Role.AUDITOR),
    "getRecoveries": roles(Role.PROVIDER, Role.OFFICER, Role.APPROVER, Role.AUDITOR),
    "proposeRecovery": roles(Role.OFFICER),
    "orderRecovery": roles(Role.APPROVER),
    "withdrawRecovery": roles(Role.APPROVER),
    "recordRecoveredFunds": roles(Role.OFFICER),
    "reverseRepayment": roles(Role.APPROVER),
}

DUTIES = SeparatedDuties(
    appointed=appointed,
    of_operations={
        "checkRedemption": "review",
        "drawPanel": "review",
        "replaceExperts": "review",
        "concludeReview": "review",
        "answerObjection": "review",
        "orderDisbursement": "finance",
        "disburseFunds": "approval",
        "proposeRecovery": "supervision",
        "orderRecovery": "approval",
        "withdrawRecovery": "approval",
        "recordRecoveredFunds": "finance",
        "reverseRepayment": "approval",
    },
)
"""What whoever is appointed to it does, and nobody else (art. 18); who pays has not decided what is paid for."""
