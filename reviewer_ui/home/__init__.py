"""The front page: pages."""
