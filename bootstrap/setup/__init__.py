"""Set-up: what a fresh machine lacks is found or made once, step by step, before any card can come."""
