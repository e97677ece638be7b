"""What the command line does; each module imports what it needs when a command runs, so that `cxq --help` is quick."""
