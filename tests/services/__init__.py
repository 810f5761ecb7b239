"""Services against a real PostgreSQL and the real simulators over HTTP, by area."""
