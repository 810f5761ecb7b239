"""One file per page of the seller's journey."""
