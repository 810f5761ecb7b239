"""The console: where staff see the cards that a machine must not decide, and decide them."""
