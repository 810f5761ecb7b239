"""Answering sellers: rules."""
