"""Reads of the operations pages."""
