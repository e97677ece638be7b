"""`cxq verify-receipt`: 0 genuine, 1 not genuine, 2 unreadable; without servers, with the published keys."""

import json
from pathlib import Path

import pytest

from services.issuance.receipts.keys import keys_in, receipt_keys
from shared.settings import Settings
from tests.unit.cli.conftest import Cxq
from tests.unit.issuance.receipts.papers import OURS, VOUCHER, document, pem, written


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(keys_in(pem(OURS.private)).jwks()))
    return file


@pytest.fixture
def receipt(tmp_path: Path) -> Path:
    file = tmp_path / "receipt.json"
    file.write_bytes(written(document()))
    return file


def test_a_genuine_receipt_is_said_to_be(cxq: Cxq, receipt: Path, keys: Path) -> None:
    said = cxq("verify-receipt", str(receipt), "--keys", str(keys))
    assert (said.code, said.told) == (0, "")
    assert said.answer.startswith(f"genuine: {VOUCHER} · place 18 in ")
    assert " 元 for clm_" in said.answer


def test_a_changed_receipt_is_not_genuine_and_the_answer_says_why(cxq: Cxq, receipt: Path, keys: Path) -> None:
    receipt.write_bytes(written(document() | {"place": 1}))
    said = cxq("verify-receipt", str(receipt), "--keys", str(keys))
    assert (said.code, said.answer.splitlines()[0]) == (1, "NOT GENUINE")
    assert "the signature does not fit" in said.answer
    told = json.loads(cxq("verify-receipt", str(receipt), "--keys", str(keys), "--json").answer)
    assert (told["genuine"], len(told["against"]), told["receipt"]["place"]) == (False, 1, 1)


def test_a_program_reads_that_a_receipt_is_genuine(cxq: Cxq, receipt: Path, keys: Path) -> None:
    said = cxq("verify-receipt", str(receipt), "--keys", str(keys), "--json")
    assert said.code == 0
    assert json.loads(said.answer) == {"genuine": True, "against": [], "receipt": document()}


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7", b"[]"])
def test_what_is_no_receipt_is_unreadable(cxq: Cxq, receipt: Path, keys: Path, content: bytes) -> None:
    receipt.write_bytes(content)
    said = cxq("verify-receipt", str(receipt), "--keys", str(keys))
    assert (said.code, said.answer) == (2, "")
    assert "is not a receipt" in said.told


def test_files_that_are_not_there_and_keys_that_are_none_are_unreadable(cxq: Cxq, receipt: Path, keys: Path) -> None:
    missing = cxq("verify-receipt", str(receipt.with_name("nowhere")), "--keys", str(keys))
    assert missing.code == 2
    assert "nowhere: No such file or directory. Check" in missing.told
    assert cxq("verify-receipt", str(receipt), "--keys", str(keys.with_name("nowhere"))).code == 2
    keys.write_text("{}")
    said = cxq("verify-receipt", str(receipt), "--keys", str(keys))
    assert said.code == 2
    assert "is not a JWK set" in said.told


def test_without_a_file_of_keys_the_ones_of_this_installation_count(
    cxq: Cxq, state: Path, receipt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = cxq("verify-receipt", str(receipt))
    assert said.code == 2
    assert "GET /v1/receipt-keys" in said.told
    monkeypatch.setenv("CXQ_ENV", "dev")
    receipt.write_bytes(written(document(receipt_keys(Settings(env="dev", state_dir=state)).signing)))
    assert cxq("verify-receipt", str(receipt)).code == 0
