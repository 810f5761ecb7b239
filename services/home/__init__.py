"""What is common to all desks: the one search: use cases."""
