"""The review desk: use cases."""
