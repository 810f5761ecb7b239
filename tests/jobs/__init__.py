"""Background loops against a real PostgreSQL."""
