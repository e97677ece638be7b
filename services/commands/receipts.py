"""`cxq verify-receipt`: whether a receipt of a claim is genuine; needs no servers and no network."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.environment import adopt_environment
from services.commands.problems import CommandProblem, Exit
from services.commands.telling import answer, answer_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from services.issuance.receipts.verification import Verdict

_KEYS = "Save the answer of GET /v1/receipt-keys and name it with --keys."


def verify_receipt(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The receipt as the service gave it (JSON).")],
    *,
    keys: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The published keys (JWK set); else those of this installation.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Verify the receipt of a claim offline: exit code 0 genuine, 1 not genuine, 2 not readable."""
    from services.issuance.receipts.verification import UnreadableReceiptError, verify

    try:
        verdict = verify(content_of(file, "The receipt"), _published(keys))
    except UnreadableReceiptError as error:
        raise CommandProblem(
            f"{file} is not a receipt: {error}.", "Name the JSON that the service gave.", Exit.USAGE
        ) from error
    if as_json:
        answer_json({"genuine": verdict.genuine, "against": verdict.against, "receipt": verdict.receipt})
    else:
        answer("\n".join(_told(verdict)))
    if not verdict.genuine:
        raise typer.Exit(Exit.FAILED)


def _told(verdict: "Verdict") -> list[str]:
    if not verdict.genuine:
        return ["NOT GENUINE", *(f"- {reason}" for reason in verdict.against)]
    from shared.kernel.money import format_yuan

    said = verdict.receipt
    return [
        f"genuine: {said['voucher_id']} · place {said['place']} in {said['period_id']}",
        f"{format_yuan(said['amount']['amount'])} for {said['claimant_id']}, claimed at {said['claimed_at']}",
        f"{said['event_id']} · {said['event_hash']} · key {said['key_id']}",
    ]


def content_of(file: Path, what: str) -> bytes:
    """Read a file that is to be verified; CommandProblem when it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        why = f"{what} cannot be read: {file}: {error.strerror}."
        raise CommandProblem(why, "Check the name of the file.", Exit.USAGE) from error


def _published(file: Path | None) -> "Mapping[str, Ed25519PublicKey]":
    """Read the published keys from a file, or take those of the installation this command belongs to."""
    from services.issuance.receipts.keys import published_keys

    if file is None:
        return _own()
    try:
        return published_keys(content_of(file, "The file of keys"))
    except ValueError as error:
        raise CommandProblem(f"{file} is not a JWK set.", _KEYS, Exit.USAGE) from error


def _own() -> "Mapping[str, Ed25519PublicKey]":
    from pydantic import ValidationError

    from services.issuance.receipts.keys import (
        ReceiptKeyFileError,
        ReceiptKeyMissingError,
        published_in,
        receipt_keys,
    )
    from shared.settings import Settings

    adopt_environment()
    try:
        return published_in(receipt_keys(Settings()))
    except (ReceiptKeyFileError, ReceiptKeyMissingError, ValidationError) as error:
        raise CommandProblem("This installation has no keys of receipts to verify with.", _KEYS, Exit.USAGE) from error
