"""The open-laboratory catalogue, field centres with their members, and design centres (faq 3, 5 and 7)."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from shared.events.definition import event

type AccreditationKind = Literal[
    "national_key_laboratory",
    "beijing_key_laboratory",
    "national_engineering_centre",
    "beijing_engineering_centre",
    "beijing_design_innovation_centre",
    "public_service_institution",
]
type LaboratoryRoute = Literal["service_agency", "field_centre"]
type WhyLeft = Literal["accreditation_lapsed", "withdrawn", "removed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accreditation:
    """What a laboratory is recognised as (faq 7), from and to a day, both included; without an end until revoked."""

    kind: AccreditationKind
    valid_from: date
    valid_until: date | None


@event("registry.laboratory-reported", key="laboratory_id")
class LaboratoryReported:
    """A laboratory is put forward: by the service agency of its organisation, or by itself to a field centre (faq 5).

    `through` is the agency's or the centre's id.
    """

    laboratory_id: str
    route: LaboratoryRoute
    through: str
    accreditations: tuple[Accreditation, ...]
    on: date


@event("registry.laboratory-taken-in", key="laboratory_id")
class LaboratoryTakenIn:
    """A field centre is willing to have the laboratory as a member; the office still reviews it (faq 5)."""

    laboratory_id: str
    field_centre_id: str
    taken_in_by: str
    on: date


@event("registry.laboratory-entered", key="laboratory_id")
class LaboratoryEntered:
    """From this day the laboratory is in the catalogue and accepts vouchers, up to `valid_until` (inclusive) if any."""

    laboratory_id: str
    route: LaboratoryRoute
    through: str
    accreditations: tuple[Accreditation, ...]
    valid_until: date | None
    on: date


@event("registry.laboratory-accredited", key="laboratory_id")
class LaboratoryAccredited:
    """The office has recorded what a laboratory of the catalogue is recognised as from this day."""

    laboratory_id: str
    entered_on: date
    accreditations: tuple[Accreditation, ...]
    valid_until: date | None
    recorded_by: str
    on: date


@event("registry.laboratory-left", key="laboratory_id")
class LaboratoryLeft:
    """From this day the laboratory, in the catalogue since `entered_on`, is in it no more (faq 7)."""

    laboratory_id: str
    entered_on: date
    cause: WhyLeft
    on: date


@event("registry.field-centre-appointed", key="field_centre_id")
class FieldCentreAppointed:
    """The office has said who acts for a field centre, in the role of a service agency."""

    field_centre_id: str
    principal: str
    appointed_by: str
    on: date


@event("registry.field-centre-joined", key="laboratory_id")
class FieldCentreJoined:
    """A laboratory is a member of a field centre from this day (faq 5)."""

    laboratory_id: str
    field_centre_id: str
    on: date


@event("registry.field-centre-left", key="laboratory_id")
class FieldCentreLeft:
    """A laboratory is a member of a field centre no more from this day."""

    laboratory_id: str
    field_centre_id: str
    on: date


@event("registry.design-centre-listed", key="design_centre_id")
class DesignCentreListed:
    """A laboratory of the catalogue can offer industrial design from this day (faq 3)."""

    design_centre_id: str
    laboratory_id: str
    listed_by: str
    on: date


@event("registry.design-centre-delisted", key="design_centre_id")
class DesignCentreDelisted:
    """A laboratory is on the list of design centres no more from this day."""

    design_centre_id: str
    laboratory_id: str
    reason_digest: str
    delisted_by: str
    on: date
