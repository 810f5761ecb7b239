"""The HTTP programs, each built from the settings in a file of its own, so that no process loads the pages of another."""
