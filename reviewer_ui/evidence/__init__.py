"""The evidence log: pages."""
