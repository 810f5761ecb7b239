"""Who works here, who sells, and how they prove it: pages."""
