"""Committed photographs of invented cards, and the generator that drew them."""
