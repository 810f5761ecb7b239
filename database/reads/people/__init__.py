"""Who works here, who sells, and how they prove it: what pages show."""
