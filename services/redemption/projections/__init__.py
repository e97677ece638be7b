"""Redemption's read models, each rebuilt from the log alone."""

from services.redemption.projections.public_notices import public_notices
from services.redemption.projections.recovery_list import recovery_list
from services.redemption.projections.redemption_list import redemption_list

PROJECTIONS = (redemption_list, public_notices, recovery_list)
