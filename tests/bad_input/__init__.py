"""What no caller should send, sent to all five services."""
