"""What the operations desk does: watch open workflows, find those that are stuck, and repair them."""
