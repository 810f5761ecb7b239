"""Reads a card off its photograph: barcodes first, then print, then what the lines mean."""
