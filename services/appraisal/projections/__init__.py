"""Appraisal's read models, each rebuilt from the logs alone."""

from services.appraisal.projections.appraisal_rounds import appraisal_rounds
from services.appraisal.projections.listed_providers import listed_providers
from services.appraisal.projections.measures_in_force import measures_in_force
from services.appraisal.projections.open_facilities import open_facilities
from services.appraisal.projections.service_records import service_records
from services.appraisal.projections.usage_totals import usage_totals
from services.appraisal.projections.voucher_payments import voucher_payments

PROJECTIONS = (
    appraisal_rounds,
    listed_providers,
    measures_in_force,
    open_facilities,
    service_records,
    usage_totals,
    voucher_payments,
)
