"""The review desk: pages."""
