"""The published language: every event of every context, each defined once."""
