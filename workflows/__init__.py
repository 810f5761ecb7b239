"""The durable story of a card: what happens in which order, who is waited for, and until when."""
