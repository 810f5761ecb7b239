"""The journey of a card: rules and facts."""
