"""The rules of a round: pure, to be read beside art. 14."""
