"""The review desk: what pages show."""
