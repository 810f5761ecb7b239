"""Photographs as they come in from outside, and where they are kept: decoded once, cleaned, sealed, never served as files."""
