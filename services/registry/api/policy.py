"""Who may do what in the registry."""

from shared.http.policy import PUBLIC, Policy, Role, roles

_OFFICE = roles(Role.OFFICER, Role.APPROVER, Role.AUDITOR)

POLICY: Policy = {
    "listMeasures": PUBLIC,
    "getMeasure": PUBLIC,
    "checkEligibility": PUBLIC,
    "registerClaimant": roles(Role.CLAIMANT),
    "getClaimant": _OFFICE | roles(Role.CLAIMANT),
    "listClaimants": _OFFICE | roles(Role.CLAIMANT),
    "changeCertificates": roles(Role.CLAIMANT),
    "listProvider": roles(Role.OFFICER),
    "listProviders": PUBLIC,
    "getProvider": PUBLIC,
    "applyAsProvider": roles(Role.PROVIDER),
    "getProviderApplication": _OFFICE | roles(Role.PROVIDER),
    "checkProviderCondition": roles(Role.OFFICER),
    "listProviderNotices": PUBLIC,
    "raiseListingObjection": frozenset(Role),
    "listListingObjections": _OFFICE,
    "answerListingObjection": roles(Role.OFFICER),
    "requestProviderExit": roles(Role.PROVIDER),
    "getProviderExit": _OFFICE | roles(Role.PROVIDER),
    "openFacility": roles(Role.PROVIDER),
    "listFacilities": PUBLIC,
    "getFacility": PUBLIC,
    "withdrawFacility": roles(Role.PROVIDER),
    "offerService": roles(Role.PROVIDER),
    "listServices": PUBLIC,
    "getService": PUBLIC,
    "withdrawService": roles(Role.PROVIDER),
    "enrolExpert": roles(Role.OFFICER),
    "getExpert": _OFFICE,
    "proposeSanction": roles(Role.OFFICER),
    "getSanction": _OFFICE,
    "approveSanction": roles(Role.APPROVER),
    "getStanding": _OFFICE | roles(Role.CLAIMANT, Role.PROVIDER),
}
