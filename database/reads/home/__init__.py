"""What the home page counts."""
