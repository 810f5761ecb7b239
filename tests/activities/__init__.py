"""Temporal activities against a real PostgreSQL and the real simulators over HTTP."""
