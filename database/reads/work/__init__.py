"""What every desk shares: what pages show."""
