"""Answering sellers."""
