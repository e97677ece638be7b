"""What a list writes of a voucher is to the byte what everything else answers with."""

from datetime import date
from types import SimpleNamespace
from typing import get_args

import msgspec
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.issuance.api import vouchers
from services.issuance.api.models import VoucherState
from services.issuance.projections.voucher_balances import TABLE

DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1))
MONEY = st.integers(0, 10**13)
TEXT = st.text("abcz0189_券", min_size=1, max_size=30)
ROWS = st.builds(
    SimpleNamespace,
    voucher_id=TEXT,
    period_id=TEXT,
    claimant_id=TEXT,
    state=st.sampled_from(get_args(VoucherState.__value__)),
    year=st.integers(2000, 2100),
    amount=MONEY,
    paid=MONEY,
    released=MONEY,
    clawed_back=MONEY,
    place=st.integers(1, 10**9),
    claimed_on=DAYS,
    register_by=DAYS,
    register_by_provisional=st.booleans(),
    contract_id=st.none() | TEXT,
    valid_until=st.none() | DAYS,
    valid_until_provisional=st.booleans(),
    ended_on=st.none() | DAYS,
)


@for_all(ROWS)
def test_a_list_writes_a_voucher_as_its_model_does(row: SimpleNamespace) -> None:
    assert msgspec.json.encode(vouchers.written(vars(row))) == vouchers.shown(row).model_dump_json().encode()
    assert vars(row).keys() <= {column.name for column in TABLE.columns}
