"""The relay and the consumers against a real broker and a real store."""
