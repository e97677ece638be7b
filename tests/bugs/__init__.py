"""A bank of known mistakes: each, planted in a copy of the tree, must turn a named test red (`make bug-bank`)."""
