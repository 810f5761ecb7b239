"""List the faults of an installation, each with its remedy, in sentences. Reads only."""
