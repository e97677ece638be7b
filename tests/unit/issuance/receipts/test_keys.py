"""One key signs receipts; whatever ever signed stays published; only development makes a key by itself."""

import stat
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import SecretStr

from services.issuance.receipts.keys import (
    ReceiptKeyFileError,
    ReceiptKeyMissingError,
    keys_in,
    published_in,
    receipt_keys,
    thumbprint,
)
from services.issuance.receipts.verification import verify
from shared.settings import Settings
from tests.unit.issuance.receipts.papers import ANOTHER, OURS, document, pem, written


def _production(path: Path | None) -> Settings:
    secret = SecretStr("x" * 32)
    return Settings(
        env="production",
        app_password=secret,
        cursor_secret=secret,
        jwks_url="https://auth.cxq.invalid/keys",
        receipt_key_file=path,
    )


def test_the_name_of_a_key_is_the_thumbprint_of_rfc_8037() -> None:
    """The example of RFC 8037, appendix A.1 to A.3."""
    key = Ed25519PublicKey.from_public_bytes(urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo="))
    assert thumbprint(key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_after_a_rotation_the_new_key_signs_and_receipts_of_the_former_one_stay_genuine() -> None:
    before = keys_in(pem(OURS.private))
    after = keys_in(pem(ANOTHER.private, former=(OURS.private,)))
    old = written(document(before.signing))
    assert after.signing.key_id == ANOTHER.key_id
    assert [key["kid"] for key in after.jwks()["keys"]] == [ANOTHER.key_id, OURS.key_id]
    assert verify(old, published_in(after)).genuine
    assert verify(written(document(after.signing)), published_in(after)).genuine
    assert not verify(written(document(after.signing)), published_in(before)).genuine


def test_a_private_key_left_in_the_file_is_published_by_its_public_half_only_and_once() -> None:
    keys = keys_in(pem(ANOTHER.private, OURS.private, former=(OURS.private,)))
    assert [set(key) for key in keys.jwks()["keys"]] == [{"kty", "crv", "x", "kid", "use", "alg"}] * 2


def test_development_makes_a_key_for_itself_that_nobody_else_can_read(tmp_path: Path) -> None:
    settings = Settings(env="dev", state_dir=tmp_path)
    first = receipt_keys(settings)
    assert receipt_keys(settings).signing.key_id == first.signing.key_id
    file = tmp_path / "keys" / "receipts.pem"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_setting_left_empty_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXQ_RECEIPT_KEY_FILE", "")
    assert Settings(env="dev").receipt_key_file is None


def test_production_without_a_key_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(ReceiptKeyMissingError, match="CXQ_RECEIPT_KEY_FILE"):
        receipt_keys(_production(None))
    with pytest.raises(ReceiptKeyFileError, match="CXQ_RECEIPT_KEY_FILE cannot be read"):
        receipt_keys(_production(tmp_path / "nowhere.pem"))
    file = tmp_path / "receipts.pem"
    file.write_bytes(pem(OURS.private))
    assert receipt_keys(_production(file)).signing.key_id == OURS.key_id


def _of_another_kind() -> bytes:
    return generate_private_key(SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"not a key", pem(former=(OURS.private,)), _of_another_kind(), pem(OURS.private).replace(b"MC4C", b"AAAA")],
)
def test_a_file_that_cannot_sign_is_refused_without_showing_what_it_holds(content: bytes) -> None:
    with pytest.raises(ReceiptKeyFileError) as refused:
        keys_in(content)
    assert all(line.decode() not in str(refused.value) for line in content.splitlines() if line)
