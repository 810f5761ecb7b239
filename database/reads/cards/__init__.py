"""The journey of a card: what pages show."""
