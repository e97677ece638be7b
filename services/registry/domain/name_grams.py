"""How a name is found by any part of it: by its characters and pairs of them, which suits Chinese as it is written."""

import unicodedata


def grams_of(text: str) -> list[str]:
    """List the characters and the pairs of neighbours in a text, folded in case and width, each once."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    pairs = [folded[at : at + 2] for at in range(len(folded) - 1)]
    return list(dict.fromkeys([*folded, *pairs]))
