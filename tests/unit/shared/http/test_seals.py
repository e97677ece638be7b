"""What we have sealed is read again by us alone, for the same purpose, in the same shape."""

import pytest
from pydantic import SecretStr

from shared.http.seals import Seal
from shared.settings import Settings

SETTINGS = Settings(env="dev", cursor_secret=SecretStr("ours"))
SEAL = Seal(SETTINGS, "a purpose")
CONTENT = ["票", 3]


def test_a_content_is_read_as_it_was_written_and_always_written_the_same() -> None:
    text = SEAL.write(CONTENT)
    assert Seal(SETTINGS, "a purpose").read(text, tuple[str, int]) == ("票", 3)
    assert Seal(SETTINGS, "a purpose").write(CONTENT) == text
    assert text.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize(
    "stranger",
    [Seal(SETTINGS, "another purpose"), Seal(Settings(env="dev", cursor_secret=SecretStr("theirs")), "a purpose")],
    ids=["for another purpose", "with another secret"],
)
def test_what_was_sealed_otherwise_is_not_ours(stranger: Seal) -> None:
    assert SEAL.read(stranger.write(CONTENT), tuple[str, int]) is None


def test_what_was_changed_on_the_way_is_not_ours() -> None:
    text = SEAL.write(CONTENT)
    for place in range(0, len(text) - 1, 7):
        changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        assert SEAL.read(changed, tuple[str, int]) is None, place
    for broken in ("", "=", "é", text[:20], text + "AAAA"):
        assert SEAL.read(broken, tuple[str, int]) is None, broken


def test_what_another_version_of_us_has_sealed_in_another_shape_is_nothing_to_fall_over() -> None:
    assert SEAL.read(SEAL.write({"票": 3}), tuple[str, int]) is None
