"""What every desk shares: pages."""
