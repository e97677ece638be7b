"""What a party declares stays with its owner; the log only keeps a digest that can be checked against it."""

import hashlib
import json
from collections.abc import Mapping


def digest_of(salt: str, profile: Mapping[str, object]) -> str:
    """Condense a profile of plain JSON values (SHA-256, hex); the salt keeps codes and names from being guessed."""
    content = json.dumps(profile, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{salt}\x1f{content}".encode()).hexdigest()
