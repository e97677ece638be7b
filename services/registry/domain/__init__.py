"""The rules of who takes part: pure, to be read beside art. 6, 7, 16 and 17."""
