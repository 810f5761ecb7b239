"""Activities of a review: its task is opened, its clock rings, and a decision is applied."""
