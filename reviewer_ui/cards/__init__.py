"""Pages about cards and those who sell them."""
