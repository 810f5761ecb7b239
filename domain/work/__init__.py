"""What every desk shares: rules and facts."""
