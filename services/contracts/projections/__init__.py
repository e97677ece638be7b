"""Read models of projects and contracts."""

from services.contracts.projections.contract_list import contract_list
from services.contracts.projections.project_list import project_list

PROJECTIONS = (project_list, contract_list)
