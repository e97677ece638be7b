"""Read models against real servers: live, rebuilt, compared."""
