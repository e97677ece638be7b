"""Who may call which operation of issuance."""

from services.issuance.tables import appointed
from shared.http.policy import PUBLIC, Policy, Role, roles
from shared.procedures.duties import SeparatedDuties

_CLAIMANT_AND_OFFICE = roles(Role.CLAIMANT, Role.OFFICER, Role.APPROVER, Role.AUDITOR)
_ASKERS_AND_OFFICE = roles(Role.CLAIMANT, Role.CHANNEL, Role.OFFICER, Role.APPROVER, Role.AUDITOR)
_OFFICE = roles(Role.OFFICER, Role.APPROVER, Role.AUDITOR)

POLICY: Policy = {
    "proposePeriod": roles(Role.OFFICER),
    "changePeriodPlan": roles(Role.OFFICER),
    "withdrawPeriod": roles(Role.OFFICER),
    "approvePeriod": roles(Role.OFFICER, Role.APPROVER),
    "pausePeriod": roles(Role.OFFICER),
    "resumePeriod": roles(Role.OFFICER),
    "listPeriodPlans": roles(Role.OFFICER, Role.APPROVER, Role.AUDITOR),
    "getPeriodPlan": roles(Role.OFFICER, Role.APPROVER, Role.AUDITOR),
    "listPeriods": PUBLIC,
    "getPeriod": PUBLIC,
    "listOrder": PUBLIC,
    "downloadOrderList": PUBLIC,
    "getPeriodFigures": PUBLIC,
    "getRemainingQuota": PUBLIC,
    "listenToRemainingQuota": PUBLIC,
    "getWaitingRoom": PUBLIC,
    "getChallenge": PUBLIC,
    "enterWaitingRoom": roles(Role.CLAIMANT, Role.CHANNEL),
    "getEntryTicket": roles(Role.CLAIMANT, Role.CHANNEL),
    "claimVoucher": roles(Role.CLAIMANT, Role.CHANNEL),
    "getClaimByKey": roles(Role.CLAIMANT, Role.CHANNEL),
    "listVouchers": _ASKERS_AND_OFFICE,
    "getVoucher": _ASKERS_AND_OFFICE,
    "cancelVoucher": roles(Role.CLAIMANT, Role.CHANNEL),
    "enterPeriod": roles(Role.CLAIMANT, Role.CHANNEL),
    "getOwnEntry": roles(Role.CLAIMANT, Role.CHANNEL),
    "withdrawEntry": roles(Role.CLAIMANT, Role.CHANNEL),
    "getDraw": PUBLIC,
    "listDrawnEntries": PUBLIC,
    "getReceipt": _ASKERS_AND_OFFICE,
    "getCalendar": roles(Role.CLAIMANT),
    "listReceiptKeys": PUBLIC,
    "listAnnualTotals": _CLAIMANT_AND_OFFICE,
    "listLedgerEntries": _CLAIMANT_AND_OFFICE,
    "getLedgerBalances": _OFFICE,
    "listExposure": _OFFICE,
    "listLedgerProofs": _OFFICE,
    "orderLedgerExport": _OFFICE,
    "downloadLedgerExport": PUBLIC,
}

DUTIES = SeparatedDuties(
    appointed=appointed,
    of_operations={
        "proposePeriod": "planning",
        "changePeriodPlan": "planning",
        "withdrawPeriod": "planning",
        "pausePeriod": "planning",
        "resumePeriod": "planning",
        "approvePeriod": "approval",
    },
)
"""What whoever is appointed to it does, and nobody else (art. 18)."""
