"""Rules that people change: pages."""
