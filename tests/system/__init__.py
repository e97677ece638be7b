"""Whole stories, all five services at once."""
