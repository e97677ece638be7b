"""Evidence files on their way to and from where they lie."""

import asyncio
from typing import Any

import obstore
import pytest

from tests.integration.redemption.office import PDF, Office

_LATENCY_S = 1.5
"""Longer than a transaction may stand idle (one second)."""


@pytest.fixture
def slow_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the files far away: every transfer takes a second and a half."""

    def far(transfer: Any) -> Any:
        async def transferred(*arguments: Any) -> Any:
            await asyncio.sleep(_LATENCY_S)  # what is tested is that nobody minds
            return await transfer(*arguments)

        return transferred

    monkeypatch.setattr(obstore, "put_async", far(obstore.put_async))
    monkeypatch.setattr(obstore, "get_async", far(obstore.get_async))


@pytest.mark.usefixtures("slow_storage")
async def test_a_slow_store_of_files_keeps_no_transaction_waiting(office: Office) -> None:
    file = {"file": ("a.pdf", PDF, "application/pdf")}
    uploaded = await office.call("POST", "/v1/documents", "provider", "prv_slow", files=file)
    assert uploaded.status_code == 201, uploaded.text
    fetched = await office.call("GET", uploaded.headers["location"], "provider", "prv_slow")
    assert (fetched.status_code, fetched.content) == (200, PDF)


async def test_what_is_no_evidence_is_refused_however_often_it_is_sent(office: Office) -> None:
    file = {"file": ("a.pdf", b"MZ not a pdf", "application/pdf")}
    for _ in range(2):
        refused = await office.call("POST", "/v1/documents", "provider", "prv_bad", files=file, key="the-same-key")
        assert (refused.status_code, refused.json()["code"]) == (422, "file-type-not-accepted")
