"""Policy documents: read, drafted, tried on recent work, published by a second person."""
