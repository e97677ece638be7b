"""A receipt is genuine as it was given, and not in any other form, whoever made that."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.issuance.receipts.keys import ReceiptKeys, SigningKey, published_keys
from services.issuance.receipts.receipt import SIGNATURE, canonical, encoded, receipt_of, signed
from services.issuance.receipts.verification import UnreadableReceiptError, verify
from tests.unit.issuance.receipts.papers import ANOTHER, OURS, PUBLISHED, claimed, document, written

_FALSE = {
    "type": "cxq.another-document.v1",
    "voucher_id": "vch_01jq8v5x0000000000000000fg",
    "period_id": "prd_01jq8v5x0000000000000000fg",
    "claimant_id": "clm_01jq8v5x0000000000000000fg",
    "amount": {"amount": 3_000_001, "currency": "CNY"},
    "place": 17,
    "claimed_at": "2026-03-01T01:00:00.122Z",
    "event_id": "issuance-1041",
    "log_position": 1041,
    "event_hash": "0e" * 32,
    "pack": "beijing-2022",
    "pack_digest": "0e" * 32,
    "register_by": "2026-03-17",
    "register_by_status": "provisional",
    "algorithm": "none",
    "key_id": ANOTHER.key_id,
    "signature": encoded(b"\x01" * 64),
}


def test_a_receipt_says_what_was_granted_and_where_the_log_has_it() -> None:
    said = document()
    assert {name: said[name] for name in ("place", "amount", "claimed_at", "event_id", "log_position")} == {
        "place": 18,
        "amount": {"amount": 3_000_000, "currency": "CNY"},
        "claimed_at": "2026-03-01T01:00:00.123Z",
        "event_id": "issuance-1042",
        "log_position": 1042,
    }
    assert (said["register_by"], said["register_by_status"], said["event_hash"]) == ("2026-03-16", "final", "0f" * 32)


def test_what_is_signed_is_written_in_one_way_only() -> None:
    content: dict[str, Any] = {"b": 1, "a": {"d": '创新券 "\\\u0007/', "c": 2}}
    assert canonical(content) == '{"a":{"c":2,"d":"创新券 \\"\\\\\\u0007/"},"b":1}'.encode()


def test_a_receipt_is_the_same_at_every_request_and_genuine_however_it_is_laid_out() -> None:
    assert document() == document()
    backwards = dict(reversed(document().items()))
    for file in (written(document()), written(backwards), json.dumps(document()).encode()):
        assert verify(file, PUBLISHED).genuine


@pytest.mark.parametrize(
    ("pack", "genuine"),
    [
        ("beijing-2023+1", True),
        ("beijing-2023+12", True),
        ("beijing-2023+", False),
        ("beijing-2023+0", False),
        ("beijing-2023+01", False),
        ("+1", False),
    ],
)
def test_a_receipt_by_rules_with_announced_changes_names_how_many_there_are(pack: str, *, genuine: bool) -> None:
    receipt = dict(signed(receipt_of(claimed(pack=pack)), OURS))
    assert verify(written(receipt), PUBLISHED).genuine is genuine


@pytest.mark.parametrize("name", list(document()))
def test_a_receipt_with_any_member_changed_is_not_genuine(name: str) -> None:
    assert _FALSE[name] != document()[name]
    verdict = verify(written(document() | {name: _FALSE[name]}), PUBLISHED)
    assert not verdict.genuine
    assert len(verdict.against) == 1


@pytest.mark.parametrize("name", list(document()))
def test_a_receipt_without_any_of_its_members_is_not_genuine_and_the_member_is_named(name: str) -> None:
    content = document()
    del content[name]
    assert verify(written(content), PUBLISHED).against == (f"`{name}` is missing",)


@pytest.mark.parametrize("name", ["note", "Place", "amount_in_words"])
def test_a_receipt_that_says_more_than_a_receipt_says_is_not_genuine(name: str) -> None:
    assert verify(written(document() | {name: "x"}), PUBLISHED).against == (f"`{name}` does not belong in a receipt",)
    more = document()
    more["amount"] = more["amount"] | {name: 1}
    assert verify(written(more), PUBLISHED).against == ("`amount` has not the form it must have",)


@for_all(name=st.sampled_from([name for name in document() if name != SIGNATURE]), data=st.data())
def test_no_other_value_of_any_kind_passes(name: str, data: st.DataObject) -> None:
    true = document()[name]
    others: st.SearchStrategy[Any] = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.lists(st.text(), max_size=2)
    )
    # 18.0 and True are other values than 18 and 1 to whoever reads JSON strictly
    other = data.draw(others.filter(lambda value: (type(value), value) != (type(true), true)))
    assert not verify(written(document() | {name: other}), PUBLISHED).genuine


@for_all(bit=st.integers(0, 64 * 8 - 1))
def test_no_bit_of_the_signature_may_differ(bit: int) -> None:
    octets = bytearray(base64.urlsafe_b64decode(f"{document()[SIGNATURE]}=="))
    octets[bit // 8] ^= 1 << bit % 8
    assert not verify(written(document() | {SIGNATURE: encoded(bytes(octets))}), PUBLISHED).genuine


def test_a_signature_is_written_in_one_way_only() -> None:
    said = document()[SIGNATURE]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = said[:-1] + alphabet[alphabet.index(said[-1]) ^ 1]  # its last bits do not reach the octets
    assert not verify(written(document() | {SIGNATURE: twin}), PUBLISHED).genuine


def test_a_receipt_under_a_key_that_is_not_published_is_not_genuine() -> None:
    verdict = verify(written(document(ANOTHER)), PUBLISHED)
    assert verdict.against == (f"no published key has the id {ANOTHER.key_id}",)


def test_a_receipt_signed_by_another_key_under_our_keys_name_is_not_genuine() -> None:
    class Pretender(SigningKey):
        @property
        def key_id(self) -> str:
            return OURS.key_id

    forged = document(Pretender(ANOTHER.private))
    assert forged["key_id"] == OURS.key_id
    assert "another key signed it" in verify(written(forged), PUBLISHED).against[0]


def test_a_published_key_cannot_take_the_name_of_another() -> None:
    (ours,) = ReceiptKeys(OURS, (OURS.private.public_key(),)).jwks()["keys"]
    (other,) = ReceiptKeys(ANOTHER, (ANOTHER.private.public_key(),)).jwks()["keys"]
    in_disguise = {"keys": [other | {"kid": OURS.key_id}]}
    assert published_keys(json.dumps(in_disguise).encode()) == {}
    both = published_keys(json.dumps({"keys": [*in_disguise["keys"], ours]}).encode())
    assert both == PUBLISHED


@pytest.mark.parametrize(
    "changed",
    [{"kty": "oct", "k": "AAAA"}, {"crv": "X25519"}, {"use": "enc"}, {"x": "AAAA"}, {"x": 7}, {"kid": ["a"]}],
)
def test_keys_of_other_kinds_and_uses_are_passed_over(changed: dict[str, Any]) -> None:
    (ours,) = ReceiptKeys(OURS, (OURS.private.public_key(),)).jwks()["keys"]
    assert published_keys(json.dumps({"keys": [ours | changed, "no key"]}).encode()) == {}


@pytest.mark.parametrize(
    "file",
    [b"", b"\xff\xfe", b"[]", b'"receipt"', b"{", b'{"place": 1, "place": 2}', b"[" * 100_000, b" " * 70_000 + b"{}"],
)
def test_what_is_no_json_object_is_unreadable(file: bytes) -> None:
    with pytest.raises(UnreadableReceiptError):
        verify(file, PUBLISHED)


@for_all(seed=st.binary(min_size=32, max_size=32))
def test_a_receipt_verifies_under_whatever_key_signed_it_and_under_no_other(seed: bytes) -> None:
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(seed))
    file = written(document(key))
    assert verify(file, {key.key_id: key.private.public_key()}).genuine
    assert verify(file, PUBLISHED).genuine == (key.key_id == OURS.key_id)
