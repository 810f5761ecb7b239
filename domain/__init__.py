"""What is true and what is allowed: plain Python that knows no framework, no database and no network."""
