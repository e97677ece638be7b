"""Design centres: laboratories of the catalogue that can offer industrial design (faq 3)."""

from dataclasses import replace

from services.registry.domain.design_centre import DelistDesignCentre, ListDesignCentre, design_centre
from shared.events.registry.laboratories import DesignCentreDelisted, DesignCentreListed
from tests.specification import Specification
from tests.unit.registry.facts import TODAY
from tests.unit.registry.institutions import LAB

spec = Specification(design_centre)
PUT = ListDesignCentre(design_centre_id="dsc_1", laboratory_id=LAB, in_catalogue=True, listed_by="officer-1", on=TODAY)
LISTED = DesignCentreListed(design_centre_id="dsc_1", laboratory_id=LAB, listed_by="officer-1", on=TODAY)
TAKE_OFF = DelistDesignCentre(reason_digest="99", delisted_by="officer-1", on=TODAY)
DELISTED = DesignCentreDelisted(
    design_centre_id="dsc_1", laboratory_id=LAB, reason_digest="99", delisted_by="officer-1", on=TODAY
)


def test_only_a_laboratory_of_the_catalogue_is_listed() -> None:
    spec.given().when(PUT).then(LISTED)
    spec.given().when(replace(PUT, in_catalogue=False)).then_refused("laboratory-not-in-catalogue")


def test_it_is_listed_once_and_taken_off_once() -> None:
    spec.given(LISTED).when(PUT).then_refused("design-centre-not-in-this-stage")
    spec.given(LISTED).when(TAKE_OFF).then(DELISTED)
    spec.given(LISTED, DELISTED).when(TAKE_OFF).then_refused("design-centre-not-in-this-stage")
    spec.given().when(TAKE_OFF).then_refused("design-centre-not-in-this-stage")
