"""How good decisions are: pages."""
