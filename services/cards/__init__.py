"""The journey of a card: use cases."""
