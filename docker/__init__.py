"""Containers beyond one machine, and the same arrangement without them."""
