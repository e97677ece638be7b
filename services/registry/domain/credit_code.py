"""Unified social credit codes (GB 32100): 18 characters, the last a check digit."""

from stdnum.cn import uscc
from stdnum.exceptions import ValidationError

BEIJING_DIVISION = "11"
ENTERPRISE = "91"
INDIVIDUAL_BUSINESS = "92"


def normalised(code: str) -> str:
    """Write a code the one way it is kept: upper case, without spaces and hyphens.

    >>> normalised(" 91110108-may123456x ")
    '91110108MAY123456X'
    """
    return str(uscc.compact(code)).replace("-", "").upper()


def is_valid(code: str) -> bool:
    """Tell whether a normalised code has the right form and check digit."""
    try:
        return bool(uscc.validate(code) == code)
    except ValidationError:
        return False


def kind_of_body(code: str) -> str:
    """Give the first two characters: the authority and the kind of body it registered."""
    return code[:2]


def is_beijing_division(code: str) -> bool:
    """Tell whether the code was given in Beijing; a body that moved here later keeps its old code."""
    return code[2:4] == BEIJING_DIVISION
