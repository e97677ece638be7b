"""The office keeps the list of certified new products, one by one or from a file (faq 2)."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.registry.domain.new_product import (
    ARTICLE,
    EnterProduct,
    Event,
    ProductDetails,
    State,
    Unlisted,
    WithdrawProduct,
    new_product,
    read_product,
)
from services.registry.domain.profile import digest_of
from services.registry.domain.row_text import RowFault
from services.registry.files.reading import FileRow
from services.registry.recognition_tables import new_product_withdrawals, new_products
from services.registry.use_cases.loading_many import load_many
from services.registry.use_cases.streams import stream_of
from shared.kernel.ids import new_id
from shared.kernel.refusal import refuse
from shared.store.transaction import Handled, Loaded, Transaction, UnknownSubjectError

ROWS_MAX = 1_000
"""What one transaction can write in time; a longer list comes in several files."""
_ONE_AT_A_TIME = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('new-products', 0))")

type Result = Literal["created", "changed", "unchanged", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a row; `code` and `column` say why it was refused."""

    row: int
    certificate_number: str
    result: Result
    product_id: str | None = None
    code: str = ""
    column: str = ""


async def import_products(tx: Transaction, rows: Sequence[FileRow]) -> list[Outcome]:
    """List what is new, change what differs, leave what is the same; a row that is refused changes nothing."""
    if len(rows) > ROWS_MAX:
        raise refuse("import-too-many-rows", article=ARTICLE, limit=ROWS_MAX)
    await tx.connection.execute(_ONE_AT_A_TIME)
    read = [(row, read_product(row.cells, formula=row.formula)) for row in rows]
    known = await _known(tx, [found.certificate_number for _, found in read if isinstance(found, ProductDetails)])
    states = await load_many(tx, new_product, (stream_of(product_id, "npr") for product_id in known.values()))
    named: set[str] = set()
    outcomes: list[Outcome] = []
    written: list[tuple[str, ProductDetails]] = []
    for row, found in read:
        if isinstance(found, RowFault):
            outcomes.append(_refused(row, found))
            continue
        if found.certificate_number in named:
            outcomes.append(_refused(row, RowFault(code="row-certificate-twice", column="certificate_number")))
            continue
        named.add(found.certificate_number)
        product_id = known.get(found.certificate_number) or new_id("npr", tx.now)
        stream = stream_of(product_id, "npr")
        before = states.get(stream, Loaded(new_product.initial, 0))
        new = new_product.decide(EnterProduct(product_id=product_id, details=found, on=tx.today), before.state)
        tx.append(stream, before.version, new)
        if new:
            written.append((product_id, found))
        result: Result = "unchanged" if not new else ("changed" if before.version else "created")
        outcomes.append(
            Outcome(row=row.row, certificate_number=found.certificate_number, result=result, product_id=product_id)
        )
    await _describe(tx, written)
    return outcomes


def _refused(row: FileRow, fault: RowFault) -> Outcome:
    number = row.cells.get("certificate_number", "")[:40]
    return Outcome(row=row.row, certificate_number=number, result="refused", code=fault.code, column=fault.column)


async def withdraw(tx: Transaction, product_id: str, reason: str, *, if_match: int | None) -> Handled[Event, State]:
    """Take a product off the list from today on; why stays here."""
    stream = stream_of(product_id, "npr")
    if isinstance((await tx.load(new_product, stream)).state, Unlisted):
        raise UnknownSubjectError(product_id)
    salt = secrets.token_hex(16)
    command = WithdrawProduct(reason_digest=digest_of(salt, {"reason": reason}), on=tx.today)
    handled = await tx.handle(new_product, stream, command, if_match=if_match)
    await tx.connection.execute(
        sa.update(new_products).where(new_products.c.product_id == product_id).values(withdrawn=True)
    )
    kept = sa.insert(new_product_withdrawals).values(product_id=product_id, reason=reason, salt=salt)
    await tx.connection.execute(kept)
    return handled


async def _known(tx: Transaction, numbers: Sequence[str]) -> dict[str, str]:
    """Find the listed products with these certificates."""
    found = await tx.connection.execute(
        sa.select(new_products.c.certificate_number, new_products.c.product_id).where(
            ~new_products.c.withdrawn,
            new_products.c.certificate_number == sa.any_(sa.bindparam(None, list(numbers), sa.ARRAY(sa.Text))),
        )
    )
    return dict(found.all())


async def _describe(tx: Transaction, written: Sequence[tuple[str, ProductDetails]]) -> None:
    if not written:
        return
    rows = [
        {"product_id": product_id, "certificate_number": details.certificate_number, "name": details.name,
         "holder": details.holder}
        for product_id, details in written
    ]  # fmt: skip
    statement = insert(new_products)
    anew = {"name": statement.excluded.name, "holder": statement.excluded.holder}
    await tx.connection.execute(statement.on_conflict_do_update(index_elements=["product_id"], set_=anew), rows)
