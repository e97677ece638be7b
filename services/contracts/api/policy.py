"""Who may call which operation of contracts."""

from shared.http.policy import Policy, Role, roles

_PARTIES_AND_OFFICE = roles(Role.CLAIMANT, Role.CHANNEL, Role.PROVIDER, Role.OFFICER, Role.AUDITOR)

POLICY: Policy = {
    "proposeProject": roles(Role.CLAIMANT, Role.CHANNEL),
    "listProjects": _PARTIES_AND_OFFICE,
    "getProject": _PARTIES_AND_OFFICE,
    "confirmProject": roles(Role.PROVIDER),
    "declineProject": roles(Role.PROVIDER),
    "submitContract": roles(Role.PROVIDER),
    "listContracts": _PARTIES_AND_OFFICE,
    "getContract": _PARTIES_AND_OFFICE,
    "completeContract": roles(Role.PROVIDER),
}
