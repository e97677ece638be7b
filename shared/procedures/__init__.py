"""What several contexts do in the same way, each once: deadlines, approvals, notices, panels."""
