"""Answering sellers: pages."""
