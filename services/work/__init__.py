"""What every desk shares: use cases."""
