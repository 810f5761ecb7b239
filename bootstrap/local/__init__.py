"""PostgreSQL, Temporal and our own programs: started, watched, and stopped in order, so that no card's state is lost."""
