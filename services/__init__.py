"""What a person, a partner or a background job does: one use case, one transaction, by area."""
