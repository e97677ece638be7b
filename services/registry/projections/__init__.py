"""The registry's read models, each rebuilt from the log alone; names are joined from the owner's tables when read."""

from services.registry.projections.claimant_list import claimant_list
from services.registry.projections.facility_catalogue import facility_catalogue
from services.registry.projections.provider_entries import provider_entries
from services.registry.projections.provider_list import provider_list
from services.registry.projections.provider_notices import provider_notices
from services.registry.projections.service_catalogue import service_catalogue

PROJECTIONS = (claimant_list, provider_list, provider_entries, provider_notices, facility_catalogue, service_catalogue)
