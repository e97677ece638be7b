"""How a name is found by any part of it: by its characters and pairs of them, which suits Chinese as it is written."""

import unicodedata


def grams_of(text: str) -> list[str]:
    """List the characters and the pairs of neighbours in a name, folded in case and width, each once."""
    folded = _folded(text)
    return list(dict.fromkeys([*folded, *_pairs(folded)]))


def grams_sought(text: str) -> list[str]:
    """List what a name that contains this text must have: its pairs, or the one character that it is."""
    folded = _folded(text)
    return list(dict.fromkeys(_pairs(folded) or folded))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _pairs(folded: str) -> list[str]:
    return [folded[at : at + 2] for at in range(len(folded) - 1)]
