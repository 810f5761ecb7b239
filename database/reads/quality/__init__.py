"""How good decisions are: what pages show."""
