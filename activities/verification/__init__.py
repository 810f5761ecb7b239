"""Activities that ask outside parties what a card is worth."""
