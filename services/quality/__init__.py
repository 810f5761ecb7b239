"""How good decisions are: use cases."""
