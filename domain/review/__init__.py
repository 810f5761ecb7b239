"""The review desk: rules and facts."""
