"""What every page shares: what is searched for: rules and facts."""
