"""Which of our two languages a caller reads: Chinese unless `Accept-Language` prefers English."""

from functools import lru_cache
from typing import Literal

type Language = Literal["zh", "en"]

LANGUAGES: tuple[Language, ...] = ("zh", "en")
CONTENT_LANGUAGE: dict[Language, str] = {"zh": "zh-CN", "en": "en"}


@lru_cache(maxsize=256)
@lru_cache(maxsize=1024)
def language_of(accept_language: str) -> Language:
    """Choose by the quality values of `Accept-Language` (RFC 9110); what cannot be read counts as nothing."""
    best: dict[Language, float] = {"zh": 0.0, "en": 0.0}
    for part in accept_language.split(","):
        tag, _, parameters = part.strip().partition(";")
        primary = tag.strip().lower().partition("-")[0]
        quality = _quality(parameters)
        if primary == "zh":
            best["zh"] = max(best["zh"], quality)
        elif primary == "en":
            best["en"] = max(best["en"], quality)
    return "en" if best["en"] > best["zh"] else "zh"


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if not name:
        return 1.0
    try:
        return float(value) if name.strip().lower() == "q" else 1.0
    except ValueError:
        return 0.0
