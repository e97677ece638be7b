"""The performance goals, each a command: `make bench GOAL=A1`. Nothing here is a test; nothing is timed in a test."""
