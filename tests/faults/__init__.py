"""Real processes are hurt, and nothing that was promised is lost."""
