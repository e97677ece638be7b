"""The five bounded contexts and the command line that runs them."""
