"""Answering sellers: what pages show."""
