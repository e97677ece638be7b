"""A certified new product: listed with the validity of its certificate, changed, withdrawn (faq 2)."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, assert_never

from services.registry.domain.row_text import RowFault, day_in, texts_of
from shared.events.registry.products import NewProductChanged, NewProductListed, NewProductWithdrawn
from shared.kernel.decider import Decider, message
from shared.kernel.refusal import refuse

ARTICLE = "faq 2"
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "certificate_number": ("certificate_number", "证书编号"),
    "name": ("name", "名称", "产品（服务）名称"),
    "holder": ("holder", "持有单位", "单位名称"),
    "valid_from": ("valid_from", "有效期起"),
    "valid_until": ("valid_until", "有效期止"),
}
"""The columns of a file, each with the headings it may have; days as 2026-01-31."""
CERTIFICATE_NUMBER = re.compile(r"[0-9A-Za-z-]{4,40}")
_LENGTHS = {"name": (2, 200), "holder": (2, 200)}

type WhyNot = Literal["", "unknown", "not_yet_valid", "expired", "withdrawn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductDetails:
    """A product as its certificate has it, for the public."""

    certificate_number: str
    name: str
    holder: str
    valid_from: date
    valid_until: date

    @property
    def digest(self) -> str:
        """SHA-256 of what the public reads besides the days and the number, in hexadecimal."""
        said = json.dumps([self.name, self.holder], ensure_ascii=False)
        return hashlib.sha256(said.encode()).hexdigest()


@message
class EnterProduct:
    """List a product, or enter one that is listed anew; what is the same changes nothing."""

    product_id: str
    details: ProductDetails
    on: date


@message
class WithdrawProduct:
    reason_digest: str
    on: date


@message
class Unlisted: ...


@message
class Listed:
    product_id: str
    certificate_number: str
    valid_from: date
    valid_until: date
    description_digest: str
    on: date


@message
class Withdrawn:
    product: Listed
    withdrawn_on: date


type Command = EnterProduct | WithdrawProduct
type Event = NewProductListed | NewProductChanged | NewProductWithdrawn
type State = Unlisted | Listed | Withdrawn


def read_product(cells: Mapping[str, str], *, formula: bool = False) -> ProductDetails | RowFault:
    """Read the cells of a row by column; the first thing that is wrong refuses it."""
    said = texts_of(cells, COLUMNS, _LENGTHS, formula=formula)
    if isinstance(said, RowFault):
        return said
    if CERTIFICATE_NUMBER.fullmatch(said["certificate_number"]) is None:
        return RowFault(code="row-certificate-number-malformed", column="certificate_number")
    first_day, last_day = day_in(said["valid_from"]), day_in(said["valid_until"])
    if first_day is None or last_day is None:
        return RowFault(code="row-day-malformed", column="valid_until" if first_day else "valid_from")
    if last_day < first_day:
        return RowFault(code="row-days-reversed", column="valid_until")
    return ProductDetails(
        certificate_number=said["certificate_number"].upper(),
        name=said["name"],
        holder=said["holder"],
        valid_from=first_day,
        valid_until=last_day,
    )


def decide(command: Command, state: State) -> list[Event]:
    """Say what happens, or refuse and say which question of the FAQ refuses."""
    match command, state:
        case EnterProduct(details=details), Unlisted():
            return [
                NewProductListed(
                    product_id=command.product_id,
                    certificate_number=details.certificate_number,
                    valid_from=details.valid_from,
                    valid_until=details.valid_until,
                    description_digest=details.digest,
                    on=command.on,
                )
            ]
        case EnterProduct(details=details), Listed():
            said = (details.valid_from, details.valid_until, details.digest)
            if said == (state.valid_from, state.valid_until, state.description_digest):
                return []
            return [
                NewProductChanged(
                    product_id=state.product_id,
                    valid_from=details.valid_from,
                    valid_until=details.valid_until,
                    description_digest=details.digest,
                    on=command.on,
                )
            ]
        case WithdrawProduct(), Listed():
            return [
                NewProductWithdrawn(product_id=state.product_id, reason_digest=command.reason_digest, on=command.on)
            ]
        case ((EnterProduct() | WithdrawProduct()), _):
            raise refuse("new-product-not-listed", article=ARTICLE, kind="state")
    assert_never(command)


def evolve(state: State, event: Event) -> State:
    """Fold one fact into the state; facts have happened, so nothing is refused here."""
    match event:
        case NewProductListed():
            return Listed(
                product_id=event.product_id,
                certificate_number=event.certificate_number,
                valid_from=event.valid_from,
                valid_until=event.valid_until,
                description_digest=event.description_digest,
                on=event.on,
            )
        case NewProductChanged():
            assert isinstance(state, Listed), state
            return Listed(
                product_id=state.product_id,
                certificate_number=state.certificate_number,
                valid_from=event.valid_from,
                valid_until=event.valid_until,
                description_digest=event.description_digest,
                on=state.on,
            )
        case NewProductWithdrawn(on=on):
            assert isinstance(state, Listed), state
            return Withdrawn(product=state, withdrawn_on=on)
    assert_never(event)


new_product: Decider[Command, Event, State] = Decider(decide, evolve, initial=Unlisted())


def why_not_valid(valid_from: date, valid_until: date, withdrawn_on: date | None, day: date) -> WhyNot:
    """Say why a product could not be bought with a voucher on a day; nothing when it could (faq 2)."""
    if withdrawn_on is not None and day >= withdrawn_on:
        return "withdrawn"
    if day < valid_from:
        return "not_yet_valid"
    return "expired" if day > valid_until else ""
