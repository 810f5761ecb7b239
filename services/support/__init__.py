"""Answering sellers: use cases."""
