"""The waiting room of a period: its line, its places, and the tokens with which they are claimed (art. 15(1))."""
