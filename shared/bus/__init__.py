"""Between contexts: topics, the relay that publishes a log, the consumers that read it."""
