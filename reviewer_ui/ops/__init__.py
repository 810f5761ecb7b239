"""Pages of the operations desk."""
