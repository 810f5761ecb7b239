"""Reads for policy documents: recent work to try them on."""
