"""Who may call which operation of issuance."""

from shared.http.policy import PUBLIC, Policy, Role, roles

_CLAIMANT_AND_OFFICE = roles(Role.CLAIMANT, Role.OFFICER, Role.APPROVER, Role.AUDITOR)

POLICY: Policy = {
    "proposePeriod": roles(Role.OFFICER),
    "approvePeriod": roles(Role.OFFICER, Role.APPROVER),
    "listPeriodPlans": roles(Role.OFFICER, Role.APPROVER, Role.AUDITOR),
    "listPeriods": PUBLIC,
    "getPeriod": PUBLIC,
    "listOrder": PUBLIC,
    "downloadOrderList": PUBLIC,
    "claimVoucher": roles(Role.CLAIMANT),
    "getClaimByKey": roles(Role.CLAIMANT),
    "listVouchers": _CLAIMANT_AND_OFFICE,
    "getVoucher": _CLAIMANT_AND_OFFICE,
    "cancelVoucher": roles(Role.CLAIMANT),
    "getReceipt": _CLAIMANT_AND_OFFICE,
    "listReceiptKeys": PUBLIC,
    "listAnnualTotals": _CLAIMANT_AND_OFFICE,
}
