"""Which stream an id belongs to."""

from shared.kernel.ids import is_id
from shared.store.transaction import UnknownSubjectError

_NOUNS = {
    "ofu": "office-user",
    "chn": "channel",
    "ath": "channel-authorisation",
    "clm": "claimant",
    "prv": "provider",
    "fac": "facility",
    "svc": "service",
    "exp": "expert",
    "snc": "sanction",
    "dlg": "delegation",
    "psn": "service-person",
    "usg": "usage",
    "bkg": "booking",
    "rag": "referral-agency",
    "sag": "service-agency",
    "lab": "laboratory",
    "fct": "field-centre",
    "dsc": "design-centre",
    "npr": "new-product",
}


def stream_of(subject: str, prefix: str) -> str:
    """Name the stream of an id of a kind; raises `UnknownSubjectError` for what is no such id."""
    if not is_id(subject, prefix):
        raise UnknownSubjectError(subject)
    return f"{_NOUNS[prefix]}-{subject}"
