"""Everything that runs the services somewhere."""
