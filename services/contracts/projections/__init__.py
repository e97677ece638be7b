"""Read models of projects and contracts, and copies of what the registry tells of those who work together."""

from services.contracts.projections.claimant_standing import claimant_standing
from services.contracts.projections.contract_list import contract_list
from services.contracts.projections.new_products import new_products
from services.contracts.projections.project_list import project_list

PROJECTIONS = (project_list, contract_list, claimant_standing, new_products)
