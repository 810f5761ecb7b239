"""Attacks from outside, kept as tests: whatever is added later must stand them too."""
