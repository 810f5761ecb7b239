"""How good decisions are: rules and facts."""
