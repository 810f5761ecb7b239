"""The evidence log: rules and facts."""
