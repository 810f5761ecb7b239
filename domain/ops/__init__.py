"""Operations: which workflows are open, which of them are stuck and why, and how they are repaired."""
