"""A seeded set of photos that hurt: invented cards, drawn in many layouts and damaged in known ways, with what is printed on them."""
