"""The registry's read models, each rebuilt from the log alone; names are joined from the owner's tables when read."""

from services.registry.projections.affiliation_list import affiliation_list
from services.registry.projections.agency_evaluations import agency_evaluations
from services.registry.projections.agency_list import agency_list
from services.registry.projections.claimant_list import claimant_list
from services.registry.projections.design_centre_list import design_centre_list
from services.registry.projections.facility_catalogue import facility_catalogue
from services.registry.projections.facility_history import facility_history
from services.registry.projections.field_centre_members import field_centre_members
from services.registry.projections.laboratory_catalogue import laboratory_catalogue
from services.registry.projections.measure_changes import measure_changes
from services.registry.projections.new_product_list import new_product_list
from services.registry.projections.provider_entries import provider_entries
from services.registry.projections.provider_list import provider_list
from services.registry.projections.provider_notices import provider_notices
from services.registry.projections.referrals import referrals
from services.registry.projections.service_catalogue import service_catalogue

PROJECTIONS = (
    measure_changes,
    new_product_list,
    claimant_list,
    provider_list,
    provider_entries,
    provider_notices,
    facility_catalogue,
    facility_history,
    service_catalogue,
    affiliation_list,
    agency_list,
    agency_evaluations,
    design_centre_list,
    field_centre_members,
    laboratory_catalogue,
    referrals,
)
