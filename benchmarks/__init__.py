"""Measurements against the goals of the product: ratios measured side by side in one run, and exact counts."""
